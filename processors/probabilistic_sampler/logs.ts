import type { Patch, Visitor } from '../../internal/otlp/rewrite.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import {
  decodeRandomness,
  decodeThreshold,
  encodeRandomness,
  encodeThreshold,
  NEVER,
  randomnessOfTraceId,
  thresholdOf,
} from '../../internal/sampling/consistent.ts';
import type { ProbabilisticConfig } from './config.ts';
import { hashOf, randomnessOfHash } from './hash.ts';
import type { Mode } from './mode.ts';
import type { Tally } from './tally.ts';
import { bytesOf } from './text.ts';
import { type Carrier, judge, type Policy } from './verdict.ts';

const ATTRIBUTES = 6;
const TRACE_ID = 9;
const thresholdKey = Buffer.from('sampling.threshold');
const randomnessKey = Buffer.from('sampling.randomness');

/** Keeps log records or leaves them out. */
export class LogJudge implements Visitor<LogRecord> {
  readonly #config: ProbabilisticConfig;
  readonly #mode: Mode;
  readonly #tally: Tally;
  readonly #attribute: Uint8Array;
  readonly #priority: Uint8Array;

  constructor(config: ProbabilisticConfig, mode: Mode, tally: Tally) {
    this.#config = config;
    this.#mode = mode;
    this.#tally = tally;
    this.#attribute = Buffer.from(config.from_attribute);
    this.#priority = Buffer.from(config.sampling_priority);
  }

  record(record: LogRecord, patch: Patch): void {
    const attributes = SamplingAttributes.read(record);
    const [policy, randomness] = this.#randomness(record);
    const priority = this.#priorityOf(record);
    const question = { carrier: attributes, randomness, policy, priority, alwaysWrites: false } as const;
    const verdict = judge(question, this.#mode, this.#config.fail_closed);
    this.#tally.add(verdict.policy, verdict.kept);
    if (verdict.problem !== undefined) this.#tally.problem(verdict.problem);
    if (!verdict.kept) patch.drop();
    else if (verdict.carrier) attributes?.write(patch);
  }

  #randomness(record: LogRecord): readonly [Policy, bigint | undefined] {
    const hashes = this.#mode.randomness === 'hash';
    const seed = this.#config.hash_seed;
    const id = traceIdAt(record);
    if (!hashes) return ['trace_id_w3c', id < 0 ? undefined : randomnessOfTraceId(record.buf, id)];
    if (id >= 0 && this.#config.attribute_source === 'traceID') {
      return ['trace_id_hash', randomnessOfHash(hashOf(seed, record.buf, id, id + 16))];
    }
    const value = this.#attribute.length > 0 ? record.attributes.find(this.#attribute)?.value : undefined;
    const bytes = value && bytesOf(value);
    if (!bytes || bytes.length === 0) return ['attribute', undefined];
    return ['attribute', randomnessOfHash(hashOf(seed, bytes, 0, bytes.length))];
  }

  /** The record's own wish: a percentage above 0 and at most 100. */
  #priorityOf(record: LogRecord): bigint | undefined {
    if (this.#priority.length === 0) return undefined;
    const value = record.attributes.find(this.#priority)?.value;
    let wish = 0;
    if (value?.kind === 'double') wish = value.doubleValue / 100;
    else if (value?.kind === 'int') wish = Number(value.intValue) / 100;
    const threshold = wish <= 1 ? thresholdOf(wish, this.#config.sampling_precision) : NEVER;
    return threshold < NEVER ? threshold : undefined;
  }
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
    const out = new Writer(64);
    const pair = out.open(ATTRIBUTES);
    out.string(1, String(this.#key));
    const value = out.open(2);
    out.string(1, this.text!);
    out.close(value);
    out.close(pair);
    return out.finish();
  }
}
