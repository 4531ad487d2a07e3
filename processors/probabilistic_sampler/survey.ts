import { FIXED32, FIXED64, LEN, VARINT } from '../../internal/otlp/wire.ts';

const TRACE_ID = (1 << 3) | LEN;
const TRACE_STATE = (3 << 3) | LEN;
const ATTRIBUTE = (9 << 3) | LEN;
const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;
/** Of `sampling.priority`. */
const PRIORITY_LENGTH = 17;
const PRIORITY_END = 'y'.charCodeAt(0);
const TOO_LONG = 0x3fff_ffff;

/**
 * Where the trace id of a span lies, found in one pass without noting anything else, if the trace id is all that
 * decides: 16 bytes, not zeros, no tracestate, no attribute that could be `sampling.priority`.
 *
 * @returns -1 where that is not so, and for spans written in a way that no SDK does: the view knows more
 */
export function traceIdAlone(buf: Uint8Array, start: number, end: number): number {
  let id = -1;
  let pos = start;
  while (pos < end) {
    const tag = buf[pos]!;
    if ((tag & 7) === LEN && tag < 0x80) {
      const from = pos + lengthSize(buf, pos + 1) + 1;
      const to = from + lengthAt(buf, pos + 1);
      if (tag === ATTRIBUTE) {
        if (mayBePriority(buf, from, to)) return -1;
      } else if (tag === TRACE_ID) {
        if (id >= 0 || to - from !== 16) return -1;
        id = from;
      } else if (tag === TRACE_STATE) return -1;
      pos = to;
    } else {
      pos = behindNumber(buf, pos);
      if (pos < 0) return -1;
    }
  }
  return id >= 0 && pos === end && !isZero(buf, id) ? id : -1;
}

/** Keys that are not the first field, or not the only one, may hide what they are. */
function mayBePriority(buf: Uint8Array, from: number, to: number): boolean {
  const value = from + 2 + buf[from + 1]!;
  if (buf[from] !== KEY || buf[from + 1]! >= 0x80 || buf[value] !== VALUE) return true;
  if (value + 1 + lengthSize(buf, value + 1) + lengthAt(buf, value + 1) !== to) return true;
  return buf[from + 1] === PRIORITY_LENGTH && buf[value - 1] === PRIORITY_END;
}

/** The length at `pos`; for one of more than two bytes a length that no span has, so that the pass ends astray. */
function lengthAt(buf: Uint8Array, pos: number): number {
  const first = buf[pos]!;
  if (first < 0x80) return first;
  const second = buf[pos + 1]!;
  return second < 0x80 ? (first & 0x7f) | (second << 7) : TOO_LONG;
}

function lengthSize(buf: Uint8Array, pos: number): number {
  return buf[pos]! < 0x80 ? 1 : 2;
}

/** Behind a field that is a number, given its tag of one byte or two; -1 for other fields. */
function behindNumber(buf: Uint8Array, at: number): number {
  const wire = buf[at]! & 7;
  let pos = at + 1;
  if (buf[at]! >= 0x80 && buf[pos++]! >= 0x80) return -1;
  if (wire === FIXED64) return pos + 8;
  if (wire === FIXED32) return pos + 4;
  if (wire !== VARINT) return -1;
  while (buf[pos]! >= 0x80) pos++;
  return pos + 1;
}

function isZero(buf: Uint8Array, id: number): boolean {
  for (let i = id + 15; i >= id; i--) if (buf[i] !== 0) return false;
  return true;
}
