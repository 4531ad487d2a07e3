import { expect, test } from 'vitest';
import { decodeJson } from '../../../internal/otlp/json.ts';
import { isMalformed } from '../../../internal/otlp/wire.ts';
import type { Explained } from '../../../internal/telemetry/admin_explain.ts';
import { sluice } from './command.ts';
import { otlpReceiver, type Running, running, until } from './running.ts';

const tailSampling = `${otlpReceiver}
processors:
  tail_sampling:
    decision_wait: 1s
    policies:
      - { name: errors, type: status_code, status_code: { status_codes: [ERROR] } }
      - { name: slow, type: latency, latency: { threshold_ms: 500 } }
exporters: { nop: {} }
service: { pipelines: { traces/shop: { receivers: [otlp], processors: [tail_sampling], exporters: [nop] } } }`;

const healthy = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const failed = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
const slow = 'cccccccccccccccccccccccccccccccc';
const stranger = 'dddddddddddddddddddddddddddddddd';

async function send(collector: Running, traceId: string, span: { error?: boolean; ms?: number; id?: string }) {
  const { error = false, ms = 20, id = '1111111111111111' } = span;
  const spans = [
    {
      traceId,
      spanId: id,
      name: 'work',
      startTimeUnixNano: '1700000000000000000',
      endTimeUnixNano: `${1_700_000_000_000 + ms}000000`,
      status: error ? { code: 2 } : {},
    },
  ];
  const batch = decodeJson('traces', JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] }));
  if (isMalformed(batch)) throw new Error(batch.malformed);
  const answer = await fetch(`http://127.0.0.1:${collector.ports.http}/v1/traces`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body: Buffer.concat(batch.chunks),
  });
  expect(answer.status).toBe(200);
}

test('explain tells of kept and of dropped traces: the policy, the trigger, what each policy compared, spans then and late', async () => {
  await running(tailSampling, {}, async (collector) => {
    const endpoint = `http://127.0.0.1:${collector.ports.metrics}`;
    const explain = (id: string, ...more: string[]) => sluice(['explain', id, '--endpoint', endpoint, ...more]);
    const answer = async (id: string) => (await fetch(`${endpoint}/explain/${id}`)).json() as Promise<Explained>;
    await send(collector, healthy, {});
    await send(collector, failed, { error: true });
    await send(collector, failed, { id: '2222222222222222' });
    await send(collector, slow, { ms: 812 });
    expect((await explain(slow)).stdout).toMatch(/tail_sampling \(traces\/shop\): (not decided yet|kept)/);
    await until('all are decided', async () => {
      const answers = await Promise.all([healthy, failed, slow].map(answer));
      return answers.every(({ explanations }) => explanations[0]?.decision !== 'pending');
    });
    await send(collector, failed, { id: '3333333333333333' });

    expect(await answer(healthy)).toMatchObject({
      traceId: healthy,
      explanations: [
        { component: 'tail_sampling', pipeline: 'traces/shop', decision: 'not_sampled', spans: 1, lateSpans: 0 },
      ],
    });
    const kept = await explain(failed);
    expect(kept).toMatchObject({ code: 0, stderr: '' });
    expect(kept.stdout).toContain('tail_sampling (traces/shop): kept by policy errors');
    expect(kept.stdout).toMatch(/decided +20.*Z, [1-9]\.\d s after the first span, because the decision wait was over/);
    expect(kept.stdout).toContain('spans       2 when decided, 1 later');
    expect(kept.stdout).toMatch(/errors +status_code +sampled +\S.*<- decided/);
    expect(kept.stdout).toMatch(/slow +latency +not sampled +.*500/);
    expect((await explain(slow)).stdout).toMatch(/slow +latency +sampled +.*812.*500.*<- decided/);
    expect((await explain(healthy)).stdout).toMatch(/\(traces\/shop\): not kept\n/);
    expect(JSON.parse((await explain(failed, '--json')).stdout)).toEqual(await answer(failed));

    const unknown = await explain(stranger);
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toContain(`no sampler knows trace ${stranger}: asked tail_sampling (traces/shop)`);
    const page = await (await fetch(`${endpoint}/`)).text();
    expect(page).toContain('Why was a trace kept or lost?');
    const elsewhere = await fetch(`${endpoint}/explain/${failed}`, { headers: { origin: 'http://attacker.example' } });
    expect(elsewhere.status).toBe(403);
  });
});

test('without a collector, or with one that is none, explain says what to look at', async () => {
  const nobody = await sluice(['explain', failed, '--endpoint', '127.0.0.1:9']);
  expect(nobody).toMatchObject({ code: 1, stdout: '' });
  expect(nobody.stderr).toMatch(/no answer from http:\/\/127\.0\.0\.1:9: .*--endpoint/);
});

test.each([[[]], [['4bf92f3577b34da6']], [['x'.repeat(32)]], [[failed, healthy]], [[failed, '--endpoint', 'http://']]])(
  'explain %j is a command line that makes no sense',
  async (args) => {
    const { code, stderr } = await sluice(['explain', ...args]);
    expect(stderr).toContain("Try 'sluice --help'");
    expect(code).toBe(2);
  },
);
