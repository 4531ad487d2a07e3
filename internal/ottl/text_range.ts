import type { Range } from '../otlp/regroup.ts';
import type { Cursor } from '../otlp/view/cursor.ts';
import type { AnyValue } from '../otlp/view/value.ts';
import { FIXED32, FIXED64, LEN, VARINT } from '../otlp/wire.ts';

const nothing: Uint8Array = new Uint8Array(0);
/** AnyValue.string_value */
const STRING = 1;

/** Where a text lies in the bytes of its record. One object for each path: good until it is asked again. */
export class TextRange implements Range {
  buf = nothing;
  start = 0;
  end = 0;

  /** Of a string field; empty where that is absent, as its text is. */
  ofField({ raw }: Cursor, field: number): this {
    this.buf = raw.buf;
    if (!this.#glance(raw.start, raw.end, (field << 3) | LEN)) {
      this.start = Math.max(0, raw.valueStart(field));
      this.end = Math.max(0, raw.valueEnd(field));
    }
    return this;
  }

  /** Undefined for what is no string. */
  ofValue(value: AnyValue | undefined): this | undefined {
    if (!value) return undefined;
    const { buf, start, end } = value;
    if (buf[start] === ((STRING << 3) | LEN) && buf[start + 1]! < 0x80 && start + 2 + buf[start + 1]! === end) {
      this.buf = buf;
      this.start = start + 2;
      this.end = end;
      return this;
    }
    return value.kind === 'string' ? this.ofField(value, STRING) : undefined;
  }

  /** The last value with this tag, without noting where the other fields lie. @returns false where one of them is written in an unusual way */
  #glance(start: number, end: number, tag: number): boolean {
    const { buf } = this;
    this.start = 0;
    this.end = 0;
    for (let pos = start; pos < end; ) {
      const first = buf[pos]!;
      const next = buf[pos + 1]!;
      const kind = first & 0x87;
      if (kind === LEN && next < 0x80) {
        pos += 2 + next;
        if (first !== tag) continue;
        this.start = pos - next;
        this.end = pos;
      } else if (kind === FIXED64) pos += 9;
      else if (kind === VARINT && next < 0x80) pos += 2;
      else if (kind === (FIXED32 | 0x80) && next < 0x80) pos += 6;
      else return false;
      if (pos > end) return false;
    }
    return true;
  }
}
