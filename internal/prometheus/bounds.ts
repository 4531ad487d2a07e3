import { packedOnce } from '../otlp/counts.ts';
import { rangeEquals } from '../otlp/view/raw.ts';
import { doubleAt } from '../otlp/wire.ts';
import { boundText } from './bound_text.ts';
import { type FixedLabel, fixedLabel, plainName } from './labels.ts';

const le = plainName('le');
const quantile = plainName('quantile');

export function boundLabel(value: number): FixedLabel {
  return fixedLabel(le, boundText(value));
}

export function quantileLabel(value: number): FixedLabel {
  return fixedLabel(quantile, boundText(value));
}

interface Message {
  readonly buf: Uint8Array;
  readonly raw: { doubles(field: number): number[] };
  firstTag(field: number): number;
  valueStart(field: number): number;
  valueEnd(field: number): number;
}

const maxKnown = 1000;
const maxKeptBytes = 16 * 1024;

interface Known {
  readonly bytes: Uint8Array;
  readonly values: readonly number[];
  readonly labels: readonly FixedLabel[];
}

/** The bounds of the histogram that was read last, with their `le` labels: `+Inf` comes after the last bound. */
export class Bounds {
  #now: Known = { bytes: new Uint8Array(0), values: [], labels: [boundLabel(Number.POSITIVE_INFINITY)] };
  readonly #known = new Map<string, Known>();

  get values(): readonly number[] {
    return this.#now.values;
  }
  get labels(): readonly FixedLabel[] {
    return this.#now.labels;
  }
  /** Equal bounds have equal bytes. */
  get bytes(): Uint8Array {
    return this.#now.bytes;
  }

  /** @returns false where they do not rise: the buckets could not be told apart */
  read(message: Message, field: number): boolean {
    let { buf } = message;
    let from = Math.max(0, message.valueStart(field));
    let to = Math.max(0, message.valueEnd(field));
    if (to > 0 && !packedOnce(message, field)) {
      const joined = Buffer.from(new Float64Array(message.raw.doubles(field)).buffer);
      buf = joined;
      from = 0;
      to = joined.length;
    }
    if (rangeEquals(buf, from, to, this.#now.bytes)) return true;
    const key = Buffer.from(buf.buffer, buf.byteOffset + from, to - from).toString('latin1');
    const known = this.#known.get(key) ?? this.#learn(key, buf, from, to);
    if (known) this.#now = known;
    return known !== undefined;
  }

  #learn(key: string, buf: Uint8Array, from: number, to: number): Known | undefined {
    const values: number[] = [];
    for (let at = from; at + 8 <= to; at += 8) values.push(doubleAt(buf, at));
    // An infinite last bound is the one that is always there.
    if (values.at(-1) === Number.POSITIVE_INFINITY) values.pop();
    if (!values.every((value, i) => i === 0 || value > values[i - 1]!) || Number.isNaN(values[0])) return undefined;
    const labels = [...values, Number.POSITIVE_INFINITY].map(boundLabel);
    const known = { bytes: Uint8Array.prototype.slice.call(buf, from, to), values, labels };
    if (this.#known.size >= maxKnown) this.#known.clear();
    if (key.length <= maxKeptBytes) this.#known.set(key, known);
    return known;
  }
}
