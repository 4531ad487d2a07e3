import type { Patch } from '../otlp/patch.ts';
import type { LogRecord } from '../otlp/view/log_record.ts';
import type { Attributes } from '../otlp/view/value.ts';
import { Writer } from '../otlp/writer.ts';
import { decodeRandomness, decodeThreshold, encodeRandomness, encodeThreshold } from './consistent.ts';

const ATTRIBUTES = 6;
const TRACE_ID = 9;
const THRESHOLD = 'sampling.threshold';
const RANDOMNESS = 'sampling.randomness';
const thresholdKey = Buffer.from(THRESHOLD);
const randomnessKey = Buffer.from(RANDOMNESS);
/** Where the value lies in the field: behind tag, length, key, and tag and length of value and text. */
export const RANDOMNESS_AT = 2 + 2 + RANDOMNESS.length + 2 + 2;

/** Where the trace id lies; -1 for none, which is also one of zeros or of another length. */
export function traceIdOf(record: LogRecord): number {
  const { buf } = record;
  const at = record.valueStart(TRACE_ID);
  if (at < 0 || record.valueEnd(TRACE_ID) - at !== 16) return -1;
  for (let i = at + 15; i >= at; i--) if (buf[i] !== 0) return at;
  return -1;
}

/** The attributes `sampling.threshold` and `sampling.randomness` of a record; those that are no text count as absent. */
export class SamplingAttributes {
  randomness: bigint | undefined;
  threshold: bigint | undefined;
  readonly #th = new Place(thresholdKey);
  readonly #rv = new Place(randomnessKey);

  /** Whether one of them is there. */
  static in(attributes: Attributes): boolean {
    return (attributes.find(thresholdKey) ?? attributes.find(randomnessKey)) !== undefined;
  }

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

/** The whole field of an attribute `sampling.threshold`. */
export function thresholdField(threshold: bigint): Uint8Array {
  return attributeField(THRESHOLD, encodeThreshold(threshold));
}

/** The same for `sampling.randomness`; the value of 14 digits begins at `RANDOMNESS_AT`. */
export function randomnessField(randomness: bigint): Uint8Array {
  return attributeField(RANDOMNESS, encodeRandomness(randomness));
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
