/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's syntax, not JavaScript's */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { components } from './fixture.ts';
import { formatIssue } from './issues.ts';
import { type Loaded, type LoadedConfig, loadConfig } from './load.ts';

const files: Record<string, string> = {
  '/base.yaml': `receivers: { otlp: { protocols: { grpc: } } }
processors:
  batch: { timeout: 1s, send_batch_size: 10 }
exporters:
  debug:
  otlp/b: { endpoint: "a:1", compression: none }
service:
  pipelines:
    traces: { receivers: [otlp], processors: [batch], exporters: [debug, otlp/b] }
`,
  '/over.yaml': `
exporters:
  otlp/b: { endpoint: "b:2" }
service:
  pipelines:
    traces: { exporters: [otlp/b] }
`,
  '/wrong.yaml': '\n\nprocessors:\n  batch:\n    timeout: soon\n',
};

function load(sources: string[], sets: string[] = [], env: Record<string, string> = {}): Promise<Loaded> {
  return loadConfig(sources, components, { env, cwd: '/', sets, readFile: async (path) => files[path]! });
}

async function right(...args: Parameters<typeof load>): Promise<LoadedConfig> {
  const loaded = await load(...args);
  if (loaded.ok) return loaded.config;
  throw new Error(loaded.issues.map(formatIssue).join('\n'));
}

test('later sources win, maps merge, lists replace, --set comes last', async () => {
  const config = await right(
    ['base.yaml', 'file:over.yaml', 'env:MORE', 'yaml:processors::batch::timeout: 3s'],
    [
      'processors.batch.timeout=4s',
      'exporters.otlp/b.headers={ a: "${env:A}" }',
      'service.telemetry.logs.level = debug',
    ],
    { MORE: 'processors: { batch: { timeout: 2s, send_batch_size: 20 } }', A: '1' },
  );
  expect(config.processors.get('batch')?.config).toMatchObject({ timeout: 4000, send_batch_size: 20 });
  expect(config.exporters.get('otlp/b')?.config).toMatchObject({
    endpoint: 'b:2',
    compression: 'none',
    headers: { a: '1' },
  });
  expect(config.service.pipelines.get('traces')).toMatchObject({ receivers: ['otlp'], exporters: ['otlp/b'] });
  expect(config.service.telemetry.logs.level).toBe('debug');
});

const places: [string, Parameters<typeof load>, string[]][] = [
  [
    'a second file',
    [['base.yaml', 'wrong.yaml']],
    ['wrong.yaml:5:14 processors.batch.timeout: expected a duration such as 200ms, got "soon"'],
  ],
  [
    'a variable with YAML',
    [['base.yaml', 'env:MORE'], [], { MORE: 'processors:\n  batch: { timeout: soon }' }],
    ['env:MORE:2:21 processors.batch.timeout: expected a duration such as 200ms, got "soon"'],
  ],
  [
    'YAML in line',
    [['base.yaml', 'yaml:processors::batch::timeout: soon']],
    ['yaml:1:29 processors.batch.timeout: expected a duration such as 200ms, got "soon"'],
  ],
  [
    'a set',
    [['base.yaml'], ['processors.batch.timeout=soon']],
    ['--set processors.batch.timeout: expected a duration such as 200ms, got "soon"'],
  ],
  [
    'several files, in their order',
    [['wrong.yaml', 'base.yaml', 'yaml:processors::batch::timeot: 1s']],
    ['yaml:1:1 processors.batch.timeot: expected a known field, got "timeot"; did you mean "timeout"?'],
  ],
];
test.each(places)('the place of a problem in %s', async (_name, args, want) => {
  const loaded = await load(...args);
  expect(loaded.ok ? [] : loaded.issues.map(formatIssue)).toEqual(want);
});

test('a problem with what replaced a reference stands at the reference', async () => {
  const loaded = await load(
    ['base.yaml', 'yaml:processors:\n  batch: { timeout: "${env:T}", send_batch_size: "${N:-x}" }'],
    [],
    { T: 'soon' },
  );
  expect(loaded.ok ? [] : loaded.issues.map(formatIssue)).toEqual([
    'yaml:2:22 processors.batch.timeout: expected a duration such as 200ms, got "soon"',
    'yaml:2:51 processors.batch.send_batch_size: expected a number, got "x"',
  ]);
});

test('a field that wants text gets the text of a variable, others its YAML value', async () => {
  const env = { CODE: '0123', MAP: '{ a: b }', N: '5', FLAG: 'true', C: 'zstd' };
  const config = await right(
    [
      'base.yaml',
      'yaml:{ processors: { batch: { send_batch_size: "${env:N}", metadata_keys: ["${N}", "${MAP}"] } }, exporters: { otlp/b: { endpoint: "${env:CODE}", compression: "${C}", headers: { a: "${env:FLAG}" }, tls: { insecure: "${FLAG}" } } } }',
    ],
    [],
    env,
  );
  expect(config.processors.get('batch')?.config).toMatchObject({
    send_batch_size: 5,
    metadata_keys: ['5', '{ a: b }'],
  });
  expect(config.exporters.get('otlp/b')?.config).toMatchObject({
    endpoint: '0123',
    compression: 'zstd',
    headers: { a: 'true' },
    tls: { insecure: true },
  });
});

test('an unset variable is empty text, and elsewhere leaves the default, as an empty field does', async () => {
  const text =
    'yaml:{ processors: { batch: { timeout: "${env:NO}", send_batch_size: } }, exporters: { otlp/b: { headers: { a: "${env:NO}" } } } }';
  const loaded = await load(['base.yaml', text]);
  if (!loaded.ok) throw new Error(loaded.issues.map(formatIssue).join('\n'));
  expect(loaded.config.processors.get('batch')?.config).toMatchObject({ timeout: 200, send_batch_size: 8192 });
  expect(loaded.config.exporters.get('otlp/b')?.config).toMatchObject({ headers: { a: '' } });
  const unset =
    'the environment variable NO is not set, so it is empty here: set it, or give a default: ${env:NO:-value}';
  expect(loaded.warnings.map(formatIssue)).toEqual([
    `yaml:1:36 processors.batch.timeout: ${unset}`,
    `yaml:1:108 exporters.otlp/b.headers.a: ${unset}`,
  ]);
});

test('whatever a file holds, loading answers and does not throw', async () => {
  const text = await readFile(`${import.meta.dirname}/testdata/gateway.yaml`, 'utf8');
  let state = 7;
  const next = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state % below;
  };
  const bits = [
    '',
    ':',
    '- ',
    '{',
    '}',
    '[',
    '"',
    '\t',
    '\n',
    '  ',
    '&a ',
    '*a',
    '${',
    '$$',
    '<<: ',
    '!!',
    '|\n',
    '0',
    'null',
    '\u0000',
    '__proto__',
    'constructor: ',
  ];
  for (let run = 0; run < 150; run++) {
    let broken = text;
    for (let edits = 1 + next(4); edits > 0; edits--) {
      const at = next(broken.length);
      broken = broken.slice(0, at) + bits[next(bits.length)] + broken.slice(at + next(6));
    }
    const loaded = await load([`yaml:${broken}`]);
    expect(loaded.ok || loaded.issues.length > 0, broken).toBe(true);
  }
});
