import { type Assembly, copyRange } from '../otlp/assembly.ts';
import { Workbench } from '../otlp/attributes/encode.ts';
import { Keys } from '../otlp/attributes/keys.ts';
import { AttributeList } from '../otlp/attributes/list.ts';
import { Patch } from '../otlp/patch.ts';
import type { Cursor } from '../otlp/view/cursor.ts';
import { Fields } from '../otlp/view/fields.ts';
import type { Writer } from '../otlp/writer.ts';

/** Keys that are computed for each record may be many. */
const MAX_KEYS = 1000;
const nothing = Buffer.alloc(0);

/**
 * A record under change: the bytes it came in, what statements have made of its attributes, and other fields to be put in. It is written
 * anew once, when the statements are done with it, or when one of them reads what another has changed and is not kept here.
 */
export class Overlay {
  #cursor: Cursor | undefined;
  #field = 0;
  readonly #list = new AttributeList();
  readonly #keys = new Keys();
  #listed = false;
  readonly #patch = new Patch();
  readonly #fields = new Fields();
  /** For attributes and fields that go into this record. */
  readonly bench = new Workbench(true);
  /** The record as it was last written, and room for the next time: the one is written from the other. */
  #written = nothing;
  #spare = nothing;

  /** For the record that `cursor` stands on. @param field number of its attributes */
  begin(cursor: Cursor, field: number): void {
    this.#cursor = cursor;
    this.#field = field;
    this.bench.clear();
    this.#rebase(cursor);
  }

  /** Has `attributes` show those with this key, too. @returns its number there; less than 0 where there are too many keys already */
  want(key: Uint8Array): number {
    const known = this.#keys.find(key, 0, key.length);
    if (known >= 0 || this.#keys.size >= MAX_KEYS) return known;
    if (this.#cursor) this.settle(this.#cursor);
    this.#listed = false;
    return this.#keys.add(key);
  }

  /**
   * Those attributes of the record that are wanted, as they are by now, to be read and changed; undefined where `cursor` stands on another
   * message.
   */
  attributes(cursor: Cursor): AttributeList | undefined {
    if (cursor !== this.#cursor) return undefined;
    if (!this.#listed) {
      this.#list.read(cursor, this.#field, this.#keys, false);
      this.#listed = true;
    }
    return this.#list;
  }

  /** `cursor` shows all changes from now on. */
  settle(cursor: Cursor): void {
    if (cursor === this.#cursor && this.#gathered()) this.#write(cursor);
  }

  /** `cursor` shows all changes but those of attributes. */
  settleFields(cursor: Cursor): void {
    if (cursor === this.#cursor && this.#patch.changed) this.settle(cursor);
  }

  /**
   * Puts whole fields in the place of all values of `field`.
   *
   * @returns false where that is for the message itself to do: another one, attributes, several values. It is settled then, and `moved` follows
   */
  replace(cursor: Cursor, field: number, insert: Writer | undefined): boolean {
    if (cursor !== this.#cursor) return false;
    this.settleFields(cursor);
    const start = cursor.firstTag(field);
    const end = cursor.valueEnd(field);
    if (field === this.#field || (start >= 0 && !this.#isOne(cursor, start, end))) {
      this.settle(cursor);
      return false;
    }
    this.#put(start < 0 ? cursor.end : start, start < 0 ? cursor.end : end, insert);
    return true;
  }

  /** The settled message was changed by others. */
  moved(cursor: Cursor): void {
    if (cursor === this.#cursor) this.#rebase(cursor);
  }

  /** Ends the record. @returns false where `cursor` shows it as it is, true where it was written as a field with this tag */
  end(out: Assembly, tag: number): boolean {
    const cursor = this.#cursor;
    this.#cursor = undefined;
    if (!cursor || !this.#gathered()) return false;
    out.patched(tag, this.#patch, cursor.buf);
    return true;
  }

  /** Forgets the record. */
  abandon(): void {
    this.#cursor = undefined;
  }

  #put(start: number, end: number, insert: Writer | undefined): void {
    if (!insert) {
      this.#patch.splice(start, end);
      return;
    }
    const from = this.bench.room(insert.length);
    const to = copyRange(insert.buffer, 0, insert.length, this.bench.bytes, from);
    this.#patch.splice(start, end, this.bench.bytes, from, to);
  }

  #rebase(cursor: Cursor): void {
    this.#listed = false;
    this.#patch.reset(cursor.start, cursor.end);
  }

  /** Whether all values of a field are one, so that nothing else lies between `start` and `end`. */
  #isOne(cursor: Cursor, start: number, end: number): boolean {
    const fields = this.#fields.reset(cursor.buf, start, cursor.end);
    return fields.next() && fields.to === end;
  }

  /** Whether there is something to write; the attributes' changes stand in the patch, too, then. */
  #gathered(): boolean {
    if (this.#listed && this.#list.changed) this.#list.write(this.#patch);
    return this.#patch.changed;
  }

  #write(cursor: Cursor): void {
    const { size } = this.#patch;
    const room = this.#spare.length >= size ? this.#spare : Buffer.allocUnsafeSlow(size + (size >>> 1) + 256);
    this.#patch.writeTo(room, 0, cursor.buf);
    this.#spare = this.#written;
    this.#written = room;
    cursor.reset(room, 0, size);
    this.#rebase(cursor);
  }
}
