import type { ComponentEntry } from '../core/component.ts';
import type { ResolvedConfig } from '../core/resolved.ts';
import {
  checkReferences,
  type Defined,
  type Draft,
  readComponents,
  type Section,
  sections,
  warnOfUnused,
} from './component_parts.ts';
import { type Issue, inOrder, issueAt, type Source, warningAt } from './issues.ts';
import { lint } from './lint.ts';
import { merge, spreadKeys } from './merge.ts';
import { parsePart } from './part.ts';
import { checkConnectors, checkCycles, readPipelines } from './pipelines.ts';
import { isUnreadable, readLocation, type Surroundings } from './providers.ts';
import { resolveService, type Service, serviceSchema } from './service.ts';
import { substitute } from './substitute.ts';
import { didYouMean } from './suggest.ts';
import { keyPlaceOf, type Node, nodeAt, placeOf } from './tree.ts';
import { parseYaml } from './yaml.ts';

export interface LoadOptions extends Surroundings {
  /** `processors.batch.timeout=2s`, merged last. */
  readonly sets?: readonly string[];
  /** Bytes of the container, or of the machine, for advice on sizes. */
  readonly memoryBytes?: number;
}

/** What a configuration was made from. */
export interface ConfigDocument {
  /** All sources merged, nothing replaced. */
  readonly merged: Node;
  /** By section and id: what went into each component's schema. */
  readonly parts: Readonly<Record<Section, ReadonlyMap<string, unknown>>>;
  readonly service: unknown;
}

/** A complete configuration together with the document it came from, for print-config. */
export interface LoadedConfig extends ResolvedConfig {
  readonly document: ConfigDocument;
}

export type Loaded =
  | { readonly ok: true; readonly config: LoadedConfig; readonly warnings: Issue[] }
  | { readonly ok: false; readonly issues: Issue[]; readonly warnings: Issue[] };

/**
 * Reads, merges, substitutes and checks a configuration. Loads the code of those components only that it defines.
 * Never throws for what a user may write: each problem is an issue, and all are told at once.
 * @param sources paths, `file:`, `env:`, `yaml:`, `http(s):`, later ones win
 */
export async function loadConfig(
  sources: readonly string[],
  components: readonly ComponentEntry[],
  options: LoadOptions,
): Promise<Loaded> {
  const issues: Issue[] = [];
  const written = await readSources(sources, options, issues);
  if (!written) return finish(undefined, issues);
  const document = await substitute(written, options, issues);
  const config = await check(document, written, components, issues);
  // Advice on a configuration with errors would be noise.
  if (config && !issues.some(({ severity }) => severity === 'error')) {
    issues.push(...lint({ config, memoryBytes: options.memoryBytes }, document));
  }
  return finish(config, issues);
}

function finish(config: LoadedConfig | undefined, issues: readonly Issue[]): Loaded {
  const distinct = [...new Map(issues.map((issue) => [JSON.stringify(issue), issue])).values()];
  const warnings = inOrder(distinct.filter((issue) => issue.severity === 'warning'));
  const errors = inOrder(distinct.filter((issue) => issue.severity === 'error'));
  return config && errors.length === 0 ? { ok: true, config, warnings } : { ok: false, issues: errors, warnings };
}

/** @returns the merged sources; undefined if one could not be read, since what would follow is noise. */
async function readSources(
  locations: readonly string[],
  options: LoadOptions,
  issues: Issue[],
): Promise<Node | undefined> {
  const fail = (file: string, message: string) => issues.push({ severity: 'error', file, path: '', message });
  const sources: Source[] = [];
  for (const location of locations) {
    const source = await readLocation(location, options);
    if (isUnreadable(source)) fail(location, source.unreadable);
    else sources.push(source);
  }
  for (const set of options.sets ?? []) {
    const source = setSource(set);
    if (source) sources.push(source);
    else fail('--set', `expected key.path=value, got ${JSON.stringify(set)}`);
  }
  if (locations.length === 0) fail('--config', 'expected at least one --config FILE');
  const trees = sources.flatMap((source) => readTree(source, issues) ?? []);
  return issues.length === 0 ? trees.reduce(merge) : undefined;
}

/** @returns the map that a source holds, an empty one for an empty source; undefined after an issue. */
function readTree(source: Source, issues: Issue[]): Node | undefined {
  const parsed = parseYaml(source);
  if (!('node' in parsed)) {
    issues.push(...parsed.issues);
    return undefined;
  }
  const { node } = parsed;
  if (node.kind === 'scalar' && node.value === null) return { kind: 'map', at: node.at, entries: new Map() };
  if (node.kind === 'map') return spreadKeys(node, issues);
  issues.push(issueAt(node.at, [], 'expected a map with receivers, exporters and service'));
  return undefined;
}

/** Upstream's rule: the dots of the key become levels, the value is YAML. */
function setSource(set: string): Source | undefined {
  const equals = set.indexOf('=');
  if (equals <= 0) return undefined;
  const key = set.slice(0, equals).trim().replaceAll('.', '::');
  return { name: '--set', text: `${key}: ${set.slice(equals + 1).trim()}`, lines: false };
}

async function check(
  root: Node,
  merged: Node,
  components: readonly ComponentEntry[],
  issues: Issue[],
): Promise<LoadedConfig | undefined> {
  checkTopLevel(root, issues);
  const definitions = await readComponents(root, components, issues);
  const draft: Draft = { root, definitions, used: new Set(), issues };
  checkAmbiguous(draft);
  const node = nodeAt(root, ['service']);
  if (!node) {
    const message = 'expected service with pipelines, got nothing: without it nothing would run';
    issues.push(issueAt(root.at, ['service'], message));
    return undefined;
  }
  const parsed = parsePart(serviceSchema, { node, path: ['service'], root }, issues);
  if (!parsed) return undefined;
  const service = parsed.value as Service;
  const pipelines = readPipelines(service, draft);
  checkConnectors(pipelines, draft);
  checkCycles(pipelines, draft);
  checkExtensions(service.extensions, draft);
  checkReferences(draft, service.extensions);
  warnOfUnused(draft);
  adviseOnTelemetry(root, issues);
  const resolved = bySection((section) => pick(definitions[section], (one) => one.resolved));
  const parts = bySection((section) => pick(definitions[section], (one) => one.input));
  const document = { merged, parts, service: parsed.input };
  return { ...resolved, service: resolveService(service, pipelines), document };
}

function bySection<T>(make: (section: Section) => T): Record<Section, T> {
  return Object.fromEntries(sections.map((section) => [section, make(section)])) as Record<Section, T>;
}

function pick<T>(all: ReadonlyMap<string, Defined>, what: (one: Defined) => T | undefined): ReadonlyMap<string, T> {
  const picked = new Map<string, T>();
  for (const one of all.values()) {
    const value = what(one);
    if (value !== undefined) picked.set(one.id, value);
  }
  return picked;
}

function checkTopLevel(root: Node, issues: Issue[]): void {
  if (root.kind !== 'map') return;
  const known = [...sections, 'service'];
  for (const [key, entry] of root.entries) {
    if (known.includes(key)) continue;
    const advice = didYouMean(key, known) || `; known are ${known.join(', ')}`;
    issues.push(issueAt(entry.at, [key], `expected a known section, got ${JSON.stringify(key)}${advice}`));
  }
}

/** A pipeline that names the id could mean either. */
function checkAmbiguous({ definitions, root, issues }: Draft): void {
  for (const { id, path } of definitions.connectors.values()) {
    for (const section of ['receivers', 'exporters'] as const) {
      if (!definitions[section].has(id)) continue;
      issues.push(
        issueAt(
          keyPlaceOf(root, path),
          path,
          `expected an id that no other part has, got one of the ${section}: name one of them type/name`,
        ),
      );
    }
  }
}

function checkExtensions(listed: readonly string[], { definitions, root, used, issues }: Draft): void {
  for (const [index, id] of listed.entries()) {
    const path = ['service', 'extensions', index];
    used.add(`extensions ${id}`);
    if (listed.indexOf(id) < index) {
      issues.push(issueAt(placeOf(root, path), path, `expected each extension once, got ${JSON.stringify(id)} again`));
    } else if (!definitions.extensions.has(id)) {
      const advice = didYouMean(id, definitions.extensions.keys()) || ': define it under extensions';
      issues.push(
        issueAt(
          placeOf(root, path),
          path,
          `expected one of the defined extensions, got ${JSON.stringify(id)}${advice}`,
        ),
      );
    }
  }
}

function adviseOnTelemetry(root: Node, issues: Issue[]): void {
  const path = ['service', 'telemetry', 'metrics', 'address'];
  if (!nodeAt(root, path)) return;
  issues.push(warningAt(keyPlaceOf(root, path), path, 'is deprecated: use readers with pull.exporter.prometheus'));
}
