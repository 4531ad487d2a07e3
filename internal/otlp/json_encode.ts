import type { Payload } from './payload.ts';
import { type Field, isMessage, type Message, messages, requestOf, type Scalar, wireOf } from './schema.ts';
import { Cursor } from './view/cursor.ts';
import { Fields } from './view/fields.ts';
import type { Raw } from './view/raw.ts';
import {
  boolAt,
  doubleAt,
  fixed32At,
  fixed64At,
  int64At,
  LEN,
  sfixed64At,
  sint32At,
  uint32At,
  uint64At,
  VARINT,
  varintEnd,
} from './wire.ts';

/**
 * The batch as OTLP/JSON by the specification, on one line. Unknown fields have no JSON and are left out.
 * Text is copied byte by byte from the request to the document, never decoded: for checked requests.
 */
export function encodeJson(payload: Payload): Uint8Array {
  const request = requestOf(payload.signal);
  const only = payload.chunks.length === 1 ? payload.chunks[0]! : Buffer.concat(payload.chunks);
  const encoder = new Encoder(only.length * 3 + 64);
  encoder.message(request.index, encoder.cursor(request.index, 0).reset(only, 0, only.length), 0);
  return encoder.finish();
}

interface Plan {
  readonly field: Field;
  readonly number: number;
  /** `"name":`, and the same behind a comma. */
  readonly head: Buffer;
  readonly nextHead: Buffer;
  /** Index of the message in the field; -1 for a scalar. */
  readonly inner: number;
  readonly wire: number;
  /** A scalar without presence: left out where it has its default value. */
  readonly plain: boolean;
  /** The numbers of all members of the field's oneof. */
  readonly oneof: readonly number[] | undefined;
}

const plans: readonly (readonly Plan[])[] = messages.map((message) =>
  message.fields.map((field) => ({
    field,
    number: field.number,
    head: Buffer.from(`"${field.name}":`),
    nextHead: Buffer.from(`,"${field.name}":`),
    wire: wireOf(field.type),
    plain: !field.presence && !field.repeated && !isMessage(field.type),
    inner: isMessage(field.type) ? messages.findIndex(({ name }) => name === field.type) : -1,
    oneof: field.oneof ? membersOf(message, field.oneof) : undefined,
  })),
);

function membersOf(message: Message, oneof: string): number[] {
  return message.fields.filter((field) => field.oneof === oneof).map((field) => field.number);
}

function isDefault({ number, wire }: Plan, raw: Raw): boolean {
  const start = raw.valueStart(number);
  const end = raw.valueEnd(number);
  if (wire === LEN) return end === start;
  // Zero, however a varint may be padded.
  const bits = wire === VARINT ? 0x7f : 0xff;
  for (let pos = start; pos < end; pos++) if ((raw.buf[pos]! & bits) !== 0) return false;
  return true;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

class Encoder {
  #buf: Buffer<ArrayBuffer>;
  #pos = 0;
  /** Cursors by depth and message: a message may lie inside its like. */
  readonly #cursors: (Cursor | undefined)[] = [];
  readonly #lists: (Fields | undefined)[] = [];

  constructor(capacity: number) {
    this.#buf = Buffer.allocUnsafeSlow(capacity);
  }

  finish(): Uint8Array {
    return this.#buf.subarray(0, this.#pos);
  }

  cursor(index: number, depth: number): Cursor {
    return (this.#cursors[depth * messages.length + index] ??= new Cursor(messages[index]!.name));
  }

  message(index: number, { raw }: Cursor, depth: number): void {
    this.#byte(0x7b);
    const { present } = raw;
    let empty = true;
    for (const plan of plans[index]!) {
      const { number } = plan;
      if ((present & (1 << number)) === 0) continue;
      if (plan.oneof ? raw.winner(plan.oneof) !== number : plan.plain && isDefault(plan, raw)) continue;
      const before = this.#pos;
      this.#bytes(empty ? plan.head : plan.nextHead);
      if (plan.field.repeated) {
        if (!this.#list(plan, raw, depth)) {
          // A packed field without values.
          this.#pos = before;
          continue;
        }
      } else if (plan.inner < 0)
        this.#scalar(plan.field.type as Scalar, raw.buf, raw.valueStart(number), raw.valueEnd(number));
      else {
        const cursor = this.cursor(plan.inner, depth + 1);
        if (plan.oneof) raw.member(number, plan.oneof, cursor);
        else raw.nested(number, cursor);
        this.message(plan.inner, cursor, depth + 1);
      }
      empty = false;
    }
    this.#byte(0x7d);
  }

  /** False if there is nothing in it. */
  #list({ field, number, inner, wire }: Plan, raw: Raw, depth: number): boolean {
    const { buf } = raw;
    const fields = (this.#lists[depth] ??= new Fields()).reset(buf, raw.firstTag(number), raw.valueEnd(number));
    const tag = (number << 3) | wire;
    const packed = wire === LEN ? 0 : (number << 3) | LEN;
    let empty = true;
    this.#byte(0x5b);
    while (fields.next()) {
      if (fields.tag === packed) empty = this.#packed(field.type as Scalar, buf, fields, empty);
      if (fields.tag !== tag) continue;
      if (!empty) this.#byte(COMMA);
      empty = false;
      if (inner < 0) this.#scalar(field.type as Scalar, buf, fields.from, fields.to);
      else this.message(inner, this.cursor(inner, depth + 1).reset(buf, fields.from, fields.to), depth + 1);
    }
    this.#byte(0x5d);
    return !empty;
  }

  #packed(type: Scalar, buf: Uint8Array, { from, to }: Fields, empty: boolean): boolean {
    for (let pos = from; pos < to; ) {
      const next = wireOf(type) === VARINT ? varintEnd(buf, pos, to) : pos + 8;
      if (next < 0 || next > to) break;
      if (!empty) this.#byte(COMMA);
      empty = false;
      this.#scalar(type, buf, pos, next);
      pos = next;
    }
    return empty;
  }

  #scalar(type: Scalar, buf: Uint8Array, start: number, end: number): void {
    if (type === 'string') this.#text(buf, start, end);
    else if (type === 'traceId' || type === 'spanId') this.#hex(buf, start, end);
    else this.#ascii(scalar(type, buf, start, end));
  }

  #text(buf: Uint8Array, start: number, end: number): void {
    this.#reserve((end - start) * 6 + 2);
    const out = this.#buf;
    let pos = this.#pos;
    out[pos++] = QUOTE;
    for (let i = start; i < end; i++) {
      const byte = buf[i]!;
      if (byte < 0x20) pos += out.write(JSON.stringify(String.fromCharCode(byte)).slice(1, -1), pos, 'latin1');
      else {
        if (byte === QUOTE || byte === BACKSLASH) out[pos++] = BACKSLASH;
        out[pos++] = byte;
      }
    }
    out[pos++] = QUOTE;
    this.#pos = pos;
  }

  #hex(buf: Uint8Array, start: number, end: number): void {
    this.#reserve((end - start) * 2 + 2);
    const out = this.#buf;
    let pos = this.#pos;
    out[pos++] = QUOTE;
    for (let i = start; i < end; i++) {
      out[pos++] = DIGITS[buf[i]! >>> 4]!;
      out[pos++] = DIGITS[buf[i]! & 15]!;
    }
    out[pos++] = QUOTE;
    this.#pos = pos;
  }

  #ascii(text: string): void {
    const { length } = text;
    this.#reserve(length);
    const out = this.#buf;
    if (length > 32) out.write(text, this.#pos, 'latin1');
    else for (let i = 0; i < length; i++) out[this.#pos + i] = text.charCodeAt(i);
    this.#pos += length;
  }

  #bytes(bytes: Buffer): void {
    const { length } = bytes;
    this.#reserve(length);
    const out = this.#buf;
    for (let i = 0; i < length; i++) out[this.#pos + i] = bytes[i]!;
    this.#pos += length;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#buf[this.#pos++] = byte;
  }

  #reserve(size: number): void {
    if (this.#pos + size <= this.#buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buf.length * 2, this.#pos + size));
    this.#buf.copy(grown, 0, 0, this.#pos);
    this.#buf = grown;
  }
}

const DIGITS = Buffer.from('0123456789abcdef');

function double(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  return `"${value}"`;
}

function scalar(type: Scalar, buf: Uint8Array, start: number, end: number): string {
  switch (type) {
    case 'bool':
      return boolAt(buf, start) ? 'true' : 'false';
    case 'int32':
      return String(uint32At(buf, start) | 0);
    case 'uint32':
      return String(uint32At(buf, start));
    case 'sint32':
      return String(sint32At(buf, start));
    case 'fixed32':
      return String(fixed32At(buf, start));
    case 'int64':
      return `"${int64At(buf, start)}"`;
    case 'uint64':
      return `"${uint64At(buf, start)}"`;
    case 'fixed64':
      return `"${fixed64At(buf, start)}"`;
    case 'sfixed64':
      return `"${sfixed64At(buf, start)}"`;
    case 'double':
      return double(doubleAt(buf, start));
    default:
      return `"${Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('base64')}"`;
  }
}
