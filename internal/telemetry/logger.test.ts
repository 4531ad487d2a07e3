import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Clock } from '../core/clock.ts';
import { testFolder } from '../testkit/folder.ts';
import { createLogger, type LoggerOptions } from './logger.ts';

const build = { name: 'sluice', version: '1.2.3' };
const config = { level: 'info', encoding: 'console', outputPaths: [], initialFields: {}, resource: true } as const;

/** A clock that stands still until it is moved. */
function stillClock() {
  const state = { ms: Date.UTC(2026, 0, 2, 3, 4, 5, 678) };
  const clock: Clock = {
    now: () => state.ms,
    monotonic: () => state.ms,
    after: () => ({ cancel() {} }),
    every: () => ({ cancel() {} }),
  };
  return { clock, state };
}

function capture(part: Partial<Parameters<typeof createLogger>[0]> = {}, options: LoggerOptions = {}, color = false) {
  const lines: string[] = [];
  const { clock, state } = stillClock();
  const sink = { write: (line: string) => void lines.push(line), flush: async () => {}, color };
  const { logger } = createLogger({ ...config, ...part }, build, { clock, sinks: [sink], ...options });
  return { lines, logger, state };
}

test('a console line shows time, level, component, message and fields', () => {
  const { lines, logger } = capture();
  const component = logger.with({ 'otelcol.component.kind': 'exporter', 'otelcol.component.id': 'otlp' });
  component.info('backend unreachable, retrying', { held: 512, tried: ['a', 'b'] });
  expect(lines).toEqual([
    '2026-01-02T03:04:05.678Z  info  exporters/otlp  backend unreachable, retrying  {"held": 512, "tried": ["a", "b"]}\n',
  ]);
});

test('a JSON line has the keys of upstream, the resource and the initial fields', () => {
  const { lines, logger } = capture({ encoding: 'json', initialFields: { region: 'eu' } });
  logger.with({ 'otelcol.component.id': 'otlp' }).warn('slow', { ms: 3 });
  expect(JSON.parse(lines[0]!)).toEqual({
    level: 'warn',
    ts: '2026-01-02T03:04:05.678Z',
    msg: 'slow',
    resource: { 'service.name': 'sluice', 'service.version': '1.2.3' },
    region: 'eu',
    'otelcol.component.id': 'otlp',
    ms: 3,
  });
});

test('lines below the configured level are left out', () => {
  const { lines, logger } = capture({ level: 'warn' });
  logger.debug('a');
  logger.info('b');
  logger.warn('c');
  logger.error('d');
  expect(lines.map((line) => line.split('  ').at(-1))).toEqual(['c\n', 'd\n']);
});

test('secrets are masked by name at any depth and in URLs', () => {
  const { lines, logger } = capture();
  logger.info('calling https://ann:hunter2@backend/x', {
    headers: { Authorization: 'Bearer abc', 'x-api-key': 'k1', accept: '*/*' },
    nested: [{ password: 'hunter2', token: 't', client_secret: 's' }],
    error: new Error('connect to http://u:hunter2@h failed', { cause: new Error('refused') }),
    tokens_per_second: 5,
    key_file: '/etc/key.pem',
  });
  const line = lines[0]!;
  for (const secret of ['hunter2', 'abc', '"k1"', '"t"', '"s"']) expect(line).not.toContain(secret);
  for (const kept of ['ann', '*/*', 'refused', '"tokens_per_second": 5', '/etc/key.pem']) expect(line).toContain(kept);
});

test('a credential inside a text is masked', () => {
  const { lines, logger } = capture();
  logger.info('sent Authorization: Bearer eyJhbGciOi.x-y_z to https://ann:hunter2@backend', {
    why: 'basic YW5uOmh1bnRlcjI=',
  });
  for (const secret of ['eyJhbGciOi', 'hunter2', 'YW5uOmh1']) expect(lines[0]).not.toContain(secret);
});

test('a bug is told with its place, an expected error without', () => {
  const { lines, logger } = capture();
  logger.error('x', { error: new TypeError('no such thing') });
  logger.error('y', { error: Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' }) });
  expect(lines[0]).toMatch(/TypeError: no such thing; at .*logger\.test\.ts:\d+/);
  expect(lines[1]).not.toContain(' at ');
});

test('text from outside neither breaks the line nor steers the terminal', () => {
  const { lines, logger } = capture();
  logger.error('bad\nline \u001b[2J', { 'k\n': '\u009b1m', big: 10n, bytes: new Uint8Array(3), nan: Number.NaN });
  expect(lines[0]!.match(/\n/g)).toHaveLength(1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
  expect(lines[0]).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0080-\u009f]/);
  expect(lines[0]).toContain('"big": "10", "bytes": "[3 bytes]", "nan": "NaN"');
});

test('a cyclic, deep or huge field is cut, not followed', () => {
  const { lines, logger } = capture();
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  logger.info('x', { cycle, long: 'a'.repeat(100_000), many: Array.from({ length: 10_000 }, (_, i) => i) });
  expect(lines[0]!.length).toBeLessThan(6000);
});

test('without sampling each line is written, and without the resource none names it', () => {
  const { lines, logger } = capture({ encoding: 'json', resource: false });
  for (let i = 0; i < 210; i += 1) logger.warn('refused');
  expect(lines).toHaveLength(210);
  expect(JSON.parse(lines[0]!)).not.toHaveProperty('resource');
});

test('colours appear only on a terminal', () => {
  const onTerminal = capture({}, {}, true);
  onTerminal.logger.warn('x');
  const elsewhere = capture();
  elsewhere.logger.warn('x');
  expect(onTerminal.lines[0]).toContain('\u001b[33m');
  expect(elsewhere.lines[0]).not.toContain('\u001b');
});

test('a field cannot replace the level, the time or the message', () => {
  const { lines, logger } = capture({ encoding: 'json' });
  logger.info('real', { msg: 'fake', level: 'fake', ts: 'fake' });
  expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'real', level: 'info', msg_: 'fake' });
});

const sampling = { tickMs: 10_000, initial: 10, thereafter: 100 };

test('a line repeated within ten seconds is written ten times, then once in a hundred, and the omitted are told', () => {
  const { lines, logger, state } = capture({ encoding: 'json', sampling });
  for (let i = 0; i < 210; i += 1) logger.warn('refused');
  expect(lines).toHaveLength(12);
  logger.warn('something else');
  expect(lines).toHaveLength(13);
  state.ms += 10_000;
  for (let i = 0; i < 20; i += 1) logger.warn('refused');
  expect(lines).toHaveLength(23);
  expect(lines.reduce((sum, line) => sum + (JSON.parse(line).omitted_before ?? 0), 0)).toBe(198);
});

test('two components do not thin out each other', () => {
  const { lines, logger } = capture({ sampling });
  for (const id of ['a', 'b']) {
    const component = logger.with({ 'otelcol.component.id': id });
    for (let i = 0; i < 10; i += 1) component.info('same');
  }
  expect(lines).toHaveLength(20);
});

test('a file output receives the lines, after what it had', async () => {
  const path = join(await testFolder(), 'out.log');
  for (const message of ['first', 'second']) {
    const { logger, close } = createLogger({ ...config, outputPaths: [path] }, build);
    logger.info(message);
    await close();
  }
  expect(readFileSync(path, 'utf8')).toMatch(/first\n.*second\n$/);
});

test('an output that cannot be opened is an error that names it', () => {
  expect(() => createLogger({ ...config, outputPaths: ['/no/such/folder/x.log'] }, build)).toThrow(
    /service\.telemetry\.logs\.output_paths: cannot open "\/no\/such\/folder\/x\.log".*Create its folder/,
  );
});

test('a full disk does not end the process', () => {
  const script = `
    import { createLogger } from ${JSON.stringify(new URL('./logger.ts', import.meta.url).href)};
    const { logger, flush } = createLogger({ level: 'info', encoding: 'json', outputPaths: ['/dev/full', 'stdout'], initialFields: {} }, { name: 'x', version: '1' });
    logger.info('one');
    await flush();
    logger.info('two');
    await flush();
  `;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 15_000 });
  expect(run.status, run.stderr).toBe(0);
  expect(run.stdout.trim().split('\n')).toHaveLength(2);
});

test('lines written just before the process ends are not lost', () => {
  const script = `
    import { createLogger } from ${JSON.stringify(new URL('./logger.ts', import.meta.url).href)};
    const { logger, flush } = createLogger({ level: 'info', encoding: 'json', outputPaths: ['stderr'], initialFields: {} }, { name: 'x', version: '1' });
    for (let i = 0; i < 1000; i += 1) logger.info('line ' + i);
    await flush();
    process.exit(3);
  `;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 15_000 });
  expect(run.status).toBe(3);
  expect(run.stderr.trim().split('\n')).toHaveLength(1000);
});
