import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/**
 * Who may import whom, docs: the house in `docs/architecture.md`. A row names the areas an area may import besides itself.
 * Type-only imports follow the same rules, but for `core`, which may name `otlp`'s types only.
 */
const foundations = ['core', 'otlp'];
const middle = ['config', 'telemetry', 'net', 'exporterhelper'];
const allowed: Readonly<Record<string, readonly string[]>> = {
  otlp: [],
  core: ['otlp'],
  config: foundations,
  telemetry: [...foundations, 'net'],
  net: [...foundations, 'config'],
  exporterhelper: [...foundations, 'config'],
  sampling: foundations,
  ottl: foundations,
  prometheus: [...foundations, 'config'],
  attributes: [...foundations, 'config', 'ottl'],
  quality: [...foundations, 'config', 'ottl', 'attributes'],
  detection: [...foundations, 'config', 'net', 'ottl', 'attributes'],
  temporality: [...foundations, 'attributes'],
  pipeline: foundations,
  testkit: [...foundations, ...middle, 'pipeline'],
  component: [
    ...foundations,
    ...middle,
    'sampling',
    'ottl',
    'attributes',
    'detection',
    'quality',
    'prometheus',
    'temporality',
  ],
};
const unpackaged = new Set(['otlp', 'core', 'pipeline']);
const openTo = new Set(['cmd', 'bench']);
const forbiddenFolder = /(^|\/)(utils?|common|helpers?)(\/|\.ts$)/;

/** @returns one line per import that DESIGN section 2 forbids. */
export function wrongImports(root: string): string[] {
  const problems: string[] = [];
  const files = globSync('{cmd,receivers,processors,exporters,connectors,extensions,internal,bench}/**/*.ts', {
    cwd: root,
  })
    .map((file) => file.replaceAll('\\', '/'))
    // AssemblyScript has other rules for imports.
    .filter((file) => !file.includes('node_modules/') && !file.includes('/assembly/'));
  const graph = new Map<string, string[]>();
  for (const file of files) {
    if (forbiddenFolder.test(file))
      problems.push(`${file}: nothing is called utils, common or helpers; name it after what it does`);
    const text = readFileSync(join(root, file), 'utf8');
    const isTest = /\.(test|bench)\.ts$/.test(file) || file.includes('/test/');
    if (!isTest && /^export \* from/m.test(text)) problems.push(`${file}: export * hides what is exported; name each`);
    const imports = importsOf(text);
    graph.set(
      file,
      imports
        .filter((each) => !each.typeOnly && !each.dynamic && each.from.startsWith('.'))
        .map((each) => posix.join(dirname(file), each.from)),
    );
    if (isTest) continue;
    for (const { from, typeOnly } of imports) {
      const problem = judge(file, from, typeOnly);
      if (problem) problems.push(`${file}: imports ${from}: ${problem}`);
    }
  }
  return [...problems, ...cycles(graph)];
}

interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

function importsOf(text: string): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s)?[^'"`;]*?from\s+'([^']+)'/gm)) {
    found.push({ from: match[2]!, typeOnly: match[1] !== undefined, dynamic: false });
  }
  for (const match of text.matchAll(/^import\s+'([^']+)'/gm))
    found.push({ from: match[1]!, typeOnly: false, dynamic: false });
  for (const match of text.matchAll(/\bimport\('([^']+)'\)/g))
    found.push({ from: match[1]!, typeOnly: false, dynamic: true });
  return found;
}

function judge(file: string, from: string, typeOnly: boolean): string | undefined {
  const here = areaOf(file);
  if (openTo.has(here.area)) return undefined;
  if (!from.startsWith('.')) {
    if (unpackaged.has(here.area) && !from.startsWith('node:') && !typeOnly)
      return `internal/${here.area} depends on no package`;
    return undefined;
  }
  const target = posix.join(dirname(file), from);
  if (!from.endsWith('.ts')) return 'write the whole file name, .ts included';
  const there = areaOf(target);
  if (here.area === there.area && here.unit === there.unit) return undefined;
  if (there.area === 'testkit') return 'only tests and bench import the testkit';
  if (here.area === there.area && here.area === 'component') return 'a component never imports a sibling';
  if (here.area === 'core' && there.area === 'otlp' && !typeOnly) return 'core may name the types of otlp only';
  if (here.area !== there.area && !allowed[here.area]?.includes(there.area))
    return `${here.area} may not know ${there.area}`;
  return undefined;
}

function areaOf(file: string): { area: string; unit: string } {
  const [top = '', second = ''] = file.split('/');
  if (top === 'internal') return { area: second, unit: second };
  if (top === 'cmd' || top === 'bench') return { area: top, unit: top };
  return { area: 'component', unit: `${top}/${second}` };
}

/** Each cycle of run-time imports, once. */
function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string) => {
    const at = path.indexOf(file);
    if (at >= 0) {
      found.push(`import cycle: ${[...path.slice(at), file].join(' -> ')}`);
      return;
    }
    if (done.has(file)) return;
    path.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return found;
}
