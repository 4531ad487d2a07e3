import type { Clock, Timer } from '../core/clock.ts';

export interface Limits {
  readonly maxStreams: number;
  readonly maxBytes: number;
  /** Milliseconds without a point after which a series is forgotten; Infinity: never. */
  readonly maxStaleMs: number;
}

/** A row in the columns, in the map of keys and in the lists beside them, as measured; the key and `more` come on top. */
const rowBytes = 120;
const sweepMs = 60_000;

/**
 * What is known of each series, in columns outside the engine's heap; what has no fixed size stands in `more`. Bounded in
 * series and bytes: what has not been touched for too long makes room, at the latest a minute later.
 */
export class Rows<M> {
  limits: Limits;
  /** Nanoseconds since 1970. */
  start = new BigUint64Array(16);
  time = new BigUint64Array(16);
  /** Of a number: the bits of an int64 or, as `double` shows them, of a double. */
  value = new BigUint64Array(16);
  double = new Float64Array(this.value.buffer);
  isDouble = new Uint8Array(16);
  /** Monotonic milliseconds. */
  touched = new Float64Array(16);
  /** The batch that changed it is under way. */
  pinned = new Uint8Array(16);
  readonly more: (M | undefined)[] = [];
  #bytesOf = new Uint32Array(16);
  readonly #keys: (string | undefined)[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #free: number[] = [];
  readonly #clock: Clock;
  #bytes = 0;
  #timer: Timer | undefined;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, limits: Limits) {
    this.#clock = clock;
    this.limits = limits;
  }

  /** Series. */
  get size(): number {
    return this.#byKey.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns -1 where it is not known, or not any more */
  find(key: string): number {
    return this.#byKey.get(key) ?? -1;
  }

  isStale(row: number): boolean {
    return this.#clock.monotonic() - this.touched[row]! > this.limits.maxStaleMs;
  }

  touch(row: number): void {
    this.touched[row] = this.#clock.monotonic();
  }

  /** @returns -1 where there is no room, or not for `moreBytes` beside it */
  add(key: string, moreBytes: number): number {
    const bytes = rowBytes + key.length + moreBytes;
    if (this.#full(bytes) && !(this.#sweepNow() && !this.#full(bytes))) return -1;
    const row = this.#free.pop() ?? this.#keys.length;
    if (row === this.start.length) this.#grow();
    // A key is put together from parts: the one that stays is a text of its own.
    const own = Buffer.from(key, 'latin1').toString('latin1');
    this.#keys[row] = own;
    this.more[row] = undefined;
    this.#byKey.set(own, row);
    this.#bytesOf[row] = bytes;
    this.#bytes += bytes;
    this.touch(row);
    this.#timer ??= this.#clock.after(sweepMs, () => this.#onTimer());
    return row;
  }

  /** @param bytes of `more` */
  setMore(row: number, more: M | undefined, bytes: number): void {
    this.more[row] = more;
    const all = rowBytes + this.#keys[row]!.length + bytes;
    this.#bytes += all - this.#bytesOf[row]!;
    this.#bytesOf[row] = all;
  }

  /** Whether `more` of the row may grow to so many bytes. */
  hasRoomFor(row: number, bytes: number): boolean {
    const grown = bytes - this.bytesOfMore(row);
    return grown <= 0 || this.#bytes + grown <= this.limits.maxBytes;
  }

  bytesOfMore(row: number): number {
    return this.#bytesOf[row]! - rowBytes - this.#keys[row]!.length;
  }

  remove(row: number): void {
    const key = this.#keys[row];
    if (key === undefined) return;
    this.#byKey.delete(key);
    this.#keys[row] = undefined;
    this.more[row] = undefined;
    this.pinned[row] = 0;
    this.#bytes -= this.#bytesOf[row]!;
    this.#free.push(row);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #full(bytes: number): boolean {
    return this.size >= this.limits.maxStreams || this.#bytes + bytes > this.limits.maxBytes;
  }

  /** @returns false where it was done less than a second ago: a full table must not be gone through for each point */
  #sweepNow(): boolean {
    if (this.#clock.monotonic() - this.#sweptAt < 1000) return false;
    this.#sweep();
    return true;
  }

  #onTimer(): void {
    this.#sweep();
    this.#timer = this.size === 0 ? undefined : this.#clock.after(sweepMs, () => this.#onTimer());
  }

  #sweep(): void {
    this.#sweptAt = this.#clock.monotonic();
    for (const row of this.#byKey.values()) if (this.pinned[row] === 0 && this.isStale(row)) this.remove(row);
  }

  #grow(): void {
    const length = this.start.length * 2;
    const longs = (from: BigUint64Array) => {
      const to = new BigUint64Array(length);
      to.set(from);
      return to;
    };
    const bytes = (from: Uint8Array) => {
      const to = new Uint8Array(length);
      to.set(from);
      return to;
    };
    this.start = longs(this.start);
    this.time = longs(this.time);
    this.value = longs(this.value);
    this.double = new Float64Array(this.value.buffer);
    this.isDouble = bytes(this.isDouble);
    this.pinned = bytes(this.pinned);
    const touched = new Float64Array(length);
    touched.set(this.touched);
    this.touched = touched;
    const bytesOf = new Uint32Array(length);
    bytesOf.set(this.#bytesOf);
    this.#bytesOf = bytesOf;
  }
}
