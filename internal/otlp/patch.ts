import { copyRange, type Patched } from './assembly.ts';
import { copyInRoom, room } from './kernel/kernel.ts';
import { Fields } from './view/fields.ts';

/**
 * What a visitor wants done to one message: nothing, unless it says so. Offsets are those of the view that the visitor
 * was given (`valueStart`, `at`, `start`, …), in its `buf`; pieces must not overlap, and are cheapest in ascending order.
 */
export class Patch implements Patched {
  #start = 0;
  #end = 0;
  #dropped = false;
  /** Pieces taken out, and what comes in their place; kept from message to message, `#count` of them in use. */
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #inserts: (Uint8Array | undefined)[] = [];
  readonly #insertFrom: number[] = [];
  readonly #insertTo: number[] = [];
  #count = 0;
  #size = 0;
  #beside: Uint8Array | undefined;

  /** For the next message, whose content lies from `start` to `end`. */
  reset(start: number, end: number): this {
    this.#start = start;
    this.#end = end;
    this.#dropped = false;
    this.#count = 0;
    this.#size = end - start;
    this.#beside = undefined;
    return this;
  }

  /** Leaves the message out, with all that is in it. */
  drop(): void {
    this.#dropped = true;
  }

  /** Puts whole fields, tag and all, behind the message's own: more values of a repeated field, or a new last value. */
  append(fields: Uint8Array, from = 0, to = fields.length): void {
    this.splice(this.#end, this.#end, fields, from, to);
  }

  /** Puts whole fields behind those of the group that a Resource or an InstrumentationScope stands in, such as its `schema_url`. */
  appendBeside(fields: Uint8Array): void {
    this.#beside = fields;
  }

  /** Takes out the fields from `start` to `end`. */
  cut(start: number, end: number): void {
    this.splice(start, end);
  }

  /** Puts `fields`, or what lies in them from `from` to `to`, in the place of what lies from `start` to `end`. */
  splice(start: number, end: number, fields?: Uint8Array, from = 0, to = fields ? fields.length : 0): void {
    let count = this.#count;
    if (start < this.#start || end < start || end > this.#end) {
      throw new RangeError(`cannot cut ${start} to ${end}: expected a piece of ${this.#start} to ${this.#end}`);
    }
    while (count > 0 && this.#to[count - 1]! > start) count--;
    if (count < this.#count) this.#makeRoom(count, end);
    this.#from[count] = start;
    this.#to[count] = end;
    this.#inserts[count] = fields;
    this.#insertFrom[count] = from;
    this.#insertTo[count] = to;
    this.#count++;
    this.#size += to - from - (end - start);
  }

  /** Puts a whole field in the place of every field of this number, so that nothing of those is left. */
  put(buf: Uint8Array, number: number, field: Uint8Array): void {
    const fields = new Fields().reset(buf, this.#start, this.#end);
    while (fields.next()) if (fields.tag >>> 3 === number) this.cut(fields.at, fields.to);
    this.append(field);
  }

  /** For a piece that ends at `end` before others that were cut already. */
  #makeRoom(index: number, end: number): void {
    if (this.#from[index]! < end)
      throw new RangeError(`cannot cut up to ${end}: cut already from ${this.#from[index]}`);
    for (let i = this.#count; i > index; i--) {
      this.#from[i] = this.#from[i - 1]!;
      this.#to[i] = this.#to[i - 1]!;
      this.#inserts[i] = this.#inserts[i - 1];
      this.#insertFrom[i] = this.#insertFrom[i - 1]!;
      this.#insertTo[i] = this.#insertTo[i - 1]!;
    }
  }

  /** The message's whole content anew. */
  replace(content: Uint8Array): void {
    this.splice(this.#start, this.#end, content);
  }

  get dropped(): boolean {
    return this.#dropped;
  }

  /** Bytes of the content as wanted. */
  get size(): number {
    return this.#size;
  }

  get changed(): boolean {
    return this.#count > 0;
  }

  /** What comes to the group that the message stands in. */
  get beside(): Uint8Array | undefined {
    return this.#beside;
  }

  /** The content of the message as wanted, from the bytes it came in: `size` bytes. @returns the position behind them */
  writeTo(out: Buffer, at: number, source: Uint8Array): number {
    if (out === room && source === room) return this.#writeInRoom(at);
    let from = this.#start;
    for (let i = 0; i < this.#count; i++) {
      at = copyRange(source, from, this.#from[i]!, out, at);
      const insert = this.#inserts[i];
      if (insert) at = copyRange(insert, this.#insertFrom[i]!, this.#insertTo[i]!, out, at);
      from = this.#to[i]!;
    }
    return copyRange(source, from, this.#end, out, at);
  }

  /** The same without asking of each piece where it lies, which is a tenth of what rewriting a span costs. */
  #writeInRoom(at: number): number {
    let from = this.#start;
    for (let i = 0; i < this.#count; i++) {
      const size = this.#from[i]! - from;
      if (size > 0) copyInRoom(at, from, size);
      at += size;
      from = this.#to[i]!;
      const insert = this.#inserts[i];
      if (insert === room) {
        const first = this.#insertFrom[i]!;
        const length = this.#insertTo[i]! - first;
        copyInRoom(at, first, length);
        at += length;
      } else if (insert) at = copyRange(insert, this.#insertFrom[i]!, this.#insertTo[i]!, room, at);
    }
    const rest = this.#end - from;
    if (rest > 0) copyInRoom(at, from, rest);
    return at + rest;
  }
}
