import type { Cursor } from '../otlp/view/cursor.ts';
import { Fields } from '../otlp/view/fields.ts';
import { Writer } from '../otlp/writer.ts';

/**
 * A message under change. Each change writes the message anew, what did not change copied as it is, and puts the
 * cursor on it: so whoever reads next reads the change, and fields that nobody knows stay. Two buffers take turns;
 * who wants to keep the outcome copies it before the next message.
 */
export class Draft {
  #front = new Writer(512);
  #back = new Writer(512);
  readonly #fields = new Fields();

  /** Puts `insert`, or nothing, in the place of what lies from `start` to `end`. */
  splice(cursor: Cursor, start: number, end: number, insert: Writer | undefined): void {
    const out = this.#back;
    out.clear();
    out.range(cursor.buf, cursor.start, start);
    if (insert) out.range(insert.buffer, 0, insert.length);
    out.range(cursor.buf, end, cursor.end);
    this.#turn(cursor);
  }

  /** Puts whole fields in the place of all values of `field`, or at the end of the message where there were none. */
  replace(cursor: Cursor, field: number, insert: Writer | undefined): void {
    const start = cursor.firstTag(field);
    if (start < 0) {
      if (insert) this.splice(cursor, cursor.end, cursor.end, insert);
      return;
    }
    const { buf } = cursor;
    const out = this.#back;
    out.clear();
    out.range(buf, cursor.start, start);
    if (insert) out.range(insert.buffer, 0, insert.length);
    const fields = this.#fields.reset(buf, start, cursor.end);
    while (fields.next()) if (fields.tag >>> 3 !== field) out.range(buf, fields.at, fields.to);
    this.#turn(cursor);
  }

  #turn(cursor: Cursor): void {
    const written = this.#back;
    this.#back = this.#front;
    this.#front = written;
    cursor.reset(written.buffer, 0, written.length);
  }
}
