import { Fields } from '../../internal/otlp/view/fields.ts';
import { AnyValue, type KeyValue } from '../../internal/otlp/view/value.ts';
import { boolAt, FIXED64, LEN, shortVarintEnd, uint32At, VARINT } from '../../internal/otlp/wire.ts';
import type { JsonBytes } from './json.ts';

/** Deeper nesting becomes null. protobuf's own limit is 100 messages, of which a list takes two. */
const MAX_DEPTH = 50;

const STRING = (1 << 3) | LEN;
const BOOL = (2 << 3) | VARINT;
const INT = (3 << 3) | VARINT;
const DOUBLE = (4 << 3) | FIXED64;
const ARRAY = (5 << 3) | LEN;
const KVLIST = (6 << 3) | LEN;
const VALUES = (1 << 3) | LEN;

const BRACE = 0x7b;
const BRACE_END = 0x7d;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const COMMA = 0x2c;

/** An AnyValue as JSON: NaN and infinities as null, bytes as base64, keys of a map once each. */
export function writeValue(out: JsonBytes, buf: Uint8Array, start: number, end: number, depth = 0): void {
  if (start >= end || depth > MAX_DEPTH) out.null();
  else if (!writeUsual(out, buf, start, end, depth)) writeRare(out, new AnyValue().reset(buf, start, end), depth);
}

/** One member that fills the message, as every writer has it. @returns false, with nothing written, for anything else */
function writeUsual(out: JsonBytes, buf: Uint8Array, start: number, end: number, depth: number): boolean {
  const tag = buf[start]!;
  const from = start + 1;
  switch (tag) {
    case STRING: {
      const text = shortVarintEnd(buf, from, end);
      if (text < 0 || text + uint32At(buf, from) !== end) return false;
      out.text(buf, text, end);
      return true;
    }
    case BOOL:
      if (from + 1 !== end) return false;
      out.bool(boolAt(buf, from));
      return true;
    case INT:
      if (!isVarint(buf, from, end)) return false;
      out.int64(buf, from);
      return true;
    case DOUBLE:
      if (from + 8 !== end) return false;
      out.doubleAt(buf, from);
      return true;
    case ARRAY: {
      const list = shortVarintEnd(buf, from, end);
      if (list < 0 || list + uint32At(buf, from) !== end) return false;
      writeArray(out, buf, list, end, depth);
      return true;
    }
    default:
      return false;
  }
}

/** Whether the bytes from `start` to `end` are one varint. */
function isVarint(buf: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end - 1; i++) if (buf[i]! < 0x80) return false;
  return start < end && buf[end - 1]! < 0x80;
}

/** Where the map in this AnyValue lies, if it is one and nothing else; -1 otherwise. */
export function mapStart(buf: Uint8Array, start: number, end: number): number {
  if (start >= end || buf[start] !== KVLIST) return -1;
  const inner = shortVarintEnd(buf, start + 1, end);
  return inner > 0 && inner + uint32At(buf, start + 1) === end ? inner : -1;
}

export function isDouble(buf: Uint8Array, start: number, end: number): boolean {
  return buf[start] === DOUBLE && start + 9 === end;
}

/** Maps, bytes, several members of the oneof, or one in pieces. */
function writeRare(out: JsonBytes, value: AnyValue, depth: number): void {
  switch (value.kind) {
    case 'string':
      out.text(value.buf, value.valueStart(1), value.valueEnd(1));
      break;
    case 'bool':
      out.bool(value.boolValue);
      break;
    case 'int':
      out.big(value.intValue);
      break;
    case 'double':
      out.double(value.doubleValue);
      break;
    case 'bytes':
      out.base64(value.buf, value.valueStart(7), value.valueEnd(7));
      break;
    case 'array': {
      let mark = BRACKET;
      for (let list = value.arrayValue, item = list.next(); item; item = list.next()) {
        out.byte(mark);
        mark = COMMA;
        writeValue(out, item.buf, item.start, item.end, depth + 1);
      }
      if (mark === BRACKET) out.byte(BRACKET);
      out.byte(BRACKET_END);
      break;
    }
    case 'kvlist': {
      const pairs = new Pairs(out, depth);
      for (let list = value.kvlistValue, pair = list.next(); pair; pair = list.next()) pairs.write(pair);
      pairs.end();
      break;
    }
    default:
      out.null();
  }
}

function writeArray(out: JsonBytes, buf: Uint8Array, start: number, end: number, depth: number): void {
  out.byte(BRACKET);
  const fields = new Fields().reset(buf, start, end);
  let empty = true;
  while (fields.next()) {
    if (fields.tag !== VALUES) continue;
    if (!empty) out.byte(COMMA);
    empty = false;
    writeValue(out, buf, fields.from, fields.to, depth + 1);
  }
  out.byte(BRACKET_END);
}

/** The keys of one object, each once. */
class Pairs {
  readonly #out: JsonBytes;
  readonly #depth: number;
  readonly #keys = new Set<string>();

  constructor(out: JsonBytes, depth: number) {
    this.#out = out;
    this.#depth = depth;
    out.byte(BRACE);
  }

  write(pair: KeyValue): void {
    const key = pair.key.trim() === '' ? '_' : pair.key;
    if (this.#keys.has(key)) return;
    if (this.#keys.size > 0) this.#out.byte(COMMA);
    this.#keys.add(key);
    this.#out.key(pair.buf, Math.max(0, pair.valueStart(1)), Math.max(0, pair.valueEnd(1)));
    const { value } = pair;
    writeValue(this.#out, value.buf, value.start, value.end, this.#depth + 1);
  }

  end(): void {
    this.#out.byte(BRACE_END);
  }
}
