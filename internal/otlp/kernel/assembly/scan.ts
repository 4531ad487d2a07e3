import { LENGTHS, PLACES, PLACES_END } from './layout';
import { byteAt, shortValue, shortVarint, varintEnd } from './wire';

/** i32 for each attribute: the field's beginning and end, the key's, the value's, the key's number. */
const PLACE: i32 = 7;

/**
 * Finds the `repeated KeyValue` fields of a message.
 *
 * @param all not only those whose keys are in KEYS
 * @returns how many, at PLACES; -1 where an attribute is not written plainly, key then value, or there are too many
 */
export function scan(pos: i32, end: i32, tag: i32, all: bool): i32 {
  let out = PLACES;
  while (pos < end) {
    const first = byteAt(pos);
    if ((first & 0x87) === 2) {
      let size = byteAt(pos + 1);
      let from = pos + 2;
      if (size >= 0x80) {
        from = shortVarint(pos + 1, end);
        if (from < 0) return -1;
        size = <i32>shortValue;
      }
      if (<u32>size > <u32>(end - from)) return -1;
      const to = from + size;
      if (first === tag) {
        const key = byteAt(from + 1);
        const keyTo = from + 2 + key;
        if (byteAt(from) !== 0x0a || key >= 0x80 || byteAt(keyTo) !== 0x12) return -1;
        let value = byteAt(keyTo + 1);
        let valueFrom = keyTo + 2;
        if (value >= 0x80) {
          valueFrom = shortVarint(keyTo + 1, to);
          if (valueFrom < 0) return -1;
          value = <i32>shortValue;
        }
        if (valueFrom + value !== to) return -1;
        const id = find(from + 2, key);
        if (all || id >= 0) {
          if (out + PLACE * 4 > PLACES_END) return -1;
          store<i32>(out, pos);
          store<i32>(out + 4, to);
          store<i32>(out + 8, from + 2);
          store<i32>(out + 12, keyTo);
          store<i32>(out + 16, valueFrom);
          store<i32>(out + 20, to);
          store<i32>(out + 24, id);
          out += PLACE * 4;
        }
      }
      pos = to;
    } else if ((first & 0x87) === 1) pos += 9;
    else if ((first & 0x87) === 0) {
      pos = varintEnd(pos + 1, end);
      if (pos < 0) return -1;
    } else {
      const next = shortVarint(pos, end);
      if (next < 0 || (shortValue & 7) !== 5) return -1;
      pos = next + 4;
    }
  }
  return pos === end ? (out - PLACES) / (PLACE * 4) : -1;
}

/** The number of the key, or -1. */
function find(pos: i32, size: i32): i32 {
  let entry = load<i32>(LENGTHS + (size << 3));
  for (let left = load<i32>(LENGTHS + (size << 3) + 4); left > 0; left--, entry += 8) {
    if (isSame(load<i32>(entry), pos, size)) return load<i32>(entry + 4);
  }
  return -1;
}

/** Eight bytes at a time; the last eight may overlap those before. */
function isSame(a: i32, b: i32, size: i32): bool {
  if (size >= 8) {
    const last = size - 8;
    // The last ones first: keys share their beginnings more than their ends.
    if (load<u64>(a + last) !== load<u64>(b + last)) return false;
    for (let i = 0; i < last; i += 8) if (load<u64>(a + i) !== load<u64>(b + i)) return false;
    return true;
  }
  for (let i = size - 1; i >= 0; i--) if (byteAt(a + i) !== byteAt(b + i)) return false;
  return true;
}
