import type { Slabs } from '../../internal/net/slabs.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { int64At } from '../../internal/otlp/wire.ts';
import type { Instant } from './instant.ts';
import { Output } from './output.ts';
import type { MessageSink, Written } from './sink.ts';

/**
 *   struct Batch { 1: required Process process; 2: required list<Span> spans }
 *   struct Process { 1: required string serviceName; 2: optional list<Tag> tags }
 *   struct Span {
 *     1: required i64 traceIdLow; 2: required i64 traceIdHigh; 3: required i64 spanId; 4: required i64 parentSpanId;
 *     5: required string operationName; 6: optional list<SpanRef> references; 7: required i32 flags;
 *     8: required i64 startTime; 9: required i64 duration; 10: optional list<Tag> tags; 11: optional list<Log> logs
 *   }
 *   struct SpanRef { 1: required SpanRefType refType; 2: required i64 traceIdLow; 3: required i64 traceIdHigh; 4: required i64 spanId }
 *   struct Log { 1: required i64 timestamp; 2: required list<Tag> fields }
 *   struct Tag {
 *     1: required string key; 2: required TagType vType; 3: optional string vStr; 4: optional double vDouble;
 *     5: optional bool vBool; 6: optional i64 vLong; 7: optional binary vBinary
 *   }
 *
 * Source: thrift/jaeger.thrift of jaegertracing/jaeger-idl. Written in the binary protocol,
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md: a field is its type, its number in 16 bits
 * and its value; a struct ends with a 0; a list is the type of its elements and their count in 32 bits.
 */
export class ThriftSink implements MessageSink {
  readonly #out: Output;
  /** Where the count of each list lies that is open, and how many elements it has so far. */
  readonly #spans: OpenList = { at: 0, count: 0 };
  readonly #tags: OpenList = { at: 0, count: 0 };
  readonly #lists: OpenList = { at: 0, count: 0 };

  constructor(slabs: Slabs) {
    this.#out = new Output(slabs);
  }

  get size(): number {
    // The end of the batch is still to come.
    return this.#out.pos + 1;
  }

  get mark(): number {
    return this.#out.pos;
  }

  undoSpan(mark: number): void {
    this.#out.pos = mark;
    this.#spans.count--;
  }

  beginMessage(bytes: number): void {
    this.#out.begin(bytes);
  }

  endMessage(): Written {
    this.#endList(this.#spans);
    this.#stop();
    return this.#out.end(0);
  }

  beginProcess(name: Uint8Array, from: number, to: number): void {
    this.#field(STRUCT, 1);
    this.#string(1, name, from, to);
    this.#beginList(this.#tags, 2);
  }

  endProcess(): void {
    this.#endList(this.#tags);
    this.#stop();
    this.#beginList(this.#spans, 2);
  }

  beginSpan(span: Span): void {
    const { buf } = span;
    this.#spans.count++;
    const trace = span.valueEnd(1) - span.valueStart(1) === 16 ? span.valueStart(1) : -1;
    this.#id(1, buf, trace < 0 ? -1 : trace + 8);
    this.#id(2, buf, trace);
    this.#id(3, buf, span.valueEnd(2) - span.valueStart(2) === 8 ? span.valueStart(2) : -1);
    this.#id(4, buf, span.valueEnd(4) - span.valueStart(4) === 8 ? span.valueStart(4) : -1);
    this.#string(5, buf, Math.max(0, span.valueStart(5)), Math.max(0, span.valueEnd(5)));
    this.#beginList(this.#lists, 6);
  }

  reference(buf: Uint8Array, traceAt: number, spanAt: number, childOf: boolean): void {
    this.#lists.count++;
    this.#int32(1, childOf ? 0 : 1);
    this.#id(2, buf, traceAt < 0 ? -1 : traceAt + 8);
    this.#id(3, buf, traceAt);
    this.#id(4, buf, spanAt);
    this.#stop();
  }

  times(sampled: boolean, start: Instant, duration: Instant): void {
    this.#endList(this.#lists);
    this.#int32(7, sampled ? 1 : 0);
    this.#int64(8, start.micros);
    this.#int64(9, duration.micros);
    this.#beginList(this.#tags, 10);
    this.#lists.count = 0;
    this.#lists.at = 0;
  }

  beginLog(time: Instant): void {
    this.#endList(this.#tags);
    if (this.#lists.at === 0) this.#beginList(this.#lists, 11);
    this.#lists.count++;
    this.#int64(1, time.micros);
    this.#beginList(this.#tags, 2);
  }

  endLog(): void {
    this.#endList(this.#tags);
    this.#stop();
  }

  endSpan(): void {
    if (this.#lists.at === 0) this.#endList(this.#tags);
    else this.#endList(this.#lists);
    this.#stop();
  }

  text(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, from: number, to: number): void {
    this.#key(key, keyFrom, keyTo, TagType.STRING);
    this.#string(3, value, from, to);
    this.#stop();
  }

  bool(key: Uint8Array, keyFrom: number, keyTo: number, value: boolean): void {
    this.#key(key, keyFrom, keyTo, TagType.BOOL);
    this.#field(BOOL, 5);
    this.#out.byte(value ? 1 : 0);
    this.#stop();
  }

  int(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, at: number): void {
    this.#key(key, keyFrom, keyTo, TagType.LONG);
    this.#int64(6, int64At(value, at));
    this.#stop();
  }

  double(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, at: number): void {
    this.#key(key, keyFrom, keyTo, TagType.DOUBLE);
    this.#field(DOUBLE, 4);
    this.#out.copyReversed(value, at);
    this.#stop();
  }

  binary(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, from: number, to: number): void {
    this.#key(key, keyFrom, keyTo, TagType.BINARY);
    this.#string(7, value, from, to);
    this.#stop();
  }

  #key(key: Uint8Array, from: number, to: number, type: number): void {
    this.#tags.count++;
    this.#string(1, key, from, to);
    this.#int32(2, type);
  }

  /** Type and number of a field, and room for a value of 8 bytes and the end of the struct. */
  #field(type: number, number: number): void {
    const out = this.#out;
    out.reserve(16);
    out.byte(type);
    out.byte(0);
    out.byte(number);
  }

  #stop(): void {
    this.#out.reserve(1);
    this.#out.byte(0);
  }

  #int32(number: number, value: number): void {
    this.#field(I32, number);
    this.#out.int32(value);
  }

  #int64(number: number, value: bigint): void {
    this.#field(I64, number);
    this.#out.int64(value);
  }

  /** Eight bytes of an id are an i64 as they stand. */
  #id(number: number, buf: Uint8Array, at: number): void {
    this.#field(I64, number);
    if (at < 0) this.#out.zeros(8);
    else this.#out.copy(buf, at, at + 8);
  }

  #string(number: number, buf: Uint8Array, from: number, to: number): void {
    const out = this.#out;
    this.#field(STRING, number);
    out.reserve(4 + to - from);
    out.int32(to - from);
    out.copy(buf, from, to);
  }

  #beginList(list: OpenList, number: number): void {
    const out = this.#out;
    this.#field(LIST, number);
    out.byte(STRUCT);
    list.at = out.pos;
    list.count = 0;
    out.int32(0);
  }

  #endList(list: OpenList): void {
    this.#out.writeInt32At(list.at, list.count);
  }
}

interface OpenList {
  at: number;
  count: number;
}

/** Types of the binary protocol. */
const BOOL = 2;
const DOUBLE = 4;
const I32 = 8;
const I64 = 10;
const STRING = 11;
const STRUCT = 12;
const LIST = 15;

const TagType = { STRING: 0, DOUBLE: 1, BOOL: 2, LONG: 3, BINARY: 4 } as const;
