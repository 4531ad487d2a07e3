import type { Cursor } from '../otlp/view/cursor.ts';
import { Fields } from '../otlp/view/fields.ts';
import { Writer } from '../otlp/writer.ts';

/**
 * A message under change. The first change copies it, with the change in it, and puts the cursor on the copy; later
 * ones are made there. So whoever reads next reads the change, and fields that nobody knows stay. The next message is
 * drafted in the same place: who wants to keep the outcome copies it before.
 */
export class Draft {
  readonly #content = new Writer(1024);
  readonly #fields = new Fields();

  /**
   * Puts `insert`, or nothing, in the place of what lies from `start` to `end`.
   *
   * @param field told where what lies there is one value of this field, or nothing, and so is `insert`
   */
  splice(cursor: Cursor, start: number, end: number, insert: Writer | undefined, field = 0): void {
    const content = this.#content;
    if (cursor.buf === content.buffer) content.splice(start, end, insert);
    else {
      content.clear();
      content.range(cursor.buf, cursor.start, start);
      if (insert) content.range(insert.buffer, 0, insert.length);
      content.range(cursor.buf, end, cursor.end);
    }
    const { buffer, length } = content;
    if (field > 0) cursor.raw.spliced(buffer, length, field, start, end, insert?.length ?? 0);
    else cursor.reset(buffer, 0, length);
  }

  /** Puts whole fields in the place of all values of `field`, or at the end of the message where there were none. */
  replace(cursor: Cursor, field: number, insert: Writer | undefined): void {
    const start = cursor.firstTag(field);
    if (start < 0) {
      if (insert) this.splice(cursor, cursor.end, cursor.end, insert, this.#isSingle(insert) ? field : 0);
      return;
    }
    const last = cursor.valueEnd(field);
    const fields = this.#fields.reset(cursor.buf, start, cursor.end);
    fields.next();
    const alone = fields.to === last;
    if (!alone) this.#gather(cursor, field, last);
    const single = alone && insert !== undefined && this.#isSingle(insert);
    this.splice(cursor, cursor.firstTag(field), cursor.valueEnd(field), insert, single ? field : 0);
  }

  #isSingle({ buffer, length }: Writer): boolean {
    const fields = this.#fields.reset(buffer, 0, length);
    return fields.next() && fields.to === length;
  }

  /** Moves the values of a repeated field together, behind what else stands between them. */
  #gather(cursor: Cursor, field: number, last: number): void {
    const { buf } = cursor;
    const apart = new Writer(1024);
    const values = new Writer(1024);
    const fields = this.#fields.reset(buf, cursor.start, cursor.end);
    while (fields.next()) {
      const of = fields.tag >>> 3 === field ? values : apart;
      of.range(buf, fields.at, fields.to);
      if (fields.to === last) apart.range(values.buffer, 0, values.length);
    }
    cursor.reset(apart.buffer, 0, apart.length);
  }
}
