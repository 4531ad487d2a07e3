/**
 * Header blocks without a dynamic table and without Huffman: answers are few, short and mostly precomputed.
 * A static index is used where name and value, or the name alone, are in the table.
 */
import { staticTable } from './static_table.ts';

const byName = new Map<string, number>();
const byField = new Map<string, number>();
for (let index = staticTable.length - 1; index > 0; index--) {
  const { name, value } = staticTable[index]!;
  byName.set(name, index);
  if (value) byField.set(`${name}\0${value}`, index);
}

/** @param fields names in lower case; values latin1 */
export function encodeHeaders(fields: Iterable<readonly [string, string]>): Buffer {
  const out: number[] = [];
  for (const [name, value] of fields) {
    const whole = byField.get(`${name}\0${value}`);
    if (whole !== undefined) {
      integer(out, 0x80, 0x7f, whole); // RFC 7541 6.1
      continue;
    }
    const index = byName.get(name) ?? 0;
    integer(out, 0, 0x0f, index); // 6.2.2: without indexing
    if (index === 0) string(out, name);
    string(out, value);
  }
  return Buffer.from(out);
}

function string(out: number[], text: string): void {
  integer(out, 0, 0x7f, text.length);
  for (let at = 0; at < text.length; at++) out.push(text.charCodeAt(at) & 0xff);
}

function integer(out: number[], flags: number, mask: number, value: number): void {
  if (value < mask) {
    out.push(flags | value);
    return;
  }
  out.push(flags | mask);
  let rest = value - mask;
  for (; rest >= 0x80; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest);
}
