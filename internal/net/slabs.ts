import type { Clock, Timer } from '../core/clock.ts';
import type { MemoryBudget } from '../core/memory.ts';

const smallest = 64 * 1024;
const largest = 16 * 1024 * 1024;
const maxFreeBytes = 16 * 1024 * 1024;
const trimMs = 10_000;

interface SizeClass {
  readonly free: Buffer[];
  /** The fewest that were free at any time since the last trim: so many were not needed. */
  unused: number;
}

/**
 * Large buffers that are used again. A fresh one costs several times what filling it does: the system hands out and
 * zeroes its pages one by one, and each counts towards the next garbage collection (docs/adr/0003).
 * What is not taken for ten seconds is let go. What is out counts as a copy in the memory budget until it is given or dropped.
 */
export class Slabs {
  readonly #clock: Clock;
  readonly #memory: MemoryBudget;
  readonly #classes = new Map<number, SizeClass>();
  #freeBytes = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, memory: MemoryBudget) {
    this.#clock = clock;
    this.#memory = memory;
  }

  /** Bytes held for later. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** A buffer of at least `bytes`, with anything in it. */
  take(bytes: number): Buffer {
    const slab = this.#find(bytes);
    this.#memory.addCopy(slab.length);
    return slab;
  }

  #find(bytes: number): Buffer {
    if (bytes < smallest / 4 || bytes > largest) return Buffer.allocUnsafe(bytes);
    const size = Math.max(smallest, 2 ** Math.ceil(Math.log2(bytes)));
    const known = this.#classes.get(size);
    const slab = known?.free.pop();
    if (!known || !slab) return Buffer.allocUnsafeSlow(size);
    known.unused = Math.min(known.unused, known.free.length);
    this.#freeBytes -= size;
    return slab;
  }

  /** A slab that holds `chunks` one after the other, behind `offset` bytes left for the caller. */
  gather(chunks: readonly Uint8Array[], bytes: number, offset = 0): Buffer {
    const slab = this.take(offset + bytes);
    let at = offset;
    for (const chunk of chunks) {
      slab.set(chunk, at);
      at += chunk.length;
    }
    return slab;
  }

  /** Takes back what `take` or `gather` gave. The caller must be sure that nobody reads it any more. */
  give(slab: Buffer): void {
    this.drop(slab);
    const size = slab.length;
    if (size < smallest || size > largest || this.#freeBytes + size > maxFreeBytes) return;
    const known = this.#classes.get(size) ?? { free: [], unused: 0 };
    this.#classes.set(size, known);
    known.free.push(slab);
    this.#freeBytes += size;
    this.#timer ??= this.#clock.after(trimMs, () => this.#trim());
  }

  /** Takes back, never to be used again, what somebody may still read. */
  drop(slab: Buffer): void {
    this.#memory.dropCopy(slab.length);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#classes.clear();
    this.#freeBytes = 0;
  }

  #trim(): void {
    for (const [size, known] of this.#classes) {
      this.#freeBytes -= known.free.splice(0, known.unused).length * size;
      known.unused = known.free.length;
    }
    this.#timer = this.#freeBytes > 0 ? this.#clock.after(trimMs, () => this.#trim()) : undefined;
  }
}
