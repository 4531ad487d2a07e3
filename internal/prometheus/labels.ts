import { hashOf, labelHash } from './bytes.ts';
import { labelName, type Strategy } from './names.ts';

/** The name of a label, interned: equal names are one object for as long as the cache holds them. */
export interface LabelName {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly hash: number;
}

/** A label that many series share. */
export interface FixedLabel {
  readonly name: LabelName;
  readonly value: Uint8Array;
  readonly valueHash: number;
  /** Of name and value. */
  readonly hash: number;
  /** The whole label as `repeated Label labels = 1` of prometheus.TimeSeries. */
  readonly encoded: Uint8Array;
}

/** The label that tells the series of one histogram or summary apart; none for other points. */
export type ExtraName = '' | 'le' | 'quantile';

/** More names than this are the sign of keys with ids in them: then all are let go and learnt again. */
const maxNames = 10_000;
const longestKept = 500;

export function plainName(text: string): LabelName {
  const bytes = Buffer.from(text);
  return { text, bytes, hash: hashOf(bytes, 0, bytes.length) };
}

export function fixedLabel(name: LabelName, text: string): FixedLabel {
  const value = Buffer.from(text);
  const inner = Buffer.concat([field(1, name.bytes), field(2, value)]);
  const valueHash = hashOf(value, 0, value.length);
  const hash = labelHash(name.hash, valueHash);
  return { name, value, valueHash, hash, encoded: field(1, inner) };
}

function field(number: number, bytes: Uint8Array): Buffer {
  const size: number[] = [];
  let rest = bytes.length;
  for (; rest > 0x7f; rest >>>= 7) size.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...size, rest]), bytes]);
}

/** Attribute keys become label names here, each once. */
export class LabelNames {
  readonly strategy: Strategy;
  readonly #known = new Map<string, LabelName | undefined>();

  constructor(strategy: Strategy) {
    this.strategy = strategy;
  }

  /** @returns undefined for a key of which no name is left */
  of(key: string): LabelName | undefined {
    const known = this.#known.get(key);
    if (known || this.#known.has(key)) return known;
    const text = labelName(key, this.strategy);
    const name = text === undefined ? undefined : plainName(text);
    if (key.length > longestKept) return name;
    if (this.#known.size >= maxNames) this.#known.clear();
    this.#known.set(key, name);
    return name;
  }
}

/** The labels of a point, sorted by name, without the metric's name and without `le` or `quantile`. Used again for each point. */
export class LabelSet {
  size = 0;
  readonly names: LabelName[] = [];
  readonly value: Uint8Array[] = [];
  readonly from: number[] = [];
  readonly to: number[] = [];
  readonly valueHash: number[] = [];
  /** Where the label is one that many series share. */
  readonly fixed: (FixedLabel | undefined)[] = [];
  /** The labels before this index sort before `__name__`. */
  nameAt = 0;
  /** The labels before this index sort before `le` or `quantile`. */
  extraAt = 0;
  /** The same for equal sets, in whatever order the attributes came. */
  hash = 0;

  clear(): void {
    this.size = 0;
    this.nameAt = 0;
    this.extraAt = 0;
    this.hash = 0;
  }

  add(name: LabelName, value: Uint8Array, from: number, to: number): void {
    const i = this.size++;
    this.names[i] = name;
    this.value[i] = value;
    this.from[i] = from;
    this.to[i] = to;
    this.fixed[i] = undefined;
    const hash = hashOf(value, from, to);
    this.valueHash[i] = hash;
    this.hash = (this.hash + labelHash(name.hash, hash)) | 0;
  }

  addFixed(label: FixedLabel): void {
    const i = this.size++;
    this.names[i] = label.name;
    this.value[i] = label.value;
    this.from[i] = 0;
    this.to[i] = label.value.length;
    this.fixed[i] = label;
    this.valueHash[i] = label.valueHash;
    this.hash = (this.hash + label.hash) | 0;
  }

  text(index: number): string {
    const value = this.value[index]!;
    return Buffer.from(
      value.buffer,
      value.byteOffset + this.from[index]!,
      this.to[index]! - this.from[index]!,
    ).toString();
  }

  /** Takes the values out of the request that they lie in, so that the set outlives it. */
  detach(): void {
    for (let i = 0; i < this.size; i++) {
      if (this.fixed[i]) continue;
      this.fixed[i] = fixedLabel(this.names[i]!, this.text(i));
      this.value[i] = this.fixed[i]!.value;
      this.from[i] = 0;
      this.to[i] = this.value[i]!.length;
    }
  }

  /** As pairs of name and value: for cold paths. */
  pairs(): [name: string, value: string][] {
    return Array.from({ length: this.size }, (_, i) => [this.names[i]!.text, this.text(i)]);
  }
}
