import type { Range } from '../otlp/regroup.ts';
import type { Cursor } from '../otlp/view/cursor.ts';
import { type AnyValue, plainTextStart } from '../otlp/view/value.ts';

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
    const text = plainTextStart(buf, start, end);
    if (text >= 0) {
      this.buf = buf;
      this.start = text;
      this.end = end;
      return this;
    }
    return value.kind === 'string' ? this.ofField(value, STRING) : undefined;
  }
}
