import protobuf from 'protobufjs';
import type { ReadBatch, ReadLog, ReadTag } from './read.ts';

/** proto/api_v2/model.proto and collector.proto of jaegertracing/jaeger-idl, with google.protobuf's two types in line. */
const schema = `
syntax = "proto3";
package jaeger.api_v2;
enum ValueType { STRING = 0; BOOL = 1; INT64 = 2; FLOAT64 = 3; BINARY = 4; }
enum SpanRefType { CHILD_OF = 0; FOLLOWS_FROM = 1; }
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
message Duration { int64 seconds = 1; int32 nanos = 2; }
message KeyValue {
  string key = 1; ValueType v_type = 2; string v_str = 3; bool v_bool = 4; int64 v_int64 = 5; double v_float64 = 6; bytes v_binary = 7;
}
message Log { Timestamp timestamp = 1; repeated KeyValue fields = 2; }
message SpanRef { bytes trace_id = 1; bytes span_id = 2; SpanRefType ref_type = 3; }
message Process { string service_name = 1; repeated KeyValue tags = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; string operation_name = 3; repeated SpanRef references = 4; uint32 flags = 5;
  Timestamp start_time = 6; Duration duration = 7; repeated KeyValue tags = 8; repeated Log logs = 9; Process process = 10;
  string process_id = 11; repeated string warnings = 12;
}
message Batch { repeated Span spans = 1; Process process = 2; }
message PostSpansRequest { Batch batch = 1; }
`;

const request = protobuf.parse(schema).root.lookupType('jaeger.api_v2.PostSpansRequest');

/** What protobufjs reads of a PostSpansRequest. */
export function readApiV2(bytes: Uint8Array): ReadBatch {
  const { batch } = request.toObject(request.decode(bytes), {
    longs: String,
    enums: String,
    bytes: String,
    defaults: true,
    arrays: true,
  }) as any;
  return {
    service: batch.process.serviceName,
    tags: batch.process.tags.map(tagOf),
    spans: batch.spans.map((span: any) => ({
      trace: hex(span.traceId),
      id: hex(span.spanId),
      name: span.operationName,
      references: span.references.map((it: any) => `${it.refType} ${hex(it.traceId)} ${hex(it.spanId)}`),
      flags: span.flags,
      start: nanoseconds(span.startTime),
      duration: nanoseconds(span.duration),
      tags: span.tags.map(tagOf),
      logs: span.logs.map((log: any): ReadLog => ({ time: nanoseconds(log.timestamp), fields: log.fields.map(tagOf) })),
    })),
  };
}

const values = { STRING: 'vStr', BOOL: 'vBool', INT64: 'vInt64', FLOAT64: 'vFloat64', BINARY: 'vBinary' } as const;

function tagOf(tag: any): ReadTag {
  const type = tag.vType as keyof typeof values;
  const value = tag[values[type]];
  if (type === 'INT64') return ['int64', tag.key, BigInt(value)];
  return [type.toLowerCase() as ReadTag[0], tag.key, type === 'BINARY' ? hex(value) : value];
}

function nanoseconds(time: { seconds: string; nanos: number } | null): bigint {
  return time ? BigInt(time.seconds) * 1_000_000_000n + BigInt(time.nanos) : 0n;
}

function hex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}
