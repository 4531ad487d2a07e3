import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { balanced, branchOf } from './balance.ts';
import { attributeOf, attributes, linesOf, metric, postJson, recordsIn } from './quality.ts';
import { otlpReceiver, type Running, running, until } from './running.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-reload-quality-'));
afterAll(() => rmSync(folder, { recursive: true }));
/** What a reload finds changed, behind the processors that this is about: they are made anew with the same configuration. */
const owner = join(folder, 'owner');
const out = join(folder, 'out.jsonl');

const config = `${otlpReceiver.replace('http: {', 'http: { include_metadata: true,')}
processors:
  rate_limiter: { key: { metadata: tenant }, items_per_second: 0.001, items_burst: 3 }
  data_quality: { rules: [{ name: users, max_cardinality: { attribute: user, limit: 1 } }] }
  logdedup: { interval: 10m, spans_window: 10m }
  attributes: { actions: [{ key: owner, value: "\${file:${owner}}", action: upsert }] }
connectors:
  data_quality/split:
    rules: [{ name: users, max_cardinality: { attribute: user, limit: 1 }, action: route }]
    dead_letter_pipelines: [traces/dead]
    tag_attribute: "\${file:${owner}}"
exporters: { file: { path: ${out} }, nop: {} }
service:
  pipelines:
    logs: { receivers: [otlp], processors: [rate_limiter, data_quality, logdedup, attributes], exporters: [file] }
    traces/in: { receivers: [otlp], exporters: [data_quality/split] }
    traces: { receivers: [data_quality/split], processors: [logdedup, attributes], exporters: [file] }
    traces/dead: { receivers: [data_quality/split], exporters: [file] }`;

async function reload(sluice: Running, value: string): Promise<void> {
  const loaded = () => sluice.stderr().split('the new configuration runs').length;
  const before = loaded();
  writeFileSync(owner, value);
  process.kill(sluice.pid, 'SIGHUP');
  await until('the new configuration runs', () => loaded() > before);
}

async function services(sluice: Running): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${sluice.ports.metrics}/quality`);
  const { reports } = (await answer.json()) as { reports: any[] };
  return reports.map(({ component, pipeline, services: [cart, ...others] }) => {
    return [component, pipeline, cart.items, cart.violations[0]?.count ?? 0, others.length];
  });
}

test('a reload loses nothing that quality processors hold or remember, and emits nothing twice', async () => {
  writeFileSync(owner, 'first');
  const { stderr } = await running(config, {}, async (sluice) => {
    const resource = { attributes: attributes({ 'service.name': 'cart' }) };
    const log = (user: string) => ({ severityText: 'same', attributes: attributes({ user }) });
    const logs = async (tenant: string, user: string, count: number) => {
      const scopeLogs = [{ logRecords: Array.from({ length: count }, () => log(user)) }];
      const answer = await postJson(sluice, 'logs', { resourceLogs: [{ resource, scopeLogs }] }, { tenant });
      return answer.status;
    };
    const span = async (user: string, digit: string) => {
      const spans = [
        { traceId: digit.repeat(32), spanId: digit.repeat(16), name: 'n', attributes: attributes({ user }) },
      ];
      const answer = await postJson(sluice, 'traces', { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
      return answer.status;
    };
    expect([await logs('a', 'x', 3), await logs('a', 'x', 1), await span('x', '1')]).toEqual([200, 429, 200]);

    for (const value of ['second', 'third']) {
      await reload(sluice, value);
      expect([await logs('a', 'x', 1), await span('x', '1')]).toEqual([429, 200]);
      await balanced(sluice);
    }
    expect([await logs('b', 'x', 3), await logs('c', 'y', 1), await span('y', '2')]).toEqual([200, 200, 200]);
    expect(await services(sluice)).toEqual([
      ['data_quality/split', 'traces/in', 4, 1, 0],
      ['data_quality', 'logs', 7, 1, 0],
    ]);
    expect(await metric(sluice, 'sluice_data_quality_violations_total', { id: 'data_quality' })).toBe(1);
    const branch = branchOf(await balanced(sluice), 'logs');
    expect(branch).toMatchObject({ held: 2, filtered: 5, sent: 0 });
  });
  expect(stderr()).toMatch(/filtered 5/);

  const lines = linesOf(out);
  const records = recordsIn(lines.filter(({ resourceLogs }) => resourceLogs));
  const seen = records.map(({ record }) => ['user', 'log_count', 'owner'].map((key) => attributeOf(record, key)));
  // What was held over two reloads leaves by the newest configuration.
  expect(seen).toEqual([
    ['x', '6', 'third'],
    ['y', '1', 'third'],
  ]);
  const spans = recordsIn(lines.filter(({ resourceSpans }) => resourceSpans));
  expect(spans).toHaveLength(2);
  // The attribute by which the connector tags is named by the newest configuration, too.
  expect(attributeOf(spans[1]!.record, 'third')).toEqual({ values: [{ stringValue: 'users' }] });
});
