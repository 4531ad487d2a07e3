import { varintSize, writeVarint } from './wire.ts';

/**
 * Puts a message together from ranges of other messages: first a plan, then one buffer of exactly the right size.
 * Ranges that lie one behind the other are copied as one, and a nested message that turns out to be unchanged is
 * copied with its tag and length, so that what nobody touched costs next to nothing.
 */
export class Assembly {
  // Steps of three numbers: a range (its source, start, end) or a nested message (HEADER, tag, length).
  readonly #steps: number[] = [];
  #used = 0;
  readonly #sources: Uint8Array[] = [];
  readonly #open: Level[] = [];
  #depth = 0;
  #size = 0;

  /** Bytes so far at the outermost level, with the open messages as if they were closed now. */
  get size(): number {
    let size = this.#size;
    for (let depth = this.#depth - 1; depth >= 0; depth--) {
      const level = this.#open[depth]!;
      size = level.outerSize + varintSize(level.tag) + varintSize(size) + size;
    }
    return size;
  }

  /** The same if `extra` bytes came to the innermost message. */
  sizeWith(extra: number): number {
    this.#size += extra;
    const { size } = this;
    this.#size -= extra;
    return size;
  }

  /** Adds `buf` from `start` to `end`. */
  copy(buf: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    this.#size += end - start;
    const steps = this.#steps;
    const last = this.#used - 3;
    if (last >= 0 && steps[last]! >= 0 && steps[last + 2] === start) {
      if (this.#sources[steps[last]!] === buf) {
        steps[last + 2] = end;
        return;
      }
    }
    this.#step(this.#source(buf), start, end);
  }

  /**
   * Begins a nested message. Where it stems from one, `origin` is that message's whole field in `buf`, from its tag at
   * `at` over its content at `start` to `end`.
   */
  open(tag: number, buf?: Uint8Array, at = 0, start = 0, end = 0): void {
    const level = (this.#open[this.#depth] ??= new Level());
    this.#depth++;
    level.tag = tag;
    level.step = this.#used;
    level.outerSize = this.#size;
    level.buf = buf;
    level.at = at;
    level.start = start;
    level.end = end;
    this.#step(HEADER, tag, 0);
    this.#size = 0;
  }

  /** Bytes added to the innermost open message so far. */
  get innerSize(): number {
    return this.#size;
  }

  close(): void {
    const level = this.#open[--this.#depth]!;
    const steps = this.#steps;
    const size = this.#size;
    this.#size = level.outerSize;
    const first = level.step + 3;
    const { buf } = level;
    const whole = first === this.#used ? level.start === level.end : this.#isWhole(first, level);
    if (buf && whole) {
      this.#used = level.step;
      this.copy(buf, level.at, level.end);
      return;
    }
    steps[level.step + 2] = size;
    this.#size += varintSize(level.tag) + varintSize(size) + size;
  }

  /** Ends the innermost message as if it had never been begun. */
  discard(): void {
    const level = this.#open[--this.#depth]!;
    this.#size = level.outerSize;
    this.#used = level.step;
  }

  /** Ends the plan. One range alone becomes a window on its source, or the source itself; all else is copied into a buffer of its own. */
  finish(): Uint8Array {
    const only = this.#used === 3 && this.#steps[0]! >= 0 ? this.#sources[this.#steps[0]!] : undefined;
    const out = only ? windowOf(only, this.#steps[1]!, this.#steps[2]!) : this.#write();
    this.clear();
    return out;
  }

  #write(): Uint8Array {
    const out = Buffer.allocUnsafeSlow(this.#size);
    const steps = this.#steps;
    let pos = 0;
    for (let i = 0; i < this.#used; i += 3) {
      const source = steps[i]!;
      if (source === HEADER) {
        pos = writeVarint(out, pos, steps[i + 1]!);
        pos = writeVarint(out, pos, steps[i + 2]!);
      } else {
        pos = copyRange(this.#sources[source]!, steps[i + 1]!, steps[i + 2]!, out, pos);
      }
    }
    return out;
  }

  /** Forgets the plan. */
  clear(): void {
    this.#used = 0;
    this.#size = 0;
    this.#depth = 0;
    this.#sources.length = 0;
  }

  #isWhole(first: number, level: Level): boolean {
    const steps = this.#steps;
    if (first + 3 !== this.#used || steps[first]! < 0 || this.#sources[steps[first]!] !== level.buf) return false;
    return steps[first + 1] === level.start && steps[first + 2] === level.end;
  }

  #source(buf: Uint8Array): number {
    const sources = this.#sources;
    // The last two: a request, and what is added to each of its records.
    for (let i = sources.length - 1; i >= 0 && i >= sources.length - 2; i--) if (sources[i] === buf) return i;
    return sources.push(buf) - 1;
  }

  #step(a: number, b: number, c: number): void {
    const steps = this.#steps;
    const used = this.#used;
    steps[used] = a;
    steps[used + 1] = b;
    steps[used + 2] = c;
    this.#used = used + 3;
  }
}

const HEADER = -1;

class Level {
  tag = 0;
  step = 0;
  outerSize = 0;
  buf: Uint8Array | undefined = undefined;
  at = 0;
  start = 0;
  end = 0;
}

function windowOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

/** Below this a loop beats the call. */
const SHORT = 16;
// Works on every Uint8Array, and needs no window object for the range.
const copyBytes = Buffer.prototype.copy;

function copyRange(from: Uint8Array, start: number, end: number, to: Buffer, at: number): number {
  if (end - start >= SHORT) return at + copyBytes.call(from as Buffer, to, at, start, end);
  while (start < end) to[at++] = from[start++]!;
  return at;
}
