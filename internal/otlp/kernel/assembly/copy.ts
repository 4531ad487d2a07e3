/** Copies `size` bytes; the ranges do not overlap. */
export function copy(to: i32, from: i32, size: i32): void {
  if (size > 64) {
    memory.copy(to, from, size);
    return;
  }
  if (size >= 16) {
    const last = size - 16;
    const end = v128.load(from + last);
    for (let i = 0; i < last; i += 16) v128.store(to + i, v128.load(from + i));
    v128.store(to + last, end);
  } else if (size >= 8) {
    const end = load<u64>(from + size - 8);
    store<u64>(to, load<u64>(from));
    store<u64>(to + size - 8, end);
  } else for (let i = 0; i < size; i++) store<u8>(to + i, load<u8>(from + i));
}
