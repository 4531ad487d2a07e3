import { Payload, type Signal } from './payload.ts';
import { type Random, writeLogRecord, writeMetric, writeResource, writeScope, writeSpan } from './sample_records.ts';
import type { Cursor } from './view/cursor.ts';
import { type Walk, walkLogs, walkMetrics, walkSpans } from './view/walk.ts';
import { Writer } from './writer.ts';

export interface SampleOptions {
  /** Spans, log records or data points in each request. */
  readonly items: number;
  /** Services that a request speaks of. Default 1. */
  readonly resources?: number;
  /** The same seed gives the same telemetry. Default 1. */
  readonly seed?: number;
}

/** Spans in one trace, of which the first is the root, and data points in one metric. */
const SPANS_PER_TRACE = 8;
const POINTS_PER_METRIC = 4;

/**
 * Sample telemetry that looks like a shop's: spans of about 470 bytes, log records of 190, data points of 220.
 *
 * A request is built once; each call of `next` copies it and writes new ids and times into the copy, so that one core
 * makes millions of items a second. Every item carries a stamp of 8 bytes, the seed and its number counted from 1:
 * the span id of a span or log record, the attribute `sample.id` (16 hex digits) of a data point.
 */
export class Sample {
  readonly signal: Signal;
  readonly #items: number;
  readonly #seed: number;
  readonly #template: Uint8Array;
  /** Where the values to write anew lie: `PLACES` offsets for each item, -1 for none. */
  readonly #places: Int32Array;
  #made = 0;
  #traces = 0;

  constructor(signal: Signal, options: SampleOptions) {
    this.signal = signal;
    this.#items = options.items;
    this.#seed = (options.seed ?? 1) >>> 0;
    this.#template = build(signal, options.items, options.resources ?? 1, seededRandom(this.#seed));
    this.#places = locate(signal, this.#template, options.items);
  }

  /** Items made so far: the number of the last one. */
  get made(): number {
    return this.#made;
  }

  /**
   * The next request, in a buffer of its own.
   * @param now nanoseconds since 1970: when the last item ended
   */
  next(now: bigint): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(this.#template.length);
    bytes.set(this.#template);
    const places = this.#places;
    const duration = 1_500_000n;
    const ended = [Number(now >> 32n), Number(now & 0xffff_ffffn)] as const;
    const began = [Number((now - duration) >> 32n), Number((now - duration) & 0xffff_ffffn)] as const;
    for (let i = 0; i < this.#items; i++) {
      const number = ++this.#made;
      const inTrace = i % SPANS_PER_TRACE;
      if (inTrace === 0) this.#traces++;
      const at = i * PLACES;
      this.#traceId(bytes, places[at + TRACE_ID]!, this.#traces);
      this.#stamp(bytes, places[at + STAMP]!, number);
      this.#stamp(bytes, places[at + PARENT]!, number - inTrace);
      time(bytes, places[at + BEGIN]!, began);
      time(bytes, places[at + END]!, ended);
      if (places[at + HEX]! >= 0) {
        hex(bytes, places[at + HEX]!, this.#seed);
        hex(bytes, places[at + HEX]! + 8, number);
      }
    }
    return bytes;
  }

  #stamp(bytes: Buffer, at: number, number: number): void {
    if (at < 0) return;
    bytes.writeUInt32BE(this.#seed, at);
    bytes.writeUInt32BE(number >>> 0, at + 4);
  }

  /** Half name, half noise: samplers read the last seven bytes as random. */
  #traceId(bytes: Buffer, at: number, trace: number): void {
    if (at < 0) return;
    bytes.writeUInt32BE(this.#seed, at);
    bytes.writeUInt32BE(trace >>> 0, at + 4);
    bytes.writeUInt32BE(mix(trace ^ this.#seed), at + 8);
    bytes.writeUInt32BE(mix(trace + this.#seed + 0x9e37_79b9), at + 12);
  }
}

/** Uniform in [0, 1), the same for the same seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e37_79b9) >>> 0;
    return mix(state) / 0x1_0000_0000;
  };
}

/** Murmur's finalizer: each bit of the input reaches each bit of the result. */
function mix(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2_ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

function time(bytes: Buffer, at: number, [high, low]: readonly [number, number]): void {
  if (at < 0) return;
  bytes.writeUInt32LE(low, at);
  bytes.writeUInt32LE(high, at + 4);
}

function hex(bytes: Buffer, at: number, value: number): void {
  for (let i = 7; i >= 0; i--) {
    const digit = value & 15;
    bytes[at + i] = digit < 10 ? 48 + digit : 87 + digit;
    value >>>= 4;
  }
}

const TRACE_ID = 0;
const STAMP = 1;
const PARENT = 2;
const BEGIN = 3;
const END = 4;
const HEX = 5;
const PLACES = 6;

function build(signal: Signal, items: number, resources: number, random: Random): Uint8Array {
  const request = new Writer(items * 512 + 4096);
  let written = 0;
  for (let r = 0; r < resources; r++) {
    const last = Math.floor((items * (r + 1)) / resources);
    const resource = request.open(1);
    writeResource(request, r);
    const scope = request.open(2);
    writeScope(request);
    while (written < last) {
      const points = signal === 'metrics' ? Math.min(POINTS_PER_METRIC, last - written) : 1;
      if (signal === 'traces') writeSpan(request, random, written % SPANS_PER_TRACE === 0);
      else if (signal === 'logs') writeLogRecord(request, random);
      else writeMetric(request, points, random);
      written += points;
    }
    request.close(scope);
    request.close(resource);
  }
  return request.finish();
}

function locate(signal: Signal, template: Uint8Array, items: number): Int32Array {
  const places = new Int32Array(items * PLACES).fill(-1);
  const payload = new Payload(signal, [template], items, template.length);
  let item = 0;
  if (signal === 'metrics') {
    eachRecord(walkMetrics(payload), (metric) => {
      const points = metric.data?.points;
      for (let point = points?.next(); point; point = points?.next()) {
        places[item * PLACES + BEGIN] = point.valueStart(2);
        places[item * PLACES + END] = point.valueStart(3);
        for (const { attributes } = point; attributes.next(); ) {
          places[item * PLACES + HEX] = attributes.current.end - 16;
        }
        item++;
      }
    });
  } else {
    const walk = signal === 'traces' ? walkSpans(payload) : walkLogs(payload);
    const fields = fieldsOf[signal];
    eachRecord(walk, (record: Cursor) => {
      for (let place = 0; place < fields.length; place++) {
        places[item * PLACES + place] = record.valueStart(fields[place]!);
      }
      item++;
    });
  }
  return places;
}

/** In which field the value of each place lies; log records have no parent, and field 16 is absent from them. */
const fieldsOf = { traces: [1, 2, 4, 7, 8], logs: [9, 10, 16, 1, 11] } as const;

function eachRecord<R extends Cursor>(walk: Walk<R>, visit: (record: R) => void): void {
  while (walk.nextResource()) while (walk.nextScope()) while (walk.nextRecord()) visit(walk.record);
}
