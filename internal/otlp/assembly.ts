import { copyInRoom, occupy, output, outputEnd, room, vacate } from './kernel/kernel.ts';
import { varintSize, writeVarint } from './wire.ts';

/**
 * Puts a message together from ranges of other messages. Ranges that lie one behind the other are copied as one, and a
 * nested message costs nothing until something in it differs from where it stems from: so what nobody touched is copied
 * with all around it that nobody touched, in one go, and a message of one range alone is a window on its source.
 */
export class Assembly {
  #out: Buffer | undefined;
  #pos = 0;
  #expected = 0;
  /** A range that will be copied, unless it grows first. The headers of the unwritten levels lie in it. */
  #buf: Uint8Array | undefined;
  #from = 0;
  #to = 0;
  readonly #levels: Level[] = [];
  #depth = 0;
  /** How many of the innermost levels are as they were so far: they have not been written. */
  #untouched = 0;

  /** The chunk that lies in the kernel's room, and where. */
  #chunk: Uint8Array | undefined;
  #chunkAt = 0;

  /**
   * Has `assemble` make a message out of a chunk, and finish it: in the kernel's room, if it is free and the chunk fits.
   * @param assemble is told where the chunk lies; nothing of there may be held on to
   */
  inRoom(chunk: Uint8Array, assemble: (buf: Uint8Array, start: number, end: number) => Uint8Array): Uint8Array {
    const at = occupy(chunk);
    if (at < 0) return assemble(chunk, 0, chunk.length);
    this.#chunk = chunk;
    this.#chunkAt = at;
    this.#out = room;
    this.#pos = output;
    try {
      return assemble(room, at, at + chunk.length);
    } finally {
      vacate();
    }
  }

  /** How large the whole will be, more or less: saves growing. */
  expect(bytes: number): void {
    this.#expected = bytes;
  }

  /** Bytes so far at the outermost level, with the open messages as if they were closed now. */
  get size(): number {
    return this.sizeWith(0);
  }

  /** The same if `extra` bytes came to the innermost message. */
  sizeWith(extra: number): number {
    let size = extra;
    for (let depth = this.#depth - 1; depth >= -1; depth--) {
      size += this.#ownSize(depth);
      if (depth >= 0) size += varintSize(this.#levels[depth]!.tag) + varintSize(size);
    }
    return size;
  }

  /** Adds `buf` from `start` to `end`. */
  copy(buf: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    if (this.#buf === buf && this.#to === start) {
      this.#to = end;
      return;
    }
    this.#write();
    this.#buf = buf;
    this.#from = start;
    this.#to = end;
  }

  /**
   * Begins a nested message. Where it stems from one, `origin` is that message's whole field in `buf`, from its tag at
   * `at` over its content at `start` to `end`; else `start` to `end` may tell how long it is going to be.
   */
  open(tag: number, buf?: Uint8Array, at = 0, start = 0, end = 0): void {
    const level = (this.#levels[this.#depth] ??= new Level());
    level.tag = tag;
    level.buf = buf;
    level.at = at;
    level.start = start;
    level.end = end;
    if (!buf || this.#buf !== buf || this.#to !== at) this.#write();
    this.#depth++;
    if (!buf) {
      this.#header(level);
      return;
    }
    if (!this.#buf) {
      this.#buf = buf;
      this.#from = at;
    }
    this.#to = start;
    this.#untouched++;
  }

  /** The tag and length of a nested message whose `size` bytes of content are added next. */
  prefix(tag: number, size: number): void {
    this.#write();
    const out = this.#roomFor(10);
    this.#pos = writeVarint(out, writeVarint(out, this.#pos, tag), size);
  }

  /** A nested message with the content of `source` as `patch` wants it. */
  patched(tag: number, patch: Patched, source: Uint8Array): void {
    this.#write();
    const out = this.#roomFor(10 + patch.size);
    const body = writeVarint(out, writeVarint(out, this.#pos, tag), patch.size);
    this.#pos = patch.writeTo(out, body, source);
  }

  /** Writes the range that waits: behind this its source may be changed. */
  flush(): void {
    this.#write();
  }

  /** Bytes added to the innermost open message so far. */
  get innerSize(): number {
    return this.#ownSize(this.#depth - 1);
  }

  close(): void {
    const level = this.#levels[this.#depth - 1]!;
    if (this.#untouched > 0) {
      if (this.#buf === level.buf && this.#to === level.end) {
        this.#untouched--;
        this.#depth--;
        return;
      }
      this.#write();
    }
    this.#depth--;
    const size = this.#pos - level.body + this.#pending;
    this.#setLength(level, size);
  }

  /** Ends the innermost message as if it had never been begun. */
  discard(): void {
    const level = this.#levels[--this.#depth]!;
    if (this.#untouched > 0) {
      this.#untouched--;
      this.#to = level.at;
      if (this.#from === this.#to) this.#buf = undefined;
    } else {
      this.#pos = level.head;
      this.#buf = undefined;
    }
  }

  /** Ends the message. One range alone becomes a window on its source, or the source itself; all else has a buffer of its own. */
  finish(): Uint8Array {
    let done: Uint8Array;
    if (this.#pos === this.#base && this.#buf) done = this.#window(this.#buf, this.#from, this.#to);
    else {
      this.#write();
      done = this.#trimmed();
      this.#out = undefined;
    }
    this.clear();
    return done;
  }

  /** Forgets what was added. */
  clear(): void {
    this.#chunk = undefined;
    if (this.#out === room) this.#out = undefined;
    this.#pos = 0;
    this.#depth = 0;
    this.#untouched = 0;
    this.#buf = undefined;
  }

  /** Where in `#out` the message begins. */
  get #base(): number {
    return this.#out === room ? output : 0;
  }

  get #pending(): number {
    return this.#buf ? this.#to - this.#from : 0;
  }

  /** What lies in the level itself, before the next level's header. Depth -1 is the message as a whole. */
  #ownSize(depth: number): number {
    const next = depth + 1 < this.#depth ? this.#levels[depth + 1]! : undefined;
    const firstUntouched = this.#depth - this.#untouched;
    if (depth >= firstUntouched) return (next ? next.at : this.#to) - this.#levels[depth]!.start;
    const body = depth < 0 ? this.#base : this.#levels[depth]!.body;
    if (next && depth + 1 < firstUntouched) return next.head - body;
    return this.#pos - body + (next ? next.at - this.#from : this.#pending);
  }

  /** Writes the range that waits, with the headers of the levels in it: from now on they are what this message makes of them. */
  #write(): void {
    const buf = this.#buf;
    if (!buf) return;
    let from = this.#from;
    for (let depth = this.#depth - this.#untouched; depth < this.#depth; depth++) {
      const level = this.#levels[depth]!;
      this.#put(buf, from, level.at);
      this.#header(level);
      from = level.start;
    }
    this.#untouched = 0;
    this.#put(buf, from, this.#to);
    this.#buf = undefined;
  }

  #put(buf: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    this.#pos = copyRange(buf, start, end, this.#roomFor(end - start), this.#pos);
  }

  /** The tag, and room for a length like the expected one. */
  #header(level: Level): void {
    const out = this.#roomFor(10);
    level.head = this.#pos;
    const length = writeVarint(out, this.#pos, level.tag);
    level.body = length + varintSize(level.end - level.start);
    level.length = length;
    this.#pos = level.body;
  }

  #setLength(level: Level, size: number): void {
    const more = varintSize(size) - (level.body - level.length);
    let out = this.#out!;
    if (more !== 0) {
      out = this.#roomFor(more);
      out.copyWithin(level.body + more, level.body, this.#pos);
      this.#pos += more;
    }
    writeVarint(out, level.length, size);
  }

  #roomFor(bytes: number): Buffer {
    const out = this.#out;
    const limit = out === room ? outputEnd : out ? out.length : 0;
    if (out && this.#pos + bytes <= limit) return out;
    const base = this.#base;
    const written = this.#pos - base;
    const expected = this.#expected + (this.#expected >>> 3);
    const larger = Buffer.allocUnsafeSlow(Math.max(expected, written + bytes + 256, written * 2));
    out?.copy(larger, 0, base, this.#pos);
    if (base > 0) this.#shift(base);
    this.#out = larger;
    return larger;
  }

  /** What was written lies so much further in front. */
  #shift(by: number): void {
    this.#pos -= by;
    for (let depth = this.#depth - this.#untouched - 1; depth >= 0; depth--) {
      const level = this.#levels[depth]!;
      level.head -= by;
      level.length -= by;
      level.body -= by;
    }
  }

  /** No more than an eighth of a buffer that lives on is idle. */
  #trimmed(): Uint8Array {
    const out = this.#out;
    if (!out) return Buffer.alloc(0);
    const written = this.#pos - this.#base;
    if (out !== room && out.length - written <= written >>> 3) return windowOf(out, 0, written);
    const exact = Buffer.allocUnsafeSlow(written);
    out.copy(exact, 0, this.#base, this.#pos);
    return exact;
  }

  /** What lies in the room is shown as the chunk it came from. */
  #window(buf: Uint8Array, from: number, to: number): Uint8Array {
    const chunk = buf === room ? this.#chunk : undefined;
    return chunk ? windowOf(chunk, from - this.#chunkAt, to - this.#chunkAt) : windowOf(buf, from, to);
  }
}

class Level {
  tag = 0;
  /** Where it stems from. */
  buf: Uint8Array | undefined = undefined;
  at = 0;
  start = 0;
  end = 0;
  /** Where tag, length and content lie in what is written. */
  head = 0;
  length = 0;
  body = 0;
}

function windowOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

/** What wants to be written with pieces taken out and others put in: see `Patch`. */
export interface Patched {
  /** Bytes of the content as wanted. */
  readonly size: number;
  /** Puts that content into `out` from `at`. @returns the position behind it */
  writeTo(out: Buffer, at: number, source: Uint8Array): number;
}

/** Below this a loop beats the call. */
const SHORT = 16;
// Works on every Uint8Array, and needs no window object for the range.
const copyBytes = Buffer.prototype.copy;

/** @returns the position behind what was copied to `at` */
export function copyRange(from: Uint8Array, start: number, end: number, to: Buffer, at: number): number {
  if (to === room && from === room) {
    copyInRoom(at, start, end - start);
    return at + end - start;
  }
  if (end - start >= SHORT) return at + copyBytes.call(from as Buffer, to, at, start, end);
  while (start < end) to[at++] = from[start++]!;
  return at;
}
