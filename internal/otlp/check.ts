import { isUtf8 } from 'node:buffer';
import { Payload, type Signal } from './payload.ts';
import {
  FIRST_ITEM,
  KIND_BYTES,
  KIND_FIXED32,
  KIND_FIXED64,
  KIND_MESSAGE,
  KIND_MISTYPED,
  KIND_PACKED_FIXED64,
  KIND_PACKED_VARINT,
  KIND_SPAN_ID,
  KIND_STRING,
  KIND_TRACE_ID,
  KIND_UNKNOWN,
  KIND_VARINT,
  kinds,
  messageNamed,
  messages,
  requestOf,
  TAGS,
} from './schema.ts';
import { type Malformed, shortVarintEnd, skipValue, uint32At, varintEnd } from './wire.ts';

export { isMalformed, type Malformed } from './wire.ts';

/**
 * Messages inside messages, the request not counted: protobuf readers stop at 100.
 * Ordinary telemetry needs 10; what is left holds an AnyValue of about 40 nested arrays or 28 nested maps.
 */
export const MAX_DEPTH = 90;

/**
 * Whether `bytes` is a whole Export*ServiceRequest, all the way down, and how many items it holds.
 *
 * The requests of many clients become one, so whatever a strict reader downstream would refuse is refused here:
 * wrong wire types of known fields, lengths beyond their parent, malformed varints, ids that are neither empty nor of
 * the right length, strings that are not UTF-8, nesting beyond MAX_DEPTH. Unknown fields pass if they are well-formed.
 * Items are spans, log records and data points as they stand on the wire.
 */
export function checkRequest(signal: Signal, bytes: Uint8Array): { readonly items: number } | Malformed {
  const check = new Check(bytes);
  if (check.message(requestOf(signal).index, 0, bytes.length, 0)) return { items: check.items };
  return { malformed: check.problem, offset: check.offset };
}

/** The same, as a batch that holds `bytes` themselves. */
export function readRequest(signal: Signal, bytes: Uint8Array): Payload | Malformed {
  const checked = checkRequest(signal, bytes);
  return 'malformed' in checked ? checked : new Payload(signal, [bytes], checked.items, bytes.length);
}

const KEY_VALUE = KIND_MESSAGE + messageNamed('KeyValue').index;

/** One pass over one request. Its methods return false, with `problem` and `offset` set, where the request is wrong. */
class Check {
  items = 0;
  problem = '';
  offset = 0;
  readonly #buf: Uint8Array;

  constructor(buf: Uint8Array) {
    this.#buf = buf;
  }

  /** The hot loop: one table look-up tells what a tag means, so it serves all messages. */
  message(index: number, pos: number, end: number, depth: number): boolean {
    const buf = this.#buf;
    const row = index * TAGS;
    while (pos < end) {
      const at = pos;
      let tag = buf[pos++]!;
      if (tag >= 0x80) {
        pos = shortVarintEnd(buf, at, end);
        if (pos < 0) return this.#fail(index, 0, at, 'the tag is malformed or cut off');
        tag = uint32At(buf, at);
      }
      const kind = kindOf(row, tag);
      if (kind >= KIND_STRING) {
        // pos may be end here: buf[pos] is then another message's byte or undefined, and the bounds check below fails.
        let size = buf[pos]!;
        if (size < 0x80) pos++;
        else {
          const start = shortVarintEnd(buf, pos, end);
          if (start < 0) return this.#fail(index, tag, at, 'the length is malformed or cut off');
          size = uint32At(buf, pos);
          pos = start;
        }
        const stop = pos + size;
        if (!(stop <= end)) return this.#fail(index, tag, at, 'the length runs past the end of its message');
        if (kind === KEY_VALUE) {
          const plain = depth < MAX_DEPTH - 1 && this.#attribute(pos, stop);
          if (!plain && !this.#nested(kind, pos, stop, depth, at)) return false;
        } else if (kind >= KIND_MESSAGE) {
          if (!this.#nested(kind, pos, stop, depth, at)) return false;
        } else if (kind === KIND_STRING) {
          if (!isText(buf, pos, stop)) return this.#fail(index, tag, at, 'the text is not UTF-8');
        } else if (!this.#bytes(kind, pos, stop)) {
          return this.#fail(index, tag, at, wrongBytes(kind, size));
        }
        pos = stop;
      } else if (kind === KIND_VARINT && buf[pos]! < 0x80 && pos < end) {
        pos++;
      } else if (kind === KIND_FIXED64) {
        pos += 8;
        if (pos > end) return this.#fail(index, tag, at, 'cut off');
      } else if (kind === KIND_FIXED32) {
        pos += 4;
        if (pos > end) return this.#fail(index, tag, at, 'cut off');
      } else if (kind === KIND_VARINT) {
        pos = varintEnd(buf, pos, end);
        if (pos < 0) return this.#fail(index, tag, at, 'the varint is malformed or cut off');
      } else if (kind === KIND_UNKNOWN) {
        pos = skipValue(buf, pos, end, tag);
        if (pos < 0) return this.#fail(index, tag, at, 'the unknown field is malformed or cut off');
      } else {
        return this.#fail(index, tag, at, kind === KIND_MISTYPED ? 'the wire type is wrong' : 'no such tag exists');
      }
    }
    return true;
  }

  #nested(kind: number, pos: number, stop: number, depth: number, at: number): boolean {
    const index = kind - KIND_MESSAGE;
    if (depth >= MAX_DEPTH) return this.#fail(index, 0, at, `more than ${MAX_DEPTH} messages inside each other`);
    if (index >= FIRST_ITEM) this.items++;
    return this.message(index, pos, stop, depth + 1);
  }

  /**
   * A KeyValue as every SDK writes it: key, then value, one-byte lengths, and a string, bool, double or small integer.
   * False means only that it looks otherwise.
   */
  #attribute(pos: number, stop: number): boolean {
    const buf = this.#buf;
    if (stop - pos < 4 || buf[pos] !== 0x0a) return false;
    const key = pos + 2;
    const value = key + buf[pos + 1]!;
    if (value + 2 > stop || buf[value] !== 0x12 || value + 2 + buf[value + 1]! !== stop) return false;
    if (buf[pos + 1]! >= 0x80 || buf[value + 1]! >= 0x80) return false;
    if (value + 4 > stop) return value + 2 === stop && isText(buf, key, value);
    const tag = buf[value + 2]!;
    if (tag === 0x0a) {
      const size = buf[value + 3]!;
      return size < 0x80 && value + 4 + size === stop && isText(buf, key, value) && isText(buf, value + 4, stop);
    }
    if (tag === 0x18 || tag === 0x10) {
      return buf[value + 3]! < 0x80 && value + 4 === stop && isText(buf, key, value);
    }
    return tag === 0x21 && value + 11 === stop && isText(buf, key, value);
  }

  #bytes(kind: number, pos: number, stop: number): boolean {
    const size = stop - pos;
    switch (kind) {
      case KIND_TRACE_ID:
        return size === 16 || size === 0;
      case KIND_SPAN_ID:
        return size === 8 || size === 0;
      case KIND_PACKED_FIXED64:
        return (size & 7) === 0;
      case KIND_PACKED_VARINT: {
        while (pos >= 0 && pos < stop) pos = varintEnd(this.#buf, pos, stop);
        return pos === stop;
      }
      default:
        return kind === KIND_BYTES;
    }
  }

  #fail(index: number, tag: number, offset: number, problem: string): false {
    const message = messages[index]!;
    const field = message.fields.find((known) => known.number === tag >>> 3);
    const where = field ? `${message.name}.${field.name}` : `${message.name} field ${tag >>> 3}`;
    this.problem = `${tag === 0 ? message.name : where}: ${problem}`;
    this.offset = offset;
    return false;
  }
}

function kindOf(row: number, tag: number): number {
  return tag < TAGS ? kinds[row + tag]! : kinds[row + (TAGS - 8) + (tag & 7)]!;
}

function isText(buf: Uint8Array, pos: number, stop: number): boolean {
  for (let i = pos; i < stop; i++) {
    if (buf[i]! >= 0x80) return isUtf8(buf.subarray(i, stop));
  }
  return true;
}

function wrongBytes(kind: number, size: number): string {
  if (kind === KIND_TRACE_ID) return `${size} bytes, expected 16 or none`;
  if (kind === KIND_SPAN_ID) return `${size} bytes, expected 8 or none`;
  return 'the packed values do not fill their length';
}
