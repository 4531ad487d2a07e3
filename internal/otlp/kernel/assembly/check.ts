import { KINDS } from './layout';
import { isText } from './text';
import { byteAt, shortValue, shortVarint, skipValue, varintEnd } from './wire';

const TAGS: i32 = 256;
const MAX_DEPTH: i32 = 90;
// As in schema.ts.
const UNKNOWN: i32 = 0;
const VARINT: i32 = 1;
const FIXED64: i32 = 2;
const FIXED32: i32 = 3;
const STRING: i32 = 8;
const BYTES: i32 = 9;
const TRACE_ID: i32 = 10;
const SPAN_ID: i32 = 11;
const PACKED_FIXED64: i32 = 12;
const PACKED_VARINT: i32 = 13;
const MESSAGE: i32 = 16;

let items: i32 = 0;
/** The kind of a KeyValue, and the number of the first message that is an item. */
let keyValue: i32 = 0;
let firstItem: i32 = 0;

/** What the schema says beside KINDS. */
export function schema(kindOfKeyValue: i32, indexOfFirstItem: i32): void {
  keyValue = kindOfKeyValue;
  firstItem = indexOfFirstItem;
}

/**
 * Whether the bytes are a whole request: as internal/otlp/check.ts, which says more, but for groups.
 *
 * @param request number of its message in the schema
 * @returns how many items there are; -1 where something is wrong, or there is a group: then that one looks
 */
export function check(request: i32, from: i32, to: i32): i32 {
  items = 0;
  return message(request, from, to, 0) ? items : -1;
}

function message(index: i32, pos: i32, end: i32, depth: i32): bool {
  const row = KINDS + index * TAGS;
  while (pos < end) {
    const start = pos;
    let tag = byteAt(pos++);
    if (tag >= 0x80) {
      pos = shortVarint(start, end);
      if (pos < 0) return false;
      tag = <i32>shortValue;
    }
    // No field beyond 30 is known: those are told apart by their wire type only.
    const kind = byteAt(row + (<u32>tag < <u32>TAGS ? tag : TAGS - 8 + (tag & 7)));
    if (kind >= STRING) {
      if (kind === keyValue && depth < MAX_DEPTH - 1) {
        const next = attributes(start, end, tag);
        if (next > start) {
          pos = next;
          continue;
        }
      }
      let size = pos < end ? byteAt(pos) : 0x80;
      if (size < 0x80) pos++;
      else {
        pos = shortVarint(pos, end);
        if (pos < 0) return false;
        size = <i32>shortValue;
      }
      if (<u32>size > <u32>(end - pos)) return false;
      const stop = pos + size;
      if (kind >= MESSAGE) {
        const inner = kind - MESSAGE;
        if (depth >= MAX_DEPTH) return false;
        if (inner >= firstItem) items++;
        if (!message(inner, pos, stop, depth + 1)) return false;
      } else if (kind === STRING) {
        if (!isText(pos, stop)) return false;
      } else if (!isWhole(kind, pos, stop)) return false;
      pos = stop;
    } else if (kind === VARINT) {
      if (pos < end && byteAt(pos) < 0x80) pos++;
      else {
        pos = varintEnd(pos, end);
        if (pos < 0) return false;
      }
    } else if (kind === FIXED64) {
      pos += 8;
      if (pos > end) return false;
    } else if (kind === FIXED32) {
      pos += 4;
      if (pos > end) return false;
    } else {
      if (kind !== UNKNOWN) return false;
      pos = skipValue(pos, end, tag);
      if (pos < 0) return false;
    }
  }
  return true;
}

/**
 * Goes through attributes that stand in a row and look as every SDK writes them: key, then value, one-byte lengths.
 * Returns where they end, which may be at once.
 *
 * Text is checked for the whole row. Between two texts there is always a tag, so the row is UTF-8 if each text is.
 */
function attributes(start: i32, end: i32, tag: i32): i32 {
  let text = start;
  let next = start;
  while (next + 8 <= end && byteAt(next) === tag) {
    const pos = next + 2;
    const total = byteAt(next + 1);
    const key = byteAt(pos + 1);
    const stop = pos + total;
    const value = pos + 2 + key;
    if (stop > end || value + 4 > stop) break;
    const size = byteAt(value + 1);
    if (byteAt(pos) !== 0x0a || byteAt(value) !== 0x12 || value + 2 + size !== stop) break;
    if (((total | key | size) & 0x80) !== 0) break;
    const type = byteAt(value + 2);
    if (type === 0x0a) {
      const length = byteAt(value + 3);
      if (value + 4 + length !== stop || length >= 0x80) break;
    } else if (type === 0x18 || type === 0x10) {
      if (varintEnd(value + 3, stop) !== stop) break;
      if (stop > value + 4) {
        if (!isText(text, value)) return start;
        text = stop;
      }
    } else {
      if (type !== 0x21 || value + 11 !== stop) break;
      if (!isText(text, value)) return start;
      text = stop;
    }
    next = stop;
  }
  return isText(text, next) ? next : start;
}

function isWhole(kind: i32, pos: i32, stop: i32): bool {
  const size = stop - pos;
  if (kind === TRACE_ID) return size === 16 || size === 0;
  if (kind === SPAN_ID) return size === 8 || size === 0;
  if (kind === PACKED_FIXED64) return (size & 7) === 0;
  if (kind === PACKED_VARINT) {
    while (pos >= 0 && pos < stop) pos = varintEnd(pos, stop);
    return pos === stop;
  }
  return kind === BYTES;
}
