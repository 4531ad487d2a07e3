import { MemoryBudget } from '../../../internal/core/memory.ts';
import { Slabs } from '../../../internal/net/slabs.ts';
import type { Payload } from '../../../internal/otlp/payload.ts';
import { FakeClock } from '../../../internal/testkit/clock.ts';
import { asPayload } from '../../../internal/testkit/generate.ts';
import { loadOracle } from '../../../internal/testkit/oracle.ts';
import { ApiV2Sink } from '../api_v2.ts';
import { JaegerCutter } from '../cutter.ts';
import { Encoder } from '../encoder.ts';
import { ThriftSink } from '../thrift.ts';
import { readApiV2 } from './api_v2_oracle.ts';
import type { ReadBatch } from './read.ts';
import { readThrift } from './thrift_reader.ts';

const oracle = await loadOracle();

/** A batch from the OTLP message as protobufjs takes it: camel case, bytes as Buffers, 64-bit integers as strings. */
export function traces(...resourceSpans: object[]): Payload {
  const type = oracle.request('traces');
  return asPayload('traces', type.encode(type.fromObject({ resourceSpans })).finish());
}

/** One span of one resource and scope. */
export function oneSpan(
  span: object,
  { resource = {}, scope = {} }: { resource?: object; scope?: object } = {},
): Payload {
  return traces({ resource, scopeSpans: [{ scope, spans: [span] }] });
}

export const forms = {
  api_v2: { sink: ApiV2Sink, read: readApiV2 },
  thrift: { sink: ThriftSink, read: readThrift },
} as const;
export type Form = keyof typeof forms;

export interface Sent extends ReadBatch {
  readonly byteLength: number;
}

/** The messages that a batch becomes, as a foreign reader sees them. */
export function messages(form: Form, batch: Payload, maxBytes = 4 << 20): Sent[] {
  const { sink, read } = forms[form];
  const slabs = new Slabs(new FakeClock(), new MemoryBudget(1 << 30));
  const cutter = new JaegerCutter(batch, new Encoder(new sink(slabs)), slabs);
  const sent: Sent[] = [];
  for (let message = cutter.next(maxBytes); message; message = cutter.next(maxBytes)) {
    sent.push({ ...read(message.chunks[0]!), byteLength: message.byteLength });
    // So that the next one is written over it.
    message.release(true);
  }
  slabs.close();
  return sent;
}
