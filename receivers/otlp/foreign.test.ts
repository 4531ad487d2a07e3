import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { expect, test } from 'vitest';
import { idsOf } from '../../internal/testkit/stamped.ts';
import { post, protobuf, startReceiver } from './test/harness.ts';

type Spans = Parameters<typeof ProtobufTraceSerializer.serializeRequest>[0];

/** A span as the JavaScript SDK hands it to its exporters. */
function readableSpan(name: string) {
  const context = { traceId: '5b8efff798038103d269b633813fc60c', spanId: 'eee19b7ec3c1b174', traceFlags: 1 };
  return {
    name,
    kind: 1,
    spanContext: () => context,
    parentSpanContext: undefined,
    startTime: [1_700_000_000, 1],
    endTime: [1_700_000_001, 2],
    duration: [1, 1],
    status: { code: 2, message: 'ünhappy' },
    attributes: { 'http.status': 500, tags: ['a', 'b'], ratio: 0.5, ok: false },
    links: [{ context, attributes: { why: 'because' } }],
    events: [{ name: 'exception', time: [1_700_000_000, 5], attributes: {} }],
    resource: {
      attributes: { 'service.name': 'shop' },
      merge: () => {},
      getRawAttributes: () => [],
      asyncAttributesPending: false,
    },
    instrumentationScope: { name: 'scope', version: '1' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    ended: true,
  };
}

test('what the JavaScript SDK writes arrives, in protobuf and in JSON', async () => {
  const it = await startReceiver();
  const spans = [readableSpan('one'), readableSpan('two')] as unknown as Spans;
  const binary = ProtobufTraceSerializer.serializeRequest(spans)!;
  const json = JsonTraceSerializer.serializeRequest(spans)!;
  expect((await post(it.http, '/v1/traces', binary, protobuf)).status).toBe(200);
  const answer = await post(it.http, '/v1/traces', json, { 'content-type': 'application/json' });
  expect([answer.status, await answer.text()]).toEqual([200, '{}']);
  expect(JsonTraceSerializer.deserializeResponse(Buffer.from('{}'))).toEqual({});
  const [first, second] = it.sinks.traces.taken;
  expect(idsOf(first!)).toEqual(['one', 'two']);
  expect(idsOf(second!)).toEqual(['one', 'two']);
});
