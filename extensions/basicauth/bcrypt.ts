/**
 * bcrypt, as `htpasswd -B` writes it. Niels Provos and David Mazières, "A Future-Adaptable Password Scheme", 1999;
 * Blowfish: Bruce Schneier, 1994. Written here because Node has none, and checked against crypt(3) in the test.
 */
export interface BcryptHash {
  /** Binary logarithm of the number of rounds. */
  readonly cost: number;
  readonly salt: Uint8Array;
  /** 23 bytes. */
  readonly digest: Uint8Array;
}

/** @returns undefined where the text is no bcrypt hash */
export function parseBcrypt(text: string): BcryptHash | undefined {
  const match = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/.exec(text);
  if (!match) return undefined;
  const cost = Number(match[1]);
  if (cost < 4 || cost > 31) return undefined;
  return { cost, salt: decode64(match[2]!, 16), digest: decode64(match[3]!, 23) };
}

/** Digests passwords without holding up the event loop: every few milliseconds `pause` lets others run. */
export class Bcrypt {
  /** P and the four S boxes before any key. */
  readonly #initial = piFraction(18 + 4 * 256);
  readonly #pause: () => Promise<void>;

  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  /** @returns 23 bytes */
  async digest(password: string, salt: Uint8Array, cost: number): Promise<Uint8Array> {
    const key = words(Buffer.from(`${password}\0`, 'utf8').subarray(0, 72), 18);
    const saltKey = words(salt, 18);
    const state = new Blowfish(this.#initial.slice());
    state.expand(key, words(salt, 4));
    for (let round = 2 ** cost; round > 0; round--) {
      state.expand(key, undefined);
      state.expand(saltKey, undefined);
      if (round % 64 === 0) await this.#pause();
    }
    const text = words(Buffer.from('OrpheanBeholderScryDoubt', 'latin1'), 6);
    for (let i = 0; i < 6; i += 2) {
      for (let times = 0; times < 64; times++) state.encipher(text, i);
    }
    const out = Buffer.alloc(24);
    for (let i = 0; i < 6; i++) out.writeUInt32BE(text[i]! >>> 0, i * 4);
    return out.subarray(0, 23);
  }
}

class Blowfish {
  /** 18 words of P, then the S boxes. */
  readonly #state: Int32Array;
  readonly #block = new Int32Array(2);

  constructor(state: Int32Array) {
    this.#state = state;
  }

  encipher(block: Int32Array, at: number): void {
    const state = this.#state;
    let left = block[at]! ^ state[0]!;
    let right = block[at + 1]!;
    for (let i = 1; i <= 16; i += 2) {
      right ^= mix(state, left) ^ state[i]!;
      left ^= mix(state, right) ^ state[i + 1]!;
    }
    block[at] = right ^ state[17]!;
    block[at + 1] = left;
  }

  /** @param salt 4 words, or none: the key schedule of plain Blowfish */
  expand(key: Int32Array, salt: Int32Array | undefined): void {
    const state = this.#state;
    for (let i = 0; i < 18; i++) state[i] = state[i]! ^ key[i]!;
    const block = this.#block.fill(0);
    for (let i = 0; i < state.length; i += 2) {
      if (salt) {
        block[0] = block[0]! ^ salt[i & 2]!;
        block[1] = block[1]! ^ salt[(i & 2) + 1]!;
      }
      this.encipher(block, 0);
      state[i] = block[0]!;
      state[i + 1] = block[1]!;
    }
  }
}

function mix(state: Int32Array, x: number): number {
  const sum = state[18 + (x >>> 24)]! + state[274 + ((x >>> 16) & 255)]!;
  return ((sum ^ state[530 + ((x >>> 8) & 255)]!) + state[786 + (x & 255)]!) | 0;
}

/** `bytes`, repeated, as `count` big-endian words. */
function words(bytes: Uint8Array, count: number): Int32Array {
  const out = new Int32Array(count);
  for (let i = 0; i < count * 4; i++) out[i >> 2] = (out[i >> 2]! << 8) | bytes[i % bytes.length]!;
  return out;
}

/** Blowfish starts from the binary digits of pi after the point: Machin's formula instead of a table of 1042 numbers. */
function piFraction(count: number): Int32Array {
  const bits = BigInt(count * 32);
  const guard = 64n;
  const one = 1n << (bits + guard);
  const pi = 16n * arctanOfInverse(5n, one) - 4n * arctanOfInverse(239n, one);
  const hex = ((pi - 3n * one) >> guard).toString(16).padStart(count * 8, '0');
  return Int32Array.from({ length: count }, (_, i) => Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16) | 0);
}

/** arctan(1/x) in units of 1/one. */
function arctanOfInverse(x: bigint, one: bigint): bigint {
  let power = one / x;
  let sum = power;
  for (let n = 3n; power !== 0n; n += 2n) {
    power /= -(x * x);
    sum += power / n;
  }
  return sum;
}

const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function decode64(text: string, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const char of text) {
    bits = ((bits << 6) | alphabet.indexOf(char)) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    if (at < length) out[at++] = bits >> held;
  }
  return out;
}
