import { Fields } from '../otlp/view/fields.ts';
import type { KeyValue } from '../otlp/view/value.ts';
import { LEN } from '../otlp/wire.ts';
import { Writer } from '../otlp/writer.ts';
import { writePair } from './encode.ts';
import type { Overlay } from './overlay.ts';
import type { Value } from './values.ts';

/** Writes an attribute; the same one again costs nothing. */
export class PairWriter {
  readonly #out = new Writer(64);
  #field = 0;
  #key = '';
  #value: Value;

  write(field: number, key: string, value: Value): Writer {
    if (this.#field === field && Object.is(this.#value, value) && this.#key === key) return this.#out;
    this.#field = field;
    this.#key = key;
    // What is compared by identity is made anew each time.
    this.#value = value;
    this.#out.clear();
    writePair(this.#out, field, key, value);
    return this.#out;
  }

  /** The same with the content of an AnyValue, as it is. */
  writeWire(field: number, key: Uint8Array, buf: Uint8Array, start: number, end: number): Writer {
    this.#field = 0;
    const out = this.#out;
    out.clear();
    const pair = out.open(field);
    const name = out.open(1);
    out.range(key, 0, key.length);
    out.close(name);
    const value = out.open(2);
    out.range(buf, start, end);
    out.close(value);
    out.close(pair);
    return out;
  }
}

/** Keys that were looked up lately, in UTF-8. */
export class KeyBytes {
  #text = '';
  #bytes: Uint8Array = new Uint8Array(0);
  #overlay: Overlay | undefined;
  #number = -1;

  of(text: string): Uint8Array {
    if (text !== this.#text) {
      this.#text = text;
      this.#bytes = Buffer.from(text);
      this.#overlay = undefined;
    }
    return this.#bytes;
  }

  /** Its number in the attributes that `overlay` shows; less than 0 where it has none. */
  numberIn(overlay: Overlay, text: string): number {
    const key = this.of(text);
    if (overlay !== this.#overlay) {
      this.#overlay = overlay;
      this.#number = overlay.want(key);
    }
    return this.#number;
  }
}

const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;

/** The fields of a KeyValue other than key and value, which nobody here knows: they stay. Nearly always there are none. */
export function restOf({ buf, start, end }: KeyValue): Writer | undefined {
  const value = start + 2 + buf[start + 1]!;
  if (buf[start] === KEY && buf[start + 1]! < 0x80 && value + 2 <= end && buf[value] === VALUE) {
    if (buf[value + 1]! < 0x80 && value + 2 + buf[value + 1]! === end) return undefined;
  }
  const rest = new Writer(64);
  const fields = new Fields().reset(buf, start, end);
  while (fields.next()) if (fields.tag !== KEY && fields.tag !== VALUE) rest.range(buf, fields.at, fields.to);
  return rest.length > 0 ? rest : undefined;
}

export function withRest(pair: Writer, field: number, rest: Writer): Writer {
  const fields = new Fields().reset(pair.buffer, 0, pair.length);
  fields.next();
  const out = new Writer(pair.length + rest.length + 8);
  const start = out.open(field);
  out.range(pair.buffer, fields.from, fields.to);
  out.range(rest.buffer, 0, rest.length);
  out.close(start);
  return out;
}
