import { Field } from './field.ts';
import { decodeHuffman } from './huffman.ts';
import { STATIC_ENTRIES, staticTable } from './static_table.ts';

export const DECODED = 0;
/** The list is over its limit: `fields` has what came before, and the table is right for the next block. */
export const OVER_LIMIT = 1;
/** A connection error of type COMPRESSION_ERROR (RFC 9113 4.3); `problem` says why. */
export const BROKEN = 2;

/** What SETTINGS_HEADER_TABLE_SIZE is when nobody changes it; the server never does. */
const TABLE_LIMIT = 4096;
/** An entry takes 32 bytes at least, so there are never more. A power of two. */
const RING = 128;
const MASK = RING - 1;
/** No table index, table size or string that we would accept comes near it. */
const INTEGER_LIMIT = 1 << 24;

const FAILED = -1;

/** The decoder of one connection (RFC 7541). Strings are made for literals only; an indexed field is shared. */
export class HpackDecoder {
  /** Fields of the last block; a new array each time. */
  fields: Field[] = [];
  problem = '';
  /** Changes with each change of the table: a block that leaves it alone means the same until then. */
  generation = 0;
  #ring: (Field | undefined)[] | undefined;
  #newest = 0;
  #count = 0;
  #size = 0;
  #capacity = TABLE_LIMIT;
  #at = 0;
  #scratch: Buffer | undefined;

  /** @param maxListBytes limit of the list's size as RFC 9113 6.5.2 counts it, applied while decoding */
  decode(block: Buffer, start: number, end: number, maxListBytes: number): number {
    const fields: Field[] = [];
    this.fields = fields;
    this.#at = start;
    let listBytes = 0;
    let sawField = false;
    while (this.#at < end) {
      const first = block[this.#at]!;
      let field: Field | undefined;
      if (first & 0x80) {
        field = this.#entry(this.#integer(block, end, 0x7f));
      } else if ((first & 0xe0) === 0x20) {
        // 4.2: at the beginning of a block only
        if (sawField || !this.#resize(this.#integer(block, end, 0x1f))) return this.#broken('a table size update');
        continue;
      } else {
        const indexed = (first & 0xc0) === 0x40;
        field = this.#literal(block, end, indexed ? 0x3f : 0x0f);
        if (field && indexed) this.#insert(field);
      }
      if (!field) return this.#broken('a field');
      sawField = true;
      listBytes += field.size;
      if (listBytes <= maxListBytes) fields.push(field);
    }
    return listBytes <= maxListBytes ? DECODED : OVER_LIMIT;
  }

  #broken(what: string): number {
    this.problem = `HPACK: ${what} that cannot be decoded`;
    return BROKEN;
  }

  /** RFC 7541 5.1. */
  #integer(block: Buffer, end: number, mask: number): number {
    let value = block[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; this.#at < end && shift <= 21; shift += 7) {
      const byte = block[this.#at++]!;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return value < INTEGER_LIMIT ? value : FAILED;
    }
    return FAILED;
  }

  #entry(index: number): Field | undefined {
    if (index <= 0) return undefined;
    if (index <= STATIC_ENTRIES) return staticTable[index];
    const back = index - STATIC_ENTRIES - 1;
    return back < this.#count ? this.#ring![(this.#newest + back) & MASK] : undefined;
  }

  #literal(block: Buffer, end: number, mask: number): Field | undefined {
    const index = this.#integer(block, end, mask);
    const name = index === 0 ? this.#string(block, end) : this.#entry(index)?.name;
    if (name === undefined) return undefined;
    const value = this.#string(block, end);
    return value === undefined ? undefined : new Field(name, value);
  }

  /** RFC 7541 5.2. */
  #string(block: Buffer, end: number): string | undefined {
    if (this.#at >= end) return undefined;
    const huffman = block[this.#at]! >= 0x80;
    const length = this.#integer(block, end, 0x7f);
    if (length === FAILED || length > end - this.#at) return undefined;
    const start = this.#at;
    this.#at += length;
    if (!huffman) return latin1(block, start, this.#at);
    const room = length * 2;
    if (!this.#scratch || this.#scratch.length < room) this.#scratch = Buffer.allocUnsafe(Math.max(256, room));
    const decoded = decodeHuffman(block, start, this.#at, this.#scratch);
    return decoded < 0 ? undefined : latin1(this.#scratch, 0, decoded);
  }

  /** RFC 7541 4.4. */
  #insert(field: Field): void {
    this.generation++;
    this.#evict(this.#capacity - field.size);
    if (field.size > this.#capacity) return;
    this.#ring ??= new Array<Field | undefined>(RING);
    this.#newest = (this.#newest - 1) & MASK;
    this.#ring[this.#newest] = field;
    this.#count++;
    this.#size += field.size;
  }

  #evict(room: number): void {
    while (this.#count > 0 && this.#size > room) {
      const oldest = (this.#newest + --this.#count) & MASK;
      this.#size -= this.#ring![oldest]!.size;
      this.#ring![oldest] = undefined;
    }
  }

  #resize(capacity: number): boolean {
    if (capacity === FAILED || capacity > TABLE_LIMIT) return false;
    this.generation++;
    this.#capacity = capacity;
    this.#evict(capacity);
    return true;
  }
}

/** Short strings are made in JavaScript: the call into C++ costs more than they do. */
function latin1(bytes: Buffer, start: number, end: number): string {
  if (end - start > 12) return bytes.toString('latin1', start, end);
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
