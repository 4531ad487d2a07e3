import { expect, test } from 'vitest';
import { Payload } from '../otlp/payload.ts';
import { leadsOn, shapeOf } from '../otlp/shape.ts';
import { Fields } from '../otlp/view/fields.ts';
import { asPayload, generatePayload, randomRequest, stampsOf } from '../testkit/generate.ts';
import { rig, TestDecider } from './test/rig.ts';

/** Each span as the bytes of its own and of what describes its resource and scope, whatever the grouping. */
function bytesIn(payload: Payload): string[] {
  const [request, resource, scope] = shapeOf('traces');
  const spans: string[] = [];
  const members = (step: Uint8Array, buf: Uint8Array, from: number, to: number) => {
    const inside: [number, number][] = [];
    let head = '';
    const fields = new Fields().reset(buf, from, to);
    while (fields.next()) {
      if (leadsOn(step, fields)) inside.push([fields.from, fields.to]);
      else head += Buffer.from(buf.subarray(fields.at, fields.to)).toString('hex');
    }
    return { head, inside };
  };
  for (const chunk of payload.chunks) {
    for (const [from, to] of members(request!, chunk, 0, chunk.length).inside) {
      const group = members(resource!, chunk, from, to);
      for (const [at, end] of group.inside) {
        const { head, inside } = members(scope!, chunk, at, end);
        for (const [start, stop] of inside) {
          spans.push(`${group.head} ${head} ${Buffer.from(chunk.subarray(start, stop)).toString('hex')}`);
        }
      }
    }
  }
  return spans;
}

test('whatever the wire holds, unknown fields and all, a kept span comes out byte by byte, under its own resource and scope', async () => {
  const { engine, next, clock, account, logger, stop } = rig({ numTraces: 10_000, maxBufferBytes: 64 << 20 });
  const sent: string[] = [];
  for (let seed = 1; seed <= 300; seed++) {
    const odd = seed % 3 === 0;
    const payload = asPayload('traces', randomRequest('traces', seed, { unknown: true, padded: odd, disorder: odd }));
    sent.push(...bytesIn(payload));
    expect((await engine.consume(payload, {})).status).toBe('accepted');
    if (seed % 50 === 0) await clock.advance(500);
  }
  await clock.advance(1500);
  expect(next.taken.flatMap(bytesIn).sort()).toEqual(sent.sort());
  expect(account).toMatchObject({ held: 0, handedOn: sent.length });
  for (const payload of next.taken) {
    const again = asPayload('traces', Buffer.concat(payload.chunks));
    expect([again.itemCount, again.byteLength]).toEqual([payload.itemCount, payload.byteLength]);
  }
  await stop();
  expect(logger.lines).toEqual([]);
});

test('stamping leaves what it writes into well-formed, whatever was there', async () => {
  const decider = new TestDecider((_trace, _trigger, into) =>
    Object.assign(into, { verdict: 'sampled', threshold: 1n << 50n }),
  );
  const { engine, next, clock } = rig({ stampExplanation: true, numTraces: 10_000 }, decider);
  let spans = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const payload = asPayload('traces', randomRequest('traces', seed, { unknown: true, disorder: true, padded: true }));
    spans += payload.itemCount;
    await engine.consume(payload, {});
  }
  await clock.advance(1500);
  expect(next.items).toBe(spans);
  for (const payload of next.taken) asPayload('traces', Buffer.concat(payload.chunks));
});

test('a request of several chunks is one request', async () => {
  const { engine, next, clock } = rig();
  const parts = [1, 2, 3].map((seed) => generatePayload('traces', { items: 20, resources: 3, seed }));
  await engine.consume(Payload.concat('traces', parts), {});
  await clock.advance(1500);
  expect(next.taken.flatMap(stampsOf).sort()).toEqual(parts.flatMap(stampsOf).sort());
});
