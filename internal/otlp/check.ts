import { isUtf8 } from 'node:buffer';
import { itemsIn } from './kernel/kernel.ts';
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
 *
 * The Go collector does not look at text. Here it buys that one client's broken string cannot make a backend refuse
 * everybody's batch.
 */
export function checkRequest(signal: Signal, bytes: Uint8Array): { readonly items: number } | Malformed {
  const items = itemsIn(requestOf(signal).index, bytes);
  return items >= 0 ? { items } : inspectRequest(signal, bytes);
}

/** The same at a sixth of the speed, of any size; says what is wrong, and where. */
export function inspectRequest(signal: Signal, bytes: Uint8Array): { readonly items: number } | Malformed {
  const check = new Check(bytes);
  if (check.message(requestOf(signal).index, 0, bytes.length, 0)) return { items: check.items };
  return { malformed: check.problem, offset: check.offset };
}

/** The same, as a batch that holds `bytes` themselves. */
export function readRequest(signal: Signal, bytes: Uint8Array): Payload | Malformed {
  const checked = checkRequest(signal, bytes);
  return 'malformed' in checked ? checked : new Payload(signal, [bytes], checked.items, bytes.length);
}

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
      // No field beyond 30 is known: those are told apart by their wire type only.
      const kind = kinds[row + (tag < TAGS ? tag : TAGS - 8 + (tag & 7))]!;
      if (kind >= KIND_STRING) {
        let size = pos < end ? buf[pos]! : 0x80;
        if (size < 0x80) pos++;
        else {
          const start = shortVarintEnd(buf, pos, end);
          if (start < 0) return this.#fail(index, tag, at, 'the length is malformed or cut off');
          size = uint32At(buf, pos);
          pos = start;
        }
        const stop = pos + size;
        if (stop > end) return this.#fail(index, tag, at, 'the length runs past the end of its message');
        if (kind >= KIND_MESSAGE) {
          const inner = kind - KIND_MESSAGE;
          if (depth >= MAX_DEPTH) return this.#fail(inner, 0, at, `more than ${MAX_DEPTH} messages inside each other`);
          if (inner >= FIRST_ITEM) this.items++;
          if (!this.message(inner, pos, stop, depth + 1)) return false;
        } else if (kind === KIND_STRING) {
          if (!isText(buf, pos, stop)) return this.#fail(index, tag, at, 'the text is not UTF-8');
        } else if (!this.#bytes(kind, pos, stop)) {
          return this.#fail(index, tag, at, wrongBytes(kind, size));
        }
        pos = stop;
      } else if (kind === KIND_VARINT) {
        if (pos < end && buf[pos]! < 0x80) pos++;
        else pos = varintEnd(buf, pos, end);
        if (pos < 0) return this.#fail(index, tag, at, 'the varint is malformed or cut off');
      } else if (kind === KIND_FIXED64) {
        pos += 8;
        if (pos > end) return this.#fail(index, tag, at, 'cut off');
      } else if (kind === KIND_FIXED32) {
        pos += 4;
        if (pos > end) return this.#fail(index, tag, at, 'cut off');
      } else if (kind === KIND_UNKNOWN) {
        pos = skipValue(buf, pos, end, tag);
        if (pos < 0) return this.#fail(index, tag, at, 'the unknown field is malformed or cut off');
      } else {
        return this.#fail(index, tag, at, kind === KIND_MISTYPED ? 'the wire type is wrong' : 'no such tag exists');
      }
    }
    return true;
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

function isText(buf: Uint8Array, start: number, stop: number): boolean {
  let pos = start;
  while (pos < stop && buf[pos]! < 0x80) pos++;
  return pos === stop || isUtf8(buf.subarray(pos, stop));
}

function wrongBytes(kind: number, size: number): string {
  if (kind === KIND_TRACE_ID) return `${size} bytes, expected 16 or none`;
  if (kind === KIND_SPAN_ID) return `${size} bytes, expected 8 or none`;
  return 'the packed values do not fill their length';
}
