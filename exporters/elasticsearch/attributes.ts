import type { Attributes, KeyValue } from '../../internal/otlp/view/value.ts';
import { shortVarintEnd, uint32At } from '../../internal/otlp/wire.ts';
import { isBlank } from './json.ts';

const nothing: Uint8Array = new Uint8Array(0);

/** Keys that direct a document and do not belong into it. */
const reservedPrefixes = ['data_stream.', 'elasticsearch.'].map((prefix) => Buffer.from(prefix));

/**
 * Where the attributes of one record lie: one pass over them, and everything else goes by index. Of a key that is there
 * twice the first counts, as it does in the Collector's look-ups: Elasticsearch refuses a document that says a thing
 * twice.
 */
export class AttributeTable {
  buf = nothing;
  count = 0;
  /** Some key begins with `data_stream.` or `elasticsearch.`. */
  reserved = false;
  keyStart = new Int32Array(64);
  keyEnd = new Int32Array(64);
  valueStart = new Int32Array(64);
  valueEnd = new Int32Array(64);
  #slots = new Int32Array(128);
  /** A slot is taken when it holds more than this. */
  #base = 0;
  readonly #seed: number;

  /** @param seed keeps a sender from choosing keys that collide */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  read(list: Attributes): void {
    this.count = 0;
    this.reserved = false;
    this.#forget();
    for (let pair = list.next(); pair; pair = list.next()) {
      this.buf = pair.buf;
      this.#add(pair);
    }
  }

  /** Whether the key of attribute `i` is this one. */
  keyIs(i: number, key: Uint8Array): boolean {
    const start = this.keyStart[i]!;
    return this.keyEnd[i]! - start === key.length && startsWith(this.buf, start, this.keyEnd[i]!, key);
  }

  keyEndsWith(i: number, suffix: Uint8Array): boolean {
    const start = this.keyEnd[i]! - suffix.length;
    return start >= this.keyStart[i]! && startsWith(this.buf, start, this.keyEnd[i]!, suffix);
  }

  /** Index of the attribute with this key, -1 for none. */
  find(key: Uint8Array): number {
    for (let i = 0; i < this.count; i++) if (this.keyIs(i, key)) return i;
    return -1;
  }

  keyText(i: number): string {
    return Buffer.from(this.buf.buffer, this.buf.byteOffset + this.keyStart[i]!, this.keyEnd[i]! - this.keyStart[i]!)
      .toString('utf8')
      .toWellFormed();
  }

  /** The string value of attribute `i`; undefined where it is no string. */
  stringValue(i: number): string | undefined {
    const { buf } = this;
    const start = this.valueStart[i]!;
    const end = this.valueEnd[i]!;
    if (start >= end || buf[start] !== 0x0a) return undefined;
    const from = shortVarintEnd(buf, start + 1, end);
    if (from < 0 || from + uint32At(buf, start + 1) !== end) return undefined;
    return Buffer.from(buf.buffer, buf.byteOffset + from, end - from).toString('utf8');
  }

  #add(pair: KeyValue): void {
    const i = this.count;
    if (i === this.keyStart.length) this.#grow();
    const { buf, start, end } = pair;
    const key = start + 2;
    const keyEnd = key + buf[start + 1]!;
    // Every SDK writes key and value once and in this order.
    let value = -1;
    if (buf[start] === 0x0a && buf[start + 1]! < 0x80 && keyEnd + 1 < end && buf[keyEnd] === 0x12) {
      const from = shortVarintEnd(buf, keyEnd + 1, end);
      if (from > 0 && from + uint32At(buf, keyEnd + 1) === end) value = from;
    }
    if (value >= 0) {
      this.keyStart[i] = key;
      this.keyEnd[i] = keyEnd;
      this.valueStart[i] = value;
      this.valueEnd[i] = end;
    } else this.#addSlowly(i, pair);
    // All of them get the same name.
    if (isBlank(this.buf, this.keyStart[i]!, this.keyEnd[i]!)) this.keyEnd[i] = this.keyStart[i]!;
    if (this.#known(i)) return;
    const first = buf[this.keyStart[i]!];
    if (first === 0x64 || first === 0x65) this.#markReserved(i);
    this.count++;
  }

  #addSlowly(i: number, pair: KeyValue): void {
    this.keyStart[i] = Math.max(0, pair.valueStart(1));
    this.keyEnd[i] = Math.max(0, pair.valueEnd(1));
    const value = pair.value;
    // A value in several pieces was merged elsewhere: its last piece stands for it.
    const merged = value.buf !== pair.buf;
    this.valueStart[i] = merged ? pair.valueStart(2) : value.start;
    this.valueEnd[i] = merged ? pair.valueEnd(2) : value.end;
  }

  #markReserved(i: number): void {
    for (const prefix of reservedPrefixes) {
      if (startsWith(this.buf, this.keyStart[i]!, this.keyEnd[i]!, prefix)) this.reserved = true;
    }
  }

  /** Enters the key; true where it was there. */
  #known(i: number): boolean {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const { buf, keyStart, keyEnd } = this;
    const start = keyStart[i]!;
    const end = keyEnd[i]!;
    let hash = this.#seed ^ (end - start);
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ buf[at]!, 0x0100_0193);
    hash ^= hash >>> 15;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const other = slots[slot]! - this.#base - 1;
      if (other < 0) {
        slots[slot] = this.#base + i + 1;
        return false;
      }
      if (sameKey(buf, start, end, keyStart[other]!, keyEnd[other]!)) return true;
    }
  }

  #forget(): void {
    this.#base += this.keyStart.length + 1;
    if (this.#base < 0x4000_0000) return;
    this.#base = 0;
    this.#slots.fill(0);
  }

  #grow(): void {
    const size = this.keyStart.length * 2;
    this.keyStart = grown(this.keyStart, size);
    this.keyEnd = grown(this.keyEnd, size);
    this.valueStart = grown(this.valueStart, size);
    this.valueEnd = grown(this.valueEnd, size);
    this.#slots = new Int32Array(size * 2);
    this.#base = 0;
    for (let i = 0; i < this.count; i++) this.#known(i);
  }
}

function grown(array: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(size);
  larger.set(array);
  return larger;
}

function sameKey(buf: Uint8Array, start: number, end: number, otherStart: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let i = start, other = otherStart; i < end; i++, other++) if (buf[i] !== buf[other]) return false;
  return true;
}

function startsWith(buf: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (end - start < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (buf[start + i] !== prefix[i]) return false;
  return true;
}
