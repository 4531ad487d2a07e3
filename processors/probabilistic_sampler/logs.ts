import type { Patch, Visitor } from '../../internal/otlp/rewrite.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { AnyValue } from '../../internal/otlp/view/value.ts';
import { valueText } from '../../internal/otlp/view/value_text.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import {
  Cut,
  decodeRandomness,
  decodeThreshold,
  encodeRandomness,
  encodeThreshold,
  MAX_DIGITS,
  NEVER,
  randomnessOfTraceId,
  thresholdOf,
} from '../../internal/sampling/consistent.ts';
import type { ProbabilisticConfig } from './config.ts';
import { bucketOf, hashOf, randomnessOfHash, writeRandomness } from './hash.ts';
import type { Mode } from './mode.ts';
import type { Count, Tally } from './tally.ts';
import { type Carrier, judge, type Policy } from './verdict.ts';

const ATTRIBUTES = 6;
const TRACE_ID = 9;
const THRESHOLD = 'sampling.threshold';
const RANDOMNESS = 'sampling.randomness';
const thresholdKey = Buffer.from(THRESHOLD);
const randomnessKey = Buffer.from(RANDOMNESS);
/** Where the value lies in the field: behind tag, length, key, and tag and length of value and text. */
const RANDOMNESS_AT = 2 + 2 + RANDOMNESS.length + 2 + 2;

/** Keeps log records or leaves them out. */
export class LogJudge implements Visitor<LogRecord> {
  readonly #config: ProbabilisticConfig;
  readonly #mode: Mode;
  readonly #tally: Tally;
  readonly #attribute: Uint8Array;
  readonly #priority: Uint8Array;
  readonly #cut: Cut;
  /** The threshold's first 14 bits: a hash has no more. */
  readonly #bucket: number;
  /** The attributes of kept records that came without any; in hash mode the randomness first, to be filled in. */
  readonly #stamp: Uint8Array;
  readonly #byTraceId: Count;
  readonly #byAttribute: Count;

  constructor(config: ProbabilisticConfig, mode: Mode, tally: Tally) {
    this.#config = config;
    this.#mode = mode;
    this.#tally = tally;
    this.#attribute = Buffer.from(config.from_attribute);
    this.#priority = Buffer.from(config.sampling_priority);
    this.#cut = new Cut(mode.threshold);
    this.#bucket = Number(mode.threshold >> 42n);
    const threshold = attributeField(THRESHOLD, encodeThreshold(mode.threshold));
    const randomness = attributeField(RANDOMNESS, '0'.repeat(MAX_DIGITS));
    this.#stamp = mode.randomness === 'hash' ? Buffer.concat([randomness, threshold]) : threshold;
    this.#byTraceId = tally.of(mode.randomness === 'hash' ? 'trace_id_hash' : 'trace_id_w3c');
    this.#byAttribute = tally.of('attribute');
  }

  record(record: LogRecord, patch: Patch): void {
    const { attributes } = record;
    const bare = !attributes.find(thresholdKey) && !attributes.find(randomnessKey);
    const wish = this.#wishOf(record);
    const id = traceIdAt(record);
    if (!bare || wish !== undefined || this.#mode.randomness === 'none') this.#long(record, id, wish, patch);
    else if (this.#mode.randomness === 'hash') this.#byHash(record, id, patch);
    else if (id < 0) this.#long(record, id, wish, patch);
    else if (this.#cut.keeps(record.buf, id)) this.#keep(this.#byTraceId, this.#stamp, patch);
    else this.#leave(this.#byTraceId, patch);
  }

  #byHash(record: LogRecord, id: number, patch: Patch): void {
    const count = this.#hashesTraceId(id) ? this.#byTraceId : this.#byAttribute;
    const hash = this.#hash(record, id);
    if (hash === undefined) this.#long(record, id, undefined, patch);
    else if (bucketOf(hash) < this.#bucket) this.#leave(count, patch);
    else {
      const stamp = Buffer.from(this.#stamp);
      writeRandomness(stamp, RANDOMNESS_AT, hash);
      this.#keep(count, stamp, patch);
    }
  }

  #keep(count: Count, stamp: Uint8Array, patch: Patch): void {
    count.kept++;
    patch.append(stamp);
  }

  #leave(count: Count, patch: Patch): void {
    count.left++;
    patch.drop();
  }

  #long(record: LogRecord, id: number, priority: bigint | undefined, patch: Patch): void {
    const carrier = SamplingAttributes.read(record);
    const question = { carrier, ...this.#randomness(record, id), priority, alwaysWrites: false };
    const verdict = judge(question, this.#mode, this.#config.fail_closed);
    this.#tally.add(verdict);
    if (!verdict.kept) patch.drop();
    else if (verdict.carrier) carrier?.write(patch);
  }

  #randomness(record: LogRecord, id: number): { policy: Policy; randomness: bigint | undefined } {
    if (this.#mode.randomness !== 'hash') {
      return { policy: 'trace_id_w3c', randomness: id < 0 ? undefined : randomnessOfTraceId(record.buf, id) };
    }
    const hash = this.#hash(record, id);
    const randomness = hash === undefined ? undefined : randomnessOfHash(hash);
    return { policy: this.#hashesTraceId(id) ? 'trace_id_hash' : 'attribute', randomness };
  }

  #hashesTraceId(id: number): boolean {
    return id >= 0 && this.#config.attribute_source === 'traceID';
  }

  /** Undefined where there is nothing to hash. */
  #hash(record: LogRecord, id: number): number | undefined {
    const seed = this.#config.hash_seed;
    if (this.#hashesTraceId(id)) return hashOf(seed, record.buf, id, id + 16);
    if (this.#attribute.length === 0) return undefined;
    const value = record.attributes.find(this.#attribute)?.value;
    const bytes = value && bytesOf(value);
    return bytes && bytes.length > 0 ? hashOf(seed, bytes, 0, bytes.length) : undefined;
  }

  /** The threshold that the record asks for: a percentage above 0 and at most 100. */
  #wishOf(record: LogRecord): bigint | undefined {
    if (this.#priority.length === 0) return undefined;
    const value = record.attributes.find(this.#priority)?.value;
    let probability = 0;
    if (value?.kind === 'double') probability = value.doubleValue / 100;
    else if (value?.kind === 'int') probability = Number(value.intValue) / 100;
    const threshold = probability <= 1 ? thresholdOf(probability, this.#config.sampling_precision) : NEVER;
    return threshold < NEVER ? threshold : undefined;
  }
}

/** The bytes that upstream hashes of an attribute. */
function bytesOf(value: AnyValue): Uint8Array {
  return value.kind === 'bytes' ? value.bytesValue : Buffer.from(valueText(value.plain()));
}

/** Where the trace id lies; -1 for none, which is also one of zeros or of another length. */
function traceIdAt(record: LogRecord): number {
  const { buf } = record;
  const at = record.valueStart(TRACE_ID);
  if (at < 0 || record.valueEnd(TRACE_ID) - at !== 16) return -1;
  for (let i = at + 15; i >= at; i--) if (buf[i] !== 0) return at;
  return -1;
}

/** The attributes `sampling.threshold` and `sampling.randomness` of a record; those that are no text count as absent. */
class SamplingAttributes implements Carrier {
  randomness: bigint | undefined;
  threshold: bigint | undefined;
  readonly #th = new Place(thresholdKey);
  readonly #rv = new Place(randomnessKey);

  /** @returns undefined where one of them is malformed */
  static read(record: LogRecord): SamplingAttributes | undefined {
    const read = new SamplingAttributes();
    const th = read.#th.find(record);
    const rv = read.#rv.find(record);
    if (th !== '' && (read.threshold = decodeThreshold(th)) === undefined) return undefined;
    if (rv !== '' && (read.randomness = decodeRandomness(rv)) === undefined) return undefined;
    return read;
  }

  setRandomness(randomness: bigint): void {
    this.randomness = randomness;
    this.#rv.text = encodeRandomness(randomness);
  }

  clearThreshold(): void {
    this.threshold = undefined;
    this.#th.text = '';
  }

  raiseThreshold(threshold: bigint): void {
    if (this.threshold !== undefined && this.threshold > threshold) return;
    this.threshold = threshold;
    this.#th.text = encodeThreshold(threshold);
  }

  write(patch: Patch): void {
    const inOrder = this.#th.at <= this.#rv.at ? [this.#th, this.#rv] : [this.#rv, this.#th];
    for (const place of inOrder) place.replace(patch);
    for (const place of inOrder) place.append(patch);
  }
}

/** One attribute of a record, and what it is to become. */
class Place {
  readonly #key: Buffer;
  /** Where its field lies; -1 for nowhere. */
  at = -1;
  #end = -1;
  /** Undefined: stays as it is; empty: goes. */
  text: string | undefined;

  constructor(key: Buffer) {
    this.#key = key;
  }

  find(record: LogRecord): string {
    const { attributes } = record;
    const found = attributes.find(this.#key);
    if (!found) return '';
    this.at = attributes.at;
    this.#end = found.end;
    return found.value.kind === 'string' ? found.value.stringValue : '';
  }

  replace(patch: Patch): void {
    if (this.at < 0 || this.text === undefined) return;
    if (this.text === '') patch.cut(this.at, this.#end);
    else patch.splice(this.at, this.#end, this.#field());
  }

  append(patch: Patch): void {
    if (this.at < 0 && this.text) patch.append(this.#field());
  }

  #field(): Uint8Array {
    return attributeField(String(this.#key), this.text!);
  }
}

function attributeField(key: string, text: string): Uint8Array {
  const out = new Writer(64);
  const pair = out.open(ATTRIBUTES);
  out.string(1, key);
  const value = out.open(2);
  out.string(1, text);
  out.close(value);
  out.close(pair);
  return out.finish();
}
