import { byteAt } from './wire';

/** Whether the bytes are UTF-8 as RFC 3629 has it: no surrogates, nothing longer than it must be. */
export function isText(from: i32, to: i32): bool {
  return isAscii(from, to) || isUtf8(from, to);
}

const HIGH_BITS: u64 = ((<u64>0x8080_8080) << 32) | 0x8080_8080;

/** Sixteen bytes at a time; the last sixteen may overlap those before. */
function isAscii(from: i32, to: i32): bool {
  const size = to - from;
  if (size >= 16) {
    const last = to - 16;
    let bits = v128.load(last);
    for (; from < last; from += 16) bits = v128.or(bits, v128.load(from));
    return i8x16.bitmask(bits) === 0;
  }
  if (size >= 8) return ((load<u64>(from) | load<u64>(to - 8)) & HIGH_BITS) === 0;
  if (size >= 4) return ((load<u32>(from) | load<u32>(to - 4)) & 0x8080_8080) === 0;
  let bits = 0;
  while (from < to) bits |= byteAt(from++);
  return bits < 0x80;
}

function isUtf8(pos: i32, to: i32): bool {
  while (pos < to) {
    const first = byteAt(pos);
    if (first < 0x80) {
      pos++;
      continue;
    }
    if (first < 0xc2 || first > 0xf4) return false;
    const size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (pos + size > to) return false;
    const second = byteAt(pos + 1);
    // Longer than it must be, a surrogate, beyond U+10FFFF.
    const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return false;
    if (size > 2 && (byteAt(pos + 2) & 0xc0) !== 0x80) return false;
    if (size > 3 && (byteAt(pos + 3) & 0xc0) !== 0x80) return false;
    pos += size;
  }
  return true;
}
