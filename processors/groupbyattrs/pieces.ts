import { latin1 } from '../../internal/attributes/key.ts';
import type { Range } from '../../internal/otlp/regroup.ts';
import { Fields } from '../../internal/otlp/view/fields.ts';
import { varintSize, writeVarint } from '../../internal/otlp/wire.ts';

/** A field with `buf` from `start` to `end` as its content, in a buffer of its own. */
export function field(tag: number, buf: Uint8Array, start: number, end: number): Uint8Array {
  const size = end - start;
  const bytes = Buffer.allocUnsafe(varintSize(tag) + varintSize(size) + size);
  bytes.set(buf.subarray(start, end), writeVarint(bytes, writeVarint(bytes, 0, tag), size));
  return bytes;
}

/** All fields of a message but those with these tags. */
export function remainder({ buf, start, end }: Range, tags: readonly number[]): Uint8Array {
  const fields = new Fields().reset(buf, start, end);
  const parts: Uint8Array[] = [];
  let from = start;
  while (fields.next()) {
    if (!tags.includes(fields.tag)) continue;
    if (fields.at > from) parts.push(buf.subarray(from, fields.at));
    from = fields.to;
  }
  if (end > from) parts.push(buf.subarray(from, end));
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** The same as text, a character for each byte; it tells by itself where it ends. */
export function bytesWithout({ buf, start, end }: Range, tags: readonly number[]): string {
  const fields = new Fields().reset(buf, start, end);
  let text = '';
  let from = start;
  while (fields.next()) {
    if (!tags.includes(fields.tag)) continue;
    if (fields.at > from) text += latin1(buf, from, fields.at);
    from = fields.to;
  }
  if (end > from) text += latin1(buf, from, end);
  return `${text.length}:${text}`;
}
