import type { Slabs } from '../../internal/net/slabs.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { FIXED64, LEN, VARINT, varintEnd, varintSize } from '../../internal/otlp/wire.ts';
import type { Instant } from './instant.ts';
import { Output } from './output.ts';
import type { MessageSink, Written } from './sink.ts';

/**
 *   message PostSpansRequest { Batch batch = 1; }
 *   message Batch { repeated Span spans = 1; Process process = 2; }
 *   message Process { string service_name = 1; repeated KeyValue tags = 2; }
 *   message Span {
 *     bytes trace_id = 1; bytes span_id = 2; string operation_name = 3; repeated SpanRef references = 4; uint32 flags = 5;
 *     google.protobuf.Timestamp start_time = 6; google.protobuf.Duration duration = 7;
 *     repeated KeyValue tags = 8; repeated Log logs = 9; Process process = 10;
 *   }
 *   message SpanRef { bytes trace_id = 1; bytes span_id = 2; SpanRefType ref_type = 3; }
 *   message Log { google.protobuf.Timestamp timestamp = 1; repeated KeyValue fields = 2; }
 *   message KeyValue {
 *     string key = 1; ValueType v_type = 2; string v_str = 3; bool v_bool = 4; int64 v_int64 = 5; double v_float64 = 6;
 *     bytes v_binary = 7;
 *   }
 *
 * Source: proto/api_v2/model.proto and collector.proto of jaegertracing/jaeger-idl
 */
export class ApiV2Sink implements MessageSink {
  readonly #out: Output;
  /** Tag of the list of KeyValues that is being written. */
  #tags = 0;
  #open = 0;
  #log = 0;

  constructor(slabs: Slabs) {
    this.#out = new Output(slabs);
  }

  get size(): number {
    const batch = this.#out.pos - headBytes;
    return 1 + varintSize(batch) + batch;
  }

  get mark(): number {
    return this.#out.pos;
  }

  undoSpan(mark: number): void {
    this.#out.pos = mark;
  }

  beginMessage(bytes: number): void {
    this.#out.begin(Math.max(bytes, headBytes));
    this.#out.pos = headBytes;
  }

  /** The head is written last, right before the batch, whose length is known only then. */
  endMessage(): Written {
    const out = this.#out;
    const end = out.pos;
    const batch = end - headBytes;
    const start = headBytes - varintSize(batch) - 1;
    out.pos = start;
    out.byte(BATCH);
    out.varint(batch);
    out.pos = end;
    return out.end(start);
  }

  beginProcess(name: Uint8Array, from: number, to: number): void {
    this.#openMessage(PROCESS);
    this.#bytes(SERVICE_NAME, name, from, to);
    this.#tags = PROCESS_TAGS;
  }

  endProcess(): void {
    this.#out.closeLength(this.#open, lengthRoom);
  }

  beginSpan(span: Span): void {
    this.#openMessage(SPAN);
    this.#id(TRACE_ID, span.buf, span.valueStart(1), span.valueEnd(1), 16);
    this.#id(SPAN_ID, span.buf, span.valueStart(2), span.valueEnd(2), 8);
    if (span.has(5)) this.#bytes(OPERATION_NAME, span.buf, span.valueStart(5), span.valueEnd(5));
    this.#tags = SPAN_TAGS;
  }

  reference(buf: Uint8Array, traceAt: number, spanAt: number, childOf: boolean): void {
    const out = this.#out;
    out.reserve(40);
    out.byte(REFERENCE);
    out.byte(childOf ? 28 : 30);
    this.#id(TRACE_ID, buf, traceAt, traceAt + 16, 16);
    this.#id(SPAN_ID, buf, spanAt, spanAt + 8, 8);
    if (childOf) return;
    out.byte(REF_TYPE);
    out.byte(FOLLOWS_FROM);
  }

  times(sampled: boolean, start: Instant, duration: Instant): void {
    if (sampled) {
      this.#out.reserve(2);
      this.#out.byte(FLAGS);
      this.#out.byte(1);
    }
    this.#time(START_TIME, start);
    this.#time(DURATION, duration);
  }

  beginLog(time: Instant): void {
    const out = this.#out;
    out.reserve(1 + lengthRoom);
    out.byte(LOG);
    out.pos += lengthRoom;
    this.#log = out.pos;
    this.#time(TIMESTAMP, time);
    this.#tags = LOG_FIELDS;
  }

  endLog(): void {
    this.#out.closeLength(this.#log, lengthRoom);
    this.#tags = SPAN_TAGS;
  }

  endSpan(): void {
    this.#out.closeLength(this.#open, lengthRoom);
  }

  text(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, from: number, to: number): void {
    const size = to - from;
    this.#key(key, keyFrom, keyTo, 1 + varintSize(size) + size, STRING);
    this.#bytes(V_STR, value, from, to);
  }

  bool(key: Uint8Array, keyFrom: number, keyTo: number, value: boolean): void {
    this.#key(key, keyFrom, keyTo, 2, BOOL);
    this.#out.byte(V_BOOL);
    this.#out.byte(value ? 1 : 0);
  }

  int(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, at: number): void {
    const end = varintEnd(value, at, value.length);
    this.#key(key, keyFrom, keyTo, 1 + end - at, INT64);
    this.#out.byte(V_INT64);
    this.#out.copy(value, at, end);
  }

  double(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, at: number): void {
    this.#key(key, keyFrom, keyTo, 9, FLOAT64);
    this.#out.byte(V_FLOAT64);
    this.#out.copy(value, at, at + 8);
  }

  binary(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, from: number, to: number): void {
    const size = to - from;
    this.#key(key, keyFrom, keyTo, 1 + varintSize(size) + size, BINARY);
    this.#bytes(V_BINARY, value, from, to);
  }

  #openMessage(tag: number): void {
    const out = this.#out;
    out.reserve(1 + lengthRoom);
    out.byte(tag);
    out.pos += lengthRoom;
    this.#open = out.pos;
  }

  /** A KeyValue up to its value. @param value bytes of the value's field */
  #key(key: Uint8Array, from: number, to: number, value: number, type: number): void {
    const out = this.#out;
    const keySize = to - from;
    const size = 1 + varintSize(keySize) + keySize + (type === STRING ? 0 : 2) + value;
    out.reserve(12 + size);
    out.byte(this.#tags);
    out.varint(size);
    this.#bytes(KEY, key, from, to);
    if (type === STRING) return;
    out.byte(V_TYPE);
    out.byte(type);
  }

  #bytes(tag: number, buf: Uint8Array, from: number, to: number): void {
    const out = this.#out;
    out.reserve(6 + to - from);
    out.byte(tag);
    out.varint(to - from);
    out.copy(buf, from, to);
  }

  /** Jaeger refuses a whole message for one id of another length; an id that is absent is all zeros. */
  #id(tag: number, buf: Uint8Array, from: number, to: number, size: number): void {
    const out = this.#out;
    out.reserve(2 + size);
    out.byte(tag);
    out.byte(size);
    if (from >= 0 && to - from === size) out.copy(buf, from, to);
    else out.zeros(size);
  }

  /** Timestamp and Duration: `{ int64 seconds = 1; int32 nanos = 2; }`; parts that are 0 are left out. */
  #time(tag: number, { seconds, nanos }: Instant): void {
    const out = this.#out;
    out.reserve(24);
    out.byte(tag);
    const length = out.pos++;
    if (seconds !== 0) this.#signed(1 << 3, seconds);
    if (nanos !== 0) this.#signed(2 << 3, nanos);
    out.writeVarintAt(length, out.pos - length - 1);
  }

  #signed(tag: number, value: number): void {
    const out = this.#out;
    out.byte(tag);
    if (value >= 0 && value <= 0xffff_ffff) out.varint(value);
    else {
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 0x7fn; rest >>= 7n) out.byte(Number(rest & 0x7fn) | 0x80);
      out.byte(Number(rest));
    }
  }
}

/** Of PostSpansRequest, before the batch. */
const headBytes = 6;
/** Left for the length of a span or log: most have 128 bytes to 16 KiB. */
const lengthRoom = 2;

const field = (number: number, wire = LEN) => (number << 3) | wire;
const BATCH = field(1);
const SPAN = field(1);
const PROCESS = field(2);
const SERVICE_NAME = field(1);
const PROCESS_TAGS = field(2);
const TRACE_ID = field(1);
const SPAN_ID = field(2);
const OPERATION_NAME = field(3);
const REFERENCE = field(4);
const REF_TYPE = field(3, VARINT);
const FOLLOWS_FROM = 1;
const FLAGS = field(5, VARINT);
const START_TIME = field(6);
const DURATION = field(7);
const SPAN_TAGS = field(8);
const LOG = field(9);
const TIMESTAMP = field(1);
const LOG_FIELDS = field(2);
const KEY = field(1);
const V_TYPE = field(2, VARINT);
const V_STR = field(3);
const V_BOOL = field(4, VARINT);
const V_INT64 = field(5, VARINT);
const V_FLOAT64 = field(6, FIXED64);
const V_BINARY = field(7);

/** enum ValueType */
const STRING = 0;
const BOOL = 1;
const INT64 = 2;
const FLOAT64 = 3;
const BINARY = 4;
