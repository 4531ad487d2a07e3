// The protobuf wire format; as internal/otlp/wire.ts, which says more. A function that cannot go on returns -1.

export function byteAt(pos: i32): i32 {
  return <i32>load<u8>(pos);
}

/** What the last `shortVarint` read. */
export let shortValue: u32 = 0;

export function shortVarint(pos: i32, end: i32): i32 {
  let value: u32 = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    if (pos >= end) return -1;
    const byte = byteAt(pos++);
    if (shift === 28 && byte > 0x0f) return -1;
    value |= (<u32>(byte & 0x7f)) << shift;
    if (byte < 0x80) {
      shortValue = value;
      return pos;
    }
  }
  return -1;
}

export function varintEnd(pos: i32, end: i32): i32 {
  const last = pos + 9;
  while (pos < end) {
    const byte = byteAt(pos++);
    if (byte < 0x80) return pos > last && byte > 1 ? -1 : pos;
    if (pos > last) return -1;
  }
  return -1;
}

/** Where the value of an unknown field ends, groups not included. */
export function skipValue(pos: i32, end: i32, tag: i32): i32 {
  const type = tag & 7;
  if (type === 0) return varintEnd(pos, end);
  if (type === 2) {
    const from = shortVarint(pos, end);
    if (from < 0 || shortValue > <u32>(end - from)) return -1;
    return from + <i32>shortValue;
  }
  if (type === 1) return end - pos < 8 ? -1 : pos + 8;
  if (type === 5) return end - pos < 4 ? -1 : pos + 4;
  return -1;
}
