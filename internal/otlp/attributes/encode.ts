import { copyRange } from '../assembly.ts';
import { bench, benchEnd, isOccupied, keep, keptEdition, room } from '../kernel/kernel.ts';
import type { Plain } from '../view/value.ts';
import { LEN, varintSize, writeVarint } from '../wire.ts';
import { Writer } from '../writer.ts';
import type { EncodedField } from './list.ts';

/** The content of an AnyValue. */
export function encodeValue(value: Plain): Uint8Array {
  const out = new Writer(64);
  writeValue(out, value);
  return out.finish();
}

/** Writes the content of an AnyValue. */
export function writeValue(out: Writer, value: Plain): void {
  if (value === undefined) return;
  if (typeof value === 'string') out.string(1, value);
  else if (typeof value === 'boolean') out.varint(2, value ? 1 : 0);
  else if (typeof value === 'bigint') out.varint64(3, value);
  else if (typeof value === 'number') out.double(4, value);
  else if (value instanceof Uint8Array) out.bytes(7, value);
  else if (Array.isArray(value)) {
    const array = out.open(5);
    for (const each of value) nested(out, 1, each);
    out.close(array);
  } else {
    const list = out.open(6);
    for (const [key, each] of value.pairs) {
      const pair = out.open(1);
      out.string(1, key);
      nested(out, 2, each);
      out.close(pair);
    }
    out.close(list);
  }
}

function nested(out: Writer, field: number, value: Plain): void {
  const at = out.open(field);
  writeValue(out, value);
  out.close(at);
}

const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;

/** A `repeated KeyValue` field of this number. @param value the content of an AnyValue, in `buf` from `start` to `end` */
export function encodeField(
  field: number,
  key: Uint8Array,
  buf: Uint8Array,
  start = 0,
  end = buf.length,
): EncodedField {
  return encodeInto(Buffer.allocUnsafe(fieldSize(field, key.length, end - start)), 0, field, key, buf, start, end);
}

function fieldSize(field: number, keySize: number, valueSize: number): number {
  const inner = contentSize(keySize, valueSize);
  return varintSize(field << 3) + varintSize(inner) + inner;
}

function contentSize(keySize: number, valueSize: number): number {
  return 1 + varintSize(keySize) + keySize + 1 + varintSize(valueSize) + valueSize;
}

function encodeInto(
  bytes: Buffer,
  from: number,
  field: number,
  key: Uint8Array,
  buf: Uint8Array,
  start: number,
  end: number,
): EncodedField {
  const inner = contentSize(key.length, end - start);
  const contentFrom = writeVarint(bytes, writeVarint(bytes, from, (field << 3) | LEN), inner);
  bytes[contentFrom] = KEY;
  const keyFrom = writeVarint(bytes, contentFrom + 1, key.length);
  const keyTo = keyFrom + key.length;
  for (let i = 0, to = keyFrom; i < key.length; ) bytes[to++] = key[i++]!;
  bytes[keyTo] = VALUE;
  const valueFrom = writeVarint(bytes, keyTo + 1, end - start);
  copyRange(buf, start, end, bytes, valueFrom);
  return { bytes, from, to: contentFrom + inner, contentFrom, keyFrom, keyTo, valueFrom, valueTo: contentFrom + inner };
}

/** A field that goes into many records: for those in the kernel's room it lies there, too. */
export class KeptField {
  readonly #own: EncodedField;
  #there: EncodedField;
  #edition = -1;

  constructor(field: EncodedField) {
    this.#own = field;
    this.#there = field;
  }

  /** To be put into the record that is changed now. */
  get here(): EncodedField {
    if (!isOccupied()) return this.#own;
    if (this.#edition !== keptEdition()) this.#bring();
    return this.#there;
  }

  #bring(): void {
    this.#edition = keptEdition();
    const own = this.#own;
    const at = keep(own.bytes, own.from, own.to);
    this.#there = at < 0 ? own : moved(own, room, at - own.from);
  }
}

/** The same field in other bytes, so much further behind. */
function moved(field: EncodedField, bytes: Uint8Array, by: number): EncodedField {
  return {
    bytes,
    from: field.from + by,
    to: field.to + by,
    contentFrom: field.contentFrom + by,
    keyFrom: field.keyFrom + by,
    keyTo: field.keyTo + by,
    valueFrom: field.valueFrom + by,
    valueTo: field.valueTo + by,
  };
}

const FIRST_BYTES = 4096;

/** Encodes what is needed for one record only, again and again in the same place: no garbage. */
export class Workbench {
  readonly #mayUseRoom: boolean;
  #own: Buffer = Buffer.alloc(0);
  #bytes = this.#own;
  #used = 0;
  #limit = 0;

  /** @param mayUseRoom where a chunk is rewritten in the kernel's room, things are made there too; of all that a rewriting uses, one may */
  constructor(mayUseRoom = false) {
    this.#mayUseRoom = mayUseRoom;
  }

  /** What was made before is not needed any more. */
  clear(): void {
    const there = this.#mayUseRoom && isOccupied();
    this.#bytes = there ? room : this.#own;
    this.#used = there ? bench : 0;
    this.#limit = there ? benchEnd : this.#own.length;
  }

  /** As `encodeField`; good until `clear`. */
  field(field: number, key: Uint8Array, buf: Uint8Array, start: number, end: number): EncodedField {
    const from = this.room(fieldSize(field, key.length, end - start));
    return encodeInto(this.#bytes, from, field, key, buf, start, end);
  }

  /** Where in `bytes` there is room for so many. What was made before stays good, also where `bytes` is another buffer from now on. */
  room(size: number): number {
    if (this.#used + size > this.#limit) {
      this.#own = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * this.#own.length, size));
      this.#bytes = this.#own;
      this.#used = 0;
      this.#limit = this.#own.length;
    }
    const from = this.#used;
    this.#used += size;
    return from;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }
}

/** A value of a YAML file: whole numbers are ints, maps kvlists. */
export function plainOf(value: unknown): Plain {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'number') return Number.isInteger(value) && !Object.is(value, -0) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (Array.isArray(value)) return value.map(plainOf);
  return { pairs: Object.entries(value as object).map(([key, each]) => [key, plainOf(each)] as const) };
}
