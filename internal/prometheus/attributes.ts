import { Fields } from '../otlp/view/fields.ts';
import { KeyValue } from '../otlp/view/value.ts';
import { valueText } from '../otlp/view/value_text.ts';
import { doubleAt, int64At, LEN, shortVarintEnd } from '../otlp/wire.ts';
import type { Scratch } from './bytes.ts';

/** KeyValue.key and .value, AnyValue's members that are read here without a view. */
const KEY = 0x0a;
const VALUE = 0x12;
const STRING = 0x0a;
const BOOL = 0x10;
const INT = 0x18;
const DOUBLE = 0x21;

/**
 * The attributes of one message as ranges of bytes: keys, and values as the text of a label.
 * Text lies in the request; what has to be spelled out lies in the scratch.
 */
export class AttributeList {
  count = 0;
  readonly keyFrom: number[] = [];
  readonly keyTo: number[] = [];
  readonly value: Uint8Array[] = [];
  readonly from: number[] = [];
  readonly to: number[] = [];
  buf: Uint8Array = new Uint8Array(0);
  readonly #scratch: Scratch;
  readonly #fields = new Fields();
  readonly #pair = new KeyValue();

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  /** @param field the number of the attributes' field in the message whose fields lie in the range */
  read(buf: Uint8Array, start: number, end: number, field: number): void {
    this.buf = buf;
    this.count = 0;
    const tag = (field << 3) | LEN;
    const fields = this.#fields.reset(buf, start, end);
    while (fields.next()) {
      if (fields.tag === tag && !this.#usual(buf, fields.from, fields.to)) this.#unusual(fields.from, fields.to);
    }
  }

  /** Drops the attributes whose key is not `wanted`. */
  keep(wanted: (key: string) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (!wanted(this.key(i))) continue;
      this.#put(kept++, this.keyFrom[i]!, this.keyTo[i]!, this.value[i]!, this.from[i]!, this.to[i]!);
    }
    this.count = kept;
  }

  key(index: number): string {
    return text(this.buf, this.keyFrom[index]!, this.keyTo[index]!);
  }

  text(index: number): string {
    return text(this.value[index]!, this.from[index]!, this.to[index]!);
  }

  /** As every SDK writes it: the key first, both shorter than 128 bytes, and a value of one member. */
  #usual(buf: Uint8Array, from: number, to: number): boolean {
    const keyTo = from + 2 + buf[from + 1]!;
    if (buf[from] !== KEY || buf[from + 1]! >= 0x80 || keyTo + 2 > to || buf[keyTo] !== VALUE) return false;
    const at = keyTo + 2;
    if (buf[keyTo + 1]! >= 0x80 || at + buf[keyTo + 1]! !== to) return false;
    const member = buf[at];
    if (member === STRING) {
      if (at + 2 > to || buf[at + 1]! >= 0x80 || at + 2 + buf[at + 1]! !== to) return false;
      this.#put(this.count++, from + 2, keyTo, buf, at + 2, to);
      return true;
    }
    let spelled: string;
    if (member === INT && at + 2 === to && buf[at + 1]! < 0x80) spelled = String(buf[at + 1]);
    else if (member === INT && at + 3 === to && buf[at + 1]! >= 0x80 && buf[at + 2]! < 0x80)
      spelled = String((buf[at + 1]! & 0x7f) | (buf[at + 2]! << 7));
    else if (member === INT && shortVarintEnd(buf, at + 1, to) === to) spelled = String(int64At(buf, at + 1));
    else if (member === BOOL && at + 2 === to && buf[at + 1]! < 0x80) spelled = String(buf[at + 1] !== 0);
    else if (member === DOUBLE && at + 9 === to) spelled = valueText(doubleAt(buf, at + 1));
    else return false;
    this.#spell(from + 2, keyTo, spelled);
    return true;
  }

  #unusual(from: number, to: number): void {
    const pair = this.#pair.reset(this.buf, from, to);
    const keyFrom = Math.max(0, pair.valueStart(1));
    this.#spell(keyFrom, Math.max(0, pair.valueEnd(1)), valueText(pair.value.plain()));
  }

  #spell(keyFrom: number, keyTo: number, spelled: string): void {
    const scratch = this.#scratch;
    const at = scratch.text(spelled);
    this.#put(this.count++, keyFrom, keyTo, scratch.buf, at, scratch.end);
  }

  #put(index: number, keyFrom: number, keyTo: number, value: Uint8Array, from: number, to: number): void {
    this.keyFrom[index] = keyFrom;
    this.keyTo[index] = keyTo;
    this.value[index] = value;
    this.from[index] = from;
    this.to[index] = to;
  }
}

export function text(buf: Uint8Array, from: number, to: number): string {
  return Buffer.from(buf.buffer, buf.byteOffset + from, to - from).toString('utf8');
}
