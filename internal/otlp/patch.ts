import type { Assembly } from './assembly.ts';

/**
 * What a visitor wants done to one message: nothing, unless it says so. Offsets are those of the view that the visitor
 * was given (`valueStart`, `at`, `start`, …), in its `buf`; pieces are cut in ascending order.
 */
export class Patch {
  #start = 0;
  #end = 0;
  #dropped = false;
  /** Triples: from, to, index of what comes in between. */
  readonly #cuts: number[] = [];
  readonly #inserts: (Uint8Array | undefined)[] = [];

  /** For the next message, whose content lies from `start` to `end`. */
  reset(start: number, end: number): this {
    this.#start = start;
    this.#end = end;
    this.#dropped = false;
    this.#cuts.length = 0;
    this.#inserts.length = 0;
    return this;
  }

  /** Leaves the message out, with all that is in it. */
  drop(): void {
    this.#dropped = true;
  }

  /** Puts whole fields, tag and all, behind the message's own: more values of a repeated field, or a new last value. */
  append(fields: Uint8Array): void {
    this.splice(this.#end, this.#end, fields);
  }

  /** Takes out the fields from `start` to `end`. */
  cut(start: number, end: number): void {
    this.splice(start, end);
  }

  /** Puts `fields` in the place of what lies from `start` to `end`. */
  splice(start: number, end: number, fields?: Uint8Array): void {
    const last = this.#cuts.at(-2) ?? this.#start;
    if (start < last || end < start || end > this.#end) {
      throw new RangeError(`cannot cut ${start} to ${end}: expected ascending pieces of ${last} to ${this.#end}`);
    }
    this.#inserts.push(fields);
    this.#cuts.push(start, end, this.#inserts.length - 1);
  }

  /** The message's whole content anew. */
  replace(content: Uint8Array): void {
    this.splice(this.#start, this.#end, content);
  }

  get dropped(): boolean {
    return this.#dropped;
  }

  get changed(): boolean {
    return this.#cuts.length > 0;
  }

  /** The content of the message as wanted, from the bytes it came in. */
  write(out: Assembly, buf: Uint8Array): void {
    let pos = this.#start;
    for (let i = 0; i < this.#cuts.length; i += 3) {
      out.copy(buf, pos, this.#cuts[i]!);
      const insert = this.#inserts[this.#cuts[i + 2]!];
      if (insert) out.copy(insert, 0, insert.length);
      pos = this.#cuts[i + 1]!;
    }
    out.copy(buf, pos, this.#end);
  }
}
