import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { GrpcBackend } from '../../../internal/testkit/grpc_backend.ts';
import { balanced, branchOf, differences, settled } from './balance.ts';
import { otlp, PatientSender } from './faults.ts';
import { attributes, exampleConfig, linesOf, metric, postJson } from './quality.ts';
import { ids, otlpReceiver, type Running, running, until } from './running.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-dead-letters-'));
afterAll(() => rmSync(folder, { recursive: true }));

const now = () => String(BigInt(Date.now()) * 1_000_000n);
const span = (name: string, idByte: string) => {
  const [traceId, spanId] = [idByte.repeat(32), idByte.repeat(16)];
  return { traceId, spanId, name, startTimeUnixNano: now(), endTimeUnixNano: now() };
};
const resource = { attributes: attributes({ 'service.name': 'cart' }) };

test('configs/data_quality_dead_letter.yaml: the file has what is bad, with its resource and the broken rules; the backend the rest', async () => {
  const backend = await GrpcBackend.start();
  const path = join(folder, 'dead.jsonl');
  const env = { SLUICE_BACKEND: backend.address, SLUICE_DEAD_LETTERS: path };
  await running(exampleConfig('data_quality_dead_letter'), env, async (sluice) => {
    const scope = { name: 'library' };
    const resourceSpans = [
      { resource, scopeSpans: [{ scope, spans: [span('good', 'a'), span('no ids', '0')] }] },
      { scopeSpans: [{ spans: [span('no service', 'b')] }] },
    ];
    const old = { timeUnixNano: '1', severityText: 'old' };
    const logRecords = [{ timeUnixNano: now(), severityText: 'fresh' }, old];
    const metrics = ['good_metric', 'bad metric'].map((name) => ({
      name,
      gauge: { dataPoints: [{ timeUnixNano: now(), asInt: '1' }] },
    }));
    const answers = await Promise.all([
      postJson(sluice, 'traces', { resourceSpans }),
      postJson(sluice, 'logs', { resourceLogs: [{ resource, scopeLogs: [{ logRecords }] }] }),
      postJson(sluice, 'metrics', { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await until('the good half has arrived', () => backend.accepted.length === 3);
    expect(backend.accepted.toSorted()).toEqual(['fresh', 'good', 'good_metric']);
    await until('all is written', () => linesOf(path).length === 3);

    const lines = linesOf(path);
    const written = (key: string) => lines.find((line) => line[key])?.[key];
    const tagged = (...rules: string[]) => ({
      key: 'data_quality.violations',
      value: { arrayValue: { values: rules.map((stringValue) => ({ stringValue })) } },
    });
    expect(written('resourceSpans')).toMatchObject([
      { resource, scopeSpans: [{ scope, spans: [{ name: 'no ids', attributes: [tagged('ids')] }] }] },
      { resource: { attributes: [tagged('service')] }, scopeSpans: [{ spans: [{ name: 'no service' }] }] },
    ]);
    expect(written('resourceLogs')).toMatchObject([
      { resource, scopeLogs: [{ logRecords: [{ severityText: 'old', attributes: [tagged('clock')] }] }] },
    ]);
    expect(written('resourceMetrics')[0].scopeMetrics[0].metrics).toMatchObject([
      { name: 'bad metric', gauge: { dataPoints: [{ attributes: [tagged('metric_names')] }] } },
    ]);

    const violations = 'sluice_data_quality_violations_total';
    const labels = { kind: 'connector', id: 'data_quality', action: 'route' };
    expect(await metric(sluice, violations, { ...labels, rule: 'ids' })).toBe(1);
    const answer = await fetch(`http://127.0.0.1:${sluice.ports.metrics}/quality`);
    const { reports } = (await answer.json()) as { reports: any[] };
    expect(reports.map(({ component, pipeline }) => [component, pipeline])).toEqual([
      ['data_quality', 'traces/in'],
      ['data_quality', 'metrics/in'],
      ['data_quality', 'logs/in'],
    ]);
    expect(reports[0].services.map(({ service }: any) => service).toSorted()).toEqual(['(none)', 'cart']);
    const branches = await settled(sluice);
    expect(branchOf(branches, 'traces/in')).toMatchObject({ received: 3, sent: 3 });
    expect(branchOf(branches, 'traces')).toMatchObject({ received: 1, sent: 1 });
    expect(branchOf(branches, 'traces/dead')).toMatchObject({ received: 2, sent: 2 });
  });
  backend.down();
});

/** Spans whose name does not begin with good go to a second backend. */
const split = (goodExporter: string, deadExporter: string) => `${otlpReceiver}
connectors:
  data_quality:
    rules: [{ name: names, name_pattern: ^good, action: route }]
    dead_letter_pipelines: [traces/dead]
exporters:
${otlp(goodExporter, 'BACKEND', 'otlp/good')}
${otlp(deadExporter, 'DEAD', 'otlp/dead')}
service:
  pipelines:
    traces/in: { receivers: [otlp], exporters: [data_quality] }
    traces: { receivers: [data_quality], exporters: [otlp/good] }
    traces/dead: { receivers: [data_quality], exporters: [otlp/dead] }`;

interface Rig {
  readonly sluice: Running;
  readonly sender: PatientSender;
  readonly good: GrpcBackend;
  readonly dead: GrpcBackend;
}

async function rig(yaml: string, work: (rig: Rig) => Promise<void>): Promise<void> {
  const [good, dead] = await Promise.all([GrpcBackend.start(), GrpcBackend.start()]);
  await running(yaml, { BACKEND: good.address, DEAD: dead.address }, async (sluice) => {
    const sender = new PatientSender(sluice);
    await work({ sluice, sender, good, dead });
    sender.close();
  });
  for (const backend of [good, dead]) backend.down();
}

const mixed = (name: string) => [...ids(`good-${name}-`, 5), ...ids(`bad-${name}-`, 5)];
const isGood = (id: string) => id.startsWith('good');

test('a dead-letter backend that is down: its queue fills, senders come again, nothing is lost, and what comes twice is good', async () => {
  await rig(
    split('', '    sending_queue: { queue_size: 3, num_consumers: 1 }'),
    async ({ sluice, sender, good, dead }) => {
      dead.down();
      for (let n = 0; n < 10; n++) await sender.once(mixed(`${n}`));
      expect(sender.accepted).toHaveLength(30);
      for (const refusal of sender.refusals) expect(refusal.code).toBe(14);
      expect(sender.refusals[0]!.retryAfterMs).toBeGreaterThan(0);
      await balanced(sluice);
      // Nobody that sends good telemetry alone is held up.
      expect(await sender.once(ids('good-alone-', 5))).toBe(true);
      await dead.up();
      for (let n = 3; n < 10; n++) await sender.untilTaken(mixed(`${n}`));
      const arrived = () => [...good.accepted, ...dead.accepted];
      await until('all is there', () => differences(sender.accepted, arrived()).missing.length === 0);
      const { tooOften } = differences(sender.accepted, arrived());
      expect(tooOften.length).toBeGreaterThan(0);
      expect(tooOften.filter((id) => !isGood(id))).toEqual([]);
      expect([good.accepted.every(isGood), dead.accepted.some(isGood)]).toEqual([true, false]);
      const branches = await settled(sluice);
      expect(branchOf(branches, 'traces/dead')).toMatchObject({ sent: 50, dropped: {} });
      expect(branchOf(branches, 'traces/in').sent).toBe(105);
    },
  );
});

test('a dead-letter backend that refuses for good: with a queue its loss is its own, without one the sender hears no', async () => {
  const refusing = { code: 3, reason: 'no' } as const;
  await rig(split('', ''), async ({ sluice, sender, good, dead }) => {
    dead.reply = () => refusing;
    for (let n = 0; n < 5; n++) await sender.untilTaken(mixed(`${n}`));
    await until('the good ones are there', () => good.accepted.length === 25);
    const branches = await settled(sluice);
    expect(branchOf(branches, 'traces/dead')).toMatchObject({ received: 25, sent: 0, dropped: { invalid: 25 } });
    expect(branchOf(branches, 'traces')).toMatchObject({ received: 25, sent: 25, dropped: {} });
    expect(branchOf(branches, 'traces/in')).toMatchObject({ received: 50, sent: 50 });
  });
  const unqueued = '    sending_queue: { enabled: false }';
  await rig(split(unqueued, unqueued), async ({ sluice, sender, good, dead }) => {
    dead.reply = () => refusing;
    expect(await sender.once(mixed('x'))).toBe(false);
    expect(sender.refusals).toMatchObject([{ code: 3 }]);
    // Delivered although the sender heard no: the docs say so.
    expect(good.accepted).toHaveLength(5);
    expect(await sender.once(ids('good-', 5))).toBe(true);
    const branches = await settled(sluice);
    expect(branchOf(branches, 'traces/in')).toMatchObject({ received: 15, sent: 5, refused: 10 });
    expect(branchOf(branches, 'traces/dead')).toMatchObject({ received: 5, refused: 5 });
  });
});

test('a slow dead-letter backend gets everything once, and holds nobody up', async () => {
  await rig(split('', ''), async ({ sluice, sender, good, dead }) => {
    dead.reply = () => 'hang';
    for (let n = 0; n < 20; n++) expect(await sender.once(mixed(`${n}`))).toBe(true);
    await until('the good ones are there', () => good.accepted.length === 100);
    expect(branchOf(await balanced(sluice), 'traces/dead')).toMatchObject({ received: 100, sent: 0, held: 100 });
    dead.reply = () => 'ok';
    dead.release();
    await until('the bad ones too', () => dead.accepted.length === 100);
    expect(differences(sender.accepted, [...good.accepted, ...dead.accepted])).toEqual({ missing: [], tooOften: [] });
    await settled(sluice);
  });
});
