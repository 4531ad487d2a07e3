import type { Range } from '../otlp/regroup.ts';
import type { Cursor } from '../otlp/view/cursor.ts';
import type { AnyValue } from '../otlp/view/value.ts';
import { LEN } from '../otlp/wire.ts';

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
    raw.find(field, this);
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
}
