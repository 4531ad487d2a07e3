import type { KeySet } from '../kernel/kernel.ts';
import { LEN } from '../wire.ts';

const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;

/** None of the keys. */
export const NONE = -1;
/** Not plain to see: the KeyValue has to be read in full. */
export const UNSURE = -2;

interface Known {
  readonly key: Uint8Array;
  readonly id: number;
}

/** The keys that somebody asks for, numbered: who has numbers need not compare keys, and what has another key need not be looked at closer. */
export class Keys implements KeySet {
  #size = 0;
  /** By length, up to 127 bytes, and the longer ones together. */
  readonly #byLength: (Known[] | undefined)[] = new Array(129).fill(undefined);

  get size(): number {
    return this.#size;
  }

  /** @param key UTF-8 @returns its number; the same for the same key */
  add(key: Uint8Array): number {
    const known = this.find(key, 0, key.length);
    if (known !== NONE) return known;
    (this.#byLength[Math.min(key.length, 128)] ??= []).push({ key, id: this.#size });
    return this.#size++;
  }

  *entries(): Generator<Known> {
    for (const candidates of this.#byLength) if (candidates) yield* candidates;
  }

  /** The number of the key from `from` to `to`, or NONE. */
  find(buf: Uint8Array, from: number, to: number): number {
    const size = to - from;
    const candidates = this.#byLength[Math.min(size, 128)];
    if (candidates === undefined) return NONE;
    for (let i = 0; i < candidates.length; i++) {
      const { key, id } = candidates[i]!;
      if (isKey(key, buf, from, to)) return id;
    }
    return NONE;
  }

  /** The number of the key of the KeyValue from `from` to `to`, NONE or UNSURE. */
  findIn(buf: Uint8Array, from: number, to: number): number {
    const size = buf[from + 1]!;
    const keyTo = from + 2 + size;
    // Sure only of a short key, then a short value, and nothing else.
    if (buf[from] !== KEY || size > 0x7f || buf[keyTo] !== VALUE || keyTo + 2 + buf[keyTo + 1]! !== to) return UNSURE;
    return buf[keyTo + 1]! > 0x7f ? UNSURE : this.find(buf, from + 2, keyTo);
  }
}

export function isKey(key: Uint8Array, buf: Uint8Array, from: number, to: number): boolean {
  if (to - from !== key.length) return false;
  // The last byte first: keys share their beginnings more than their ends.
  for (let k = key.length - 1; k >= 0; k--) if (buf[from + k] !== key[k]) return false;
  return true;
}
