import type { Patch, Visitor } from '../../internal/otlp/rewrite.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { AnyValue } from '../../internal/otlp/view/value.ts';
import { valueText } from '../../internal/otlp/view/value_text.ts';
import { Cut, NEVER, randomnessOfTraceId, thresholdOf } from '../../internal/sampling/consistent.ts';
import {
  RANDOMNESS_AT,
  randomnessField,
  SamplingAttributes,
  thresholdField,
  traceIdOf,
} from '../../internal/sampling/consistent_log.ts';
import type { ProbabilisticConfig } from './config.ts';
import { bucketOf, hashOf, randomnessOfHash, writeRandomness } from './hash.ts';
import type { Mode } from './mode.ts';
import type { Count, Tally } from './tally.ts';
import { judge, type Policy } from './verdict.ts';

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
    const threshold = thresholdField(mode.threshold);
    const randomness = randomnessField(0n);
    this.#stamp = mode.randomness === 'hash' ? Buffer.concat([randomness, threshold]) : threshold;
    this.#byTraceId = tally.of(mode.randomness === 'hash' ? 'trace_id_hash' : 'trace_id_w3c');
    this.#byAttribute = tally.of('attribute');
  }

  record(record: LogRecord, patch: Patch): void {
    const { attributes } = record;
    const bare = !SamplingAttributes.in(attributes);
    const wish = this.#wishOf(record);
    const id = traceIdOf(record);
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
