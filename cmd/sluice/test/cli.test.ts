import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { build } from '../version.ts';
import { sluice } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const small = `
receivers: { otlp: { protocols: { grpc: { endpoint: "localhost:0" } } } }
exporters: { nop: {} }
service: { pipelines: { traces: { receivers: [otlp], exporters: [nop] } } }
`;

test('--version prints the version of package.json', async () => {
  expect(JSON.parse(readFileSync('package.json', 'utf8')).version).toBe(build.version);
  const { code, stdout } = await sluice(['--version']);
  expect(code).toBe(0);
  expect(stdout).toContain(`sluice ${build.version}`);
});

test('--help shows commands with examples, and each command has its own', async () => {
  const { code, stdout } = await sluice(['--help']);
  expect(code).toBe(0);
  for (const command of [
    'run',
    'validate',
    'print-config',
    'components',
    'generate',
    'explain',
    'replay',
    'healthcheck',
  ]) {
    expect(stdout).toContain(command);
    expect((await sluice([command, '--help'])).stdout).toMatch(new RegExp(`Usage: sluice \\[?${command}`));
  }
});

test('a command line that makes no sense ends with exit code 2 and a pointer to --help', async () => {
  for (const args of [
    ['frobnicate'],
    ['--no-such-flag'],
    ['validate', 'extra'],
    ['generate', 'profiles'],
    ['generate', 'traces', '--rate', 'fast'],
  ]) {
    const { code, stderr } = await sluice(args);
    expect(stderr, args.join(' ')).toContain("Try 'sluice --help'");
    expect(code, args.join(' ')).toBe(2);
  }
});

test('validate names file, line and column of each problem, starts nothing and exits with 1', async () => {
  const path = file(
    'broken.yaml',
    small
      .replace('exporters: { nop: {} }', 'exporters:\n  nop: {}\n  otlp: { endpiont: "x:1" }')
      .replace('[nop]', '[nop, otlq]'),
  );
  const { code, stderr } = await sluice(['validate', '--config', path]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/broken\.yaml:5:11 exporters\.otlp\.endpiont: .*endpoint/);
  expect(stderr).toMatch(/broken\.yaml:6:\d+ service\.pipelines\.traces\.exporters.*otlq/);
});

test('validate warns of what is allowed and hardly meant, with exit code 0, or 1 with --strict', async () => {
  const path = file(
    'odd.yaml',
    `receivers: { otlp: { protocols: { grpc: { endpoint: "localhost:0" } } } }
exporters: { nop: {} }
processors:
  batch: {}
  tail_sampling:
    num_traces: 1000
    expected_new_traces_per_sec: 100
    decision_cache: { sampled_cache_size: 100 }
    policies:
      - { name: all, type: always_sample }
      - { name: errors, type: status_code, status_code: { status_codes: [ERROR] } }
    sample_on_first_match: true
service: { pipelines: { traces: { receivers: [otlp], processors: [batch, tail_sampling], exporters: [nop] } } }
`,
  );
  const warnings = [
    'odd.yaml:6:17 processors.tail_sampling.num_traces: is 1000, less than the 3000 traces',
    'odd.yaml:8:43 processors.tail_sampling.decision_cache.sampled_cache_size: is 100, less than num_traces (1000)',
    'odd.yaml:11:17 processors.tail_sampling.policies[1].name: is never asked',
    'odd.yaml:13:67 service.pipelines.traces.processors[0]: works best behind tail_sampling',
  ];
  const lenient = await sluice(['validate', '--config', path]);
  expect(lenient).toMatchObject({ code: 0, stdout: expect.stringContaining('is valid') });
  for (const warning of warnings) expect(lenient.stderr).toContain(warning);
  expect(lenient.stderr.match(/^warning: /gm)).toHaveLength(warnings.length);
  const strict = await sluice(['validate', '--strict', '--config', path]);
  expect(strict).toMatchObject({ code: 1, stdout: '' });
  expect(strict.stderr.match(/^error: /gm)).toHaveLength(warnings.length);
});

test('a missing file is a configuration error', async () => {
  const { code, stderr } = await sluice(['--config', join(folder, 'nonesuch.yaml')]);
  expect(code).toBe(1);
  expect(stderr).toContain('nonesuch.yaml');
});

test('sources are merged in order, and --set has the last word', async () => {
  const base = file('base.yaml', small);
  const { code, stdout } = await sluice(
    [
      'print-config',
      '--config',
      base,
      '--config',
      'env:MORE',
      '--config',
      'yaml:exporters::nop/b: {}',
      '--set',
      'service.telemetry.logs.level=debug',
    ],
    { MORE: '{service: {telemetry: {logs: {level: warn}}, pipelines: {traces: {exporters: [nop, nop/b]}}}}' },
  );
  expect(code).toBe(0);
  expect(stdout).toContain('nop/b');
  expect(stdout).toMatch(/level: debug/);
});

test('print-config masks secrets', async () => {
  const path = file(
    'secret.yaml',
    small.replace('nop: {}', 'nop: {}, otlp: { endpoint: "x:1", headers: { authorization: "Bearer s3cr3t" } }'),
  );
  const { stdout } = await sluice(['print-config', '--config', path]);
  expect(stdout).toContain('[REDACTED]');
  expect(stdout).not.toContain('s3cr3t');
});

test('components lists each with signals and stability', async () => {
  const { code, stdout } = await sluice(['components']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/otlp_grpc +\w+ +traces metrics logs .*also otlp/);
  const rows = JSON.parse((await sluice(['components', '--json'])).stdout);
  for (const row of rows)
    expect(row).toMatchObject({ kind: expect.any(String), stability: expect.any(String), summary: expect.any(String) });
});

test('each file in configs and deploy is valid', async () => {
  const files = ['configs', 'deploy'].flatMap((at) => readdirSync(at).map((name) => join(at, name)));
  const configurations = files.filter((path) => path.endsWith('.yaml') && !path.includes('compose'));
  expect(configurations.length).toBeGreaterThan(3);
  const results = await Promise.all(configurations.map((path) => sluice(['validate', '--config', path])));
  results.forEach(({ code, stderr }, at) => {
    expect(stderr, configurations[at]).toBe('');
    expect(code).toBe(0);
  });
});

test('healthcheck exits with 1 and says why when nobody answers', async () => {
  const { code, stderr } = await sluice(['healthcheck', '--endpoint', 'http://127.0.0.1:1/']);
  expect(code).toBe(1);
  expect(stderr).toContain('127.0.0.1:1');
});
