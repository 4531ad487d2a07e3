import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { sluice } from './command.ts';
import { ids, ledger, otlpReceiver, pipelines, post, running } from './running.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-tap-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** What a reload finds changed. */
const owner = join(folder, 'owner');

const config = `${otlpReceiver}
processors:
  attributes: { actions: [{ key: owner, value: "\${file:${owner}}", action: upsert }] }
exporters: { nop: {} }
${pipelines('nop', 'attributes')}`;

test('tap shows what passes, before and behind a processor and across a reload, and the pipeline goes on', async () => {
  writeFileSync(owner, 'first');
  await running(config, {}, async (collector) => {
    const endpoint = `127.0.0.1:${collector.ports.metrics}`;
    const tap = (...args: string[]) => sluice(['tap', '--endpoint', endpoint, '--timeout', '20s', ...args]);
    let sent = 0;
    const feed = async (while_: Promise<unknown>) => {
      let isOver = false;
      void while_.finally(() => (isOver = true));
      while (!isOver) await post(collector, 'logs', ids(`n${sent++}x`, 2));
    };
    const before = tap('attributes', '--limit', '2', '--json');
    await feed(before);
    const { code, stdout, stderr } = await before;
    expect({ code, owners: stdout.includes('owner'), lines: stdout.trimEnd().split('\n').length }).toEqual({
      code: 0,
      owners: false,
      lines: 2,
    });
    expect(stderr).toContain('tapping into processor attributes (traces), into processor attributes (metrics)');
    expect(stderr).toContain('that is the limit: 2 shown of ');

    const across = tap('--filter', 'log.attributes["owner"] == "second"', '--limit', '1');
    writeFileSync(owner, 'second');
    process.kill(collector.pid, 'SIGHUP');
    await feed(across);
    expect((await across).stdout).toMatch(/^log .* into exporter nop \(logs\)\n/);
    expect((await across).stdout).toContain('owner: "second"');
    const { branches } = await ledger(collector);
    expect(branches.find(({ pipeline }) => pipeline === 'logs')).toMatchObject({ received: 2 * sent, sent: 2 * sent });
  });
});

test('a filter with a mistake gets a caret, a component that is not there its neighbours, and silence an exit code of 1', async () => {
  writeFileSync(owner, 'first');
  await running(config, {}, async (collector) => {
    const endpoint = `http://127.0.0.1:${collector.ports.metrics}`;
    const tap = (...args: string[]) => sluice(['tap', '--endpoint', endpoint, ...args]);
    const [bad, nowhere, silent] = await Promise.all([
      tap('--filter', 'span.nome == "a"'),
      tap('atributes'),
      tap('--timeout', '100ms'),
    ]);
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain('  span.nome == "a"\n       ^^^^');
    expect(nowhere.stderr).toContain('expected one of exporter:nop, processor:attributes, receiver:otlp');
    expect(silent).toMatchObject({ code: 1, stdout: '' });
    expect(silent.stderr).toContain('the time is over: 0 shown of 0 items');
  });
  expect((await sluice(['tap', '--endpoint', 'http://127.0.0.1:1'])).stderr).toContain('Is the collector running');
  expect((await sluice(['tap', '--rate', 'often'])).code).toBe(2);
});
