import type { MessageName } from '../schema.ts';
import { LEN } from '../wire.ts';
import { Fields } from './fields.ts';
import { Raw } from './raw.ts';

const nothing: Uint8Array = new Uint8Array(0);

/**
 * A view of one message inside a request. `reset` scans it forward once and notes where each field lies; the accessors
 * of the subclasses decode on demand. A cursor is meant to be reset again and again, and so are the cursors it hands
 * out: what an accessor returned is good until its owner is reset or the accessor is called again.
 *
 * Cursors are for checked requests. On other bytes they stop at the first malformed field; they never read out of
 * range. Repeated singular fields follow protobuf: the last scalar wins, messages are merged.
 */
export class Cursor {
  readonly raw: Raw;

  constructor(type: MessageName) {
    this.raw = new Raw(type);
  }

  reset(buf: Uint8Array, start: number, end: number): this {
    this.raw.reset(buf, start, end);
    return this;
  }

  /** The bytes that hold the message, from `start` to `end`. */
  get buf(): Uint8Array {
    return this.raw.buf;
  }
  get start(): number {
    return this.raw.start;
  }
  get end(): number {
    return this.raw.end;
  }

  /** Whether the field, by its number, is on the wire. */
  has(field: number): boolean {
    return this.raw.has(field);
  }
  /** Where the field's last value begins, behind tag and length; -1 where it is absent. */
  valueStart(field: number): number {
    return this.raw.valueStart(field);
  }
  valueEnd(field: number): number {
    return this.raw.valueEnd(field);
  }
  /** Where the field's first tag lies; -1 where it is absent. */
  firstTag(field: number): number {
    return this.raw.firstTag(field);
  }
}

/** The messages of a repeated field, one after the other, on one cursor. */
export class Messages<C extends Cursor> {
  /** The message that `next` came to. */
  readonly current: C;
  /** Where its tag lies: with `current.end`, the range of the whole field. */
  at = 0;
  protected buf = nothing;
  protected begin = 0;
  protected end = 0;
  protected tag = 0;
  readonly #fields = new Fields();
  readonly #raw: Raw;

  constructor(cursor: C) {
    this.current = cursor;
    this.#raw = cursor.raw;
  }

  over(buf: Uint8Array, start: number, end: number, field: number): void {
    this.buf = buf;
    this.begin = start;
    this.end = end;
    this.tag = (field << 3) | LEN;
    this.rewind();
  }

  rewind(): this {
    this.#fields.reset(this.buf, this.begin, this.end);
    return this;
  }

  next(): C | undefined {
    const fields = this.#fields;
    while (fields.next()) {
      if (fields.tag !== this.tag) continue;
      this.at = fields.at;
      this.#raw.reset(this.buf, fields.from, fields.to);
      return this.current;
    }
    return undefined;
  }

  /** How many there are. Leaves the list at its beginning. */
  count(): number {
    let count = 0;
    const fields = this.rewind().#fields;
    while (fields.next()) if (fields.tag === this.tag) count++;
    this.rewind();
    return count;
  }
}
