import { LEN } from '../otlp/wire.ts';

const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;

/** The keys that somebody asks for: what has another key need not be looked at closer. */
export class Keys {
  /** By length, up to 127 bytes. */
  readonly #byLength: (Uint8Array[] | undefined)[] = new Array(128).fill(undefined);

  /** @param keys UTF-8 */
  constructor(keys: Iterable<Uint8Array>) {
    for (const key of keys) if (key.length < 128) (this.#byLength[key.length] ??= []).push(key);
  }

  /** False where the KeyValue from `from` to `to` plainly has none of the keys; true may be wrong. */
  mayBe(buf: Uint8Array, from: number, to: number): boolean {
    const size = buf[from + 1]!;
    const keyTo = from + 2 + size;
    // Sure only of a short key, then a short value, and nothing else.
    if (buf[from] !== KEY || size > 0x7f || buf[keyTo] !== VALUE || keyTo + 2 + buf[keyTo + 1]! !== to) return true;
    if (buf[keyTo + 1]! > 0x7f) return true;
    const candidates = this.#byLength[size];
    if (candidates === undefined) return false;
    for (let i = 0; i < candidates.length; i++) if (equal(candidates[i]!, buf, from + 2)) return true;
    return false;
  }
}

function equal(key: Uint8Array, buf: Uint8Array, from: number): boolean {
  // The last byte first: keys share their beginnings more than their ends.
  for (let k = key.length - 1; k >= 0; k--) if (buf[from + k] !== key[k]) return false;
  return true;
}
