import { FOUND, found, room, scan } from '../kernel/kernel.ts';
import type { Patch } from '../patch.ts';
import type { Range } from '../regroup.ts';
import { Fields } from '../view/fields.ts';
import { rangeEquals, textOf } from '../view/raw.ts';
import { plainTextStart } from '../view/value.ts';
import { FIXED32, FIXED64, LEN, VARINT, varintSize, writeVarint } from '../wire.ts';
import { isKey, Keys, NONE, UNSURE } from './keys.ts';

const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;
const nothing: Uint8Array = new Uint8Array(0);

const AT = 0;
const TO = 1;
const KEY_FROM = 2;
const KEY_TO = 3;
const VALUE_FROM = 4;
const VALUE_TO = 5;
/** Where the whole field lies in what took its place. */
const FIELD_FROM = 6;
const FIELD_TO = 7;
/** The key's number, or less than 0. */
const ID = 8;
const PLACES = 9;
/** Behind the first six places comes the key's number in what the kernel finds. */
const ID_FOUND = FOUND - 1;
const none = new Keys();

/** Where a value lies: the content of an AnyValue, without its tag and length. */
export interface ValueRange extends Range {}

/**
 * The attributes of one record, as they lie in its bytes, with what actions make of them. Reused from record to record;
 * what nobody changes is neither copied nor decoded. Keys are UTF-8. As in the Go collector the first of several
 * attributes with one key is the one that is read and changed.
 */
export class AttributeList {
  #buf = nothing;
  #fieldTag = 0;
  /** Attributes that came with the record, then those that were added. */
  #count = 0;
  #came = 0;
  /** For each attribute offsets of its field, its key, its value and the field that took its place, and the number of its key. */
  #places = new Int32Array(16 * PLACES);
  /** The whole field anew, `cut` where it was taken out, undefined where it is as it came. */
  readonly #field: (Uint8Array | undefined)[] = new Array(16).fill(undefined);
  /** Fields of the KeyValue other than key and value, which nobody here knows: they stay. */
  readonly #rest: (Uint8Array | undefined)[] = new Array(16).fill(undefined);
  #keys = none;
  #all = true;
  /** By the number of a key: the first attribute that has it, or -1. */
  #slots = new Int32Array(16);
  #dirty = false;
  #anyRest = false;
  readonly #fields = new Fields();
  readonly #inner = new Fields();
  readonly #range = { buf: nothing, start: 0, end: 0 };

  /**
   * @param message the record, resource or scope; @param field number of its `repeated KeyValue attributes`
   * @param keys what `at` will be asked for @param all others too; else they are passed over, as if they were not there
   */
  read(message: Range, field: number, keys: Keys = none, all = true): this {
    const { buf, end } = message;
    const tag = (field << 3) | LEN;
    this.#buf = buf;
    this.#fieldTag = tag;
    this.#keys = keys;
    this.#all = all;
    this.#forget();
    if (buf !== room || !this.#readInRoom(message.start, end)) this.#readFields(message.start, end);
    this.#came = this.#count;
    return this;
  }

  /** @returns false where an attribute is written in an unusual way, or there are too many */
  #readInRoom(start: number, end: number): boolean {
    const count = scan(this.#keys, this.#all, start, end, this.#fieldTag);
    for (let i = 0, from = 0; i < count; i++, from += FOUND) {
      const places = this.#room(i);
      const base = i * PLACES;
      for (let k = 0; k < ID_FOUND; k++) places[base + k] = found[from + k]!;
      this.#number(i, found[from + ID_FOUND]!);
    }
    this.#count = Math.max(0, count);
    return count >= 0;
  }

  #readFields(start: number, end: number): void {
    const buf = this.#buf;
    const tag = this.#fieldTag;
    let pos = start;
    while (pos < end) {
      const first = buf[pos]!;
      const next = buf[pos + 1]!;
      // Nearly all fields have a tag and a length of one byte each; the rest is left to the general reader.
      if ((first & 0x87) === LEN && next < 0x80) {
        const from = pos + 2;
        const to = from + next;
        if (first === tag) this.#take(pos, from, to);
        pos = to;
      } else if ((first & 0x87) === FIXED64) pos += 9;
      else if ((first & 0x87) === VARINT && next < 0x80) pos += 2;
      else if ((first & 0x87) === (FIXED32 | 0x80) && next < 0x80) pos += 6;
      else {
        const fields = this.#fields.reset(buf, pos, end);
        if (!fields.next()) break;
        if (fields.tag === tag) this.#take(pos, fields.from, fields.to);
        pos = fields.to;
      }
    }
  }

  /** The arrays keep their length: emptying them would have each record make them anew. A loop, since `fill` costs as much as ten records' worth. */
  #forget(): void {
    if (this.#dirty) for (let i = 0; i < this.#count; i++) this.#field[i] = undefined;
    if (this.#anyRest) for (let i = 0; i < this.#count; i++) this.#rest[i] = undefined;
    this.#dirty = false;
    this.#anyRest = false;
    this.#count = 0;
    const { size } = this.#keys;
    if (this.#slots.length < size) this.#slots = new Int32Array(size + 16);
    for (let id = 0; id < size; id++) this.#slots[id] = -1;
  }

  get size(): number {
    return this.#count;
  }

  /** Something is not as it came. */
  get changed(): boolean {
    return this.#dirty;
  }

  /** Index of the first attribute with this key; -1 where there is none. */
  find(key: Uint8Array): number {
    for (let i = 0; i < this.#count; i++) if (this.#field[i] !== cut && this.keyIs(i, key)) return i;
    return -1;
  }

  /** The same for a key by its number in the `keys` that were given to `read`. */
  at(id: number): number {
    return this.#slots[id]!;
  }

  /** The number of its key; less than 0 for a key that is none of those that were given to `read`. */
  idOf(index: number): number {
    return this.#place(index, ID);
  }

  has(index: number): boolean {
    return this.#field[index] !== cut;
  }

  keyText(index: number): string {
    return textOf(this.#bytesOf(index), this.#place(index, KEY_FROM), this.#place(index, KEY_TO));
  }

  /** In bytes. */
  keyLength(index: number): number {
    return this.#place(index, KEY_TO) - this.#place(index, KEY_FROM);
  }

  /** The value where it is plainly a text of less than 16 KiB; undefined may still be one: then `value` tells. */
  text(index: number): string | undefined {
    const range = this.textRange(index);
    return range && textOf(range.buf, range.start, range.end);
  }

  /** Where the UTF-8 of that text lies, good until it is asked again; undefined where `text` is. */
  textRange(index: number): ValueRange | undefined {
    const range = this.#range;
    range.buf = this.#bytesOf(index);
    range.end = this.#place(index, VALUE_TO);
    range.start = plainTextStart(range.buf, this.#place(index, VALUE_FROM), range.end);
    return range.start < 0 ? undefined : range;
  }

  keyBytes(index: number): Uint8Array {
    return this.#bytesOf(index).subarray(this.#place(index, KEY_FROM), this.#place(index, KEY_TO));
  }

  /** The value's bytes, good until the next change. */
  value(index: number): ValueRange {
    const [start, end] = [this.#place(index, VALUE_FROM), this.#place(index, VALUE_TO)];
    return { buf: this.#bytesOf(index), start, end };
  }

  /** Whether the value is the one of this field, byte by byte. */
  hasValue(index: number, { bytes, valueFrom, valueTo }: EncodedField): boolean {
    const [from, to] = [this.#place(index, VALUE_FROM), this.#place(index, VALUE_TO)];
    return rangeEquals(this.#bytesOf(index), from, to, bytes, valueFrom, valueTo);
  }

  /** Puts a field that was encoded by `encodeField` for this field number into the place of attribute `index`. */
  replace(index: number, field: EncodedField): void {
    const rest = this.#anyRest ? this.#rest[index] : undefined;
    this.#set(index, rest ? withRest(field, rest, this.#fieldTag) : field);
    this.#dirty = true;
  }

  /** @param id the number of its key, where that is known */
  add(field: EncodedField, id = this.#keys.find(field.bytes, field.keyFrom, field.keyTo)): void {
    const index = this.#count++;
    this.#set(index, field);
    this.#number(index, id);
    this.#dirty = true;
  }

  remove(index: number): void {
    this.#field[index] = cut;
    this.#dirty = true;
    const id = this.#place(index, ID);
    if (id < 0) return;
    // The next one with this key is the first now.
    let next = index + 1;
    while (next < this.#count && (this.#place(next, ID) !== id || this.#field[next] === cut)) next++;
    this.#slots[id] = next < this.#count ? next : -1;
  }

  /** Says by the patch, which is for the message that was read, what has changed. */
  write(patch: Patch): void {
    for (let i = 0; i < this.#came; i++) {
      const field = this.#field[i];
      if (field === undefined) continue;
      if (field === cut) patch.splice(this.#place(i, AT), this.#place(i, TO));
      else
        patch.splice(
          this.#place(i, AT),
          this.#place(i, TO),
          field,
          this.#place(i, FIELD_FROM),
          this.#place(i, FIELD_TO),
        );
    }
    for (let i = this.#came; i < this.#count; i++) {
      const field = this.#field[i]!;
      if (field !== cut) patch.append(field, this.#place(i, FIELD_FROM), this.#place(i, FIELD_TO));
    }
  }

  #set(index: number, field: EncodedField): void {
    this.#field[index] = field.bytes;
    const places = this.#room(index);
    const base = index * PLACES;
    places[base + KEY_FROM] = field.keyFrom;
    places[base + KEY_TO] = field.keyTo;
    places[base + VALUE_FROM] = field.valueFrom;
    places[base + VALUE_TO] = field.valueTo;
    places[base + FIELD_FROM] = field.from;
    places[base + FIELD_TO] = field.to;
  }

  #number(index: number, id: number): void {
    this.#places[index * PLACES + ID] = id;
    if (id >= 0 && this.#slots[id]! < 0) this.#slots[id] = index;
  }

  #place(index: number, which: number): number {
    return this.#places[index * PLACES + which]!;
  }

  #room(index: number): Int32Array {
    if ((index + 1) * PLACES > this.#places.length) {
      const grown = new Int32Array(this.#places.length * 2);
      grown.set(this.#places);
      this.#places = grown;
      for (let more = index; more > 0; more--) {
        this.#field.push(undefined);
        this.#rest.push(undefined);
      }
    }
    return this.#places;
  }

  #bytesOf(index: number): Uint8Array {
    return this.#field[index] ?? this.#buf;
  }

  #take(at: number, from: number, to: number): void {
    let id = this.#keys.findIn(this.#buf, from, to);
    if (id === NONE && !this.#all) return;
    const index = this.#count;
    this.#enter(at, from, to);
    if (id === UNSURE) id = this.#keys.find(this.#buf, this.#place(index, KEY_FROM), this.#place(index, KEY_TO));
    this.#number(index, id);
  }

  #enter(at: number, from: number, to: number): void {
    const buf = this.#buf;
    const index = this.#count++;
    const places = this.#room(index);
    const base = index * PLACES;
    places[base + AT] = at;
    places[base + TO] = to;
    const keyTo = from + 2 + buf[from + 1]!;
    // A short key, a short value, and nothing else.
    if (buf[from] === KEY && buf[from + 1]! < 0x80 && buf[keyTo] === VALUE && keyTo + 2 + buf[keyTo + 1]! === to) {
      if (buf[keyTo + 1]! < 0x80) {
        places[base + KEY_FROM] = from + 2;
        places[base + KEY_TO] = keyTo;
        places[base + VALUE_FROM] = keyTo + 2;
        places[base + VALUE_TO] = to;
        return;
      }
    }
    this.#enterAny(index, from, to);
  }

  #enterAny(index: number, from: number, to: number): void {
    const places = this.#places;
    const base = index * PLACES;
    places.fill(from, base + KEY_FROM, base + PLACES);
    let rest: Uint8Array | undefined;
    const inner = this.#inner.reset(this.#buf, from, to);
    while (inner.next()) {
      if (inner.tag === KEY) {
        places[base + KEY_FROM] = inner.from;
        places[base + KEY_TO] = inner.to;
      } else if (inner.tag === VALUE) {
        places[base + VALUE_FROM] = inner.from;
        places[base + VALUE_TO] = inner.to;
      } else rest = joined(rest, this.#buf.subarray(inner.at, inner.to));
    }
    if (!rest) return;
    this.#rest[index] = rest;
    this.#anyRest = true;
  }

  keyIs(index: number, key: Uint8Array): boolean {
    return isKey(key, this.#bytesOf(index), this.#place(index, KEY_FROM), this.#place(index, KEY_TO));
  }
}

/** Stands for an attribute that was taken out. */
const cut: Uint8Array = new Uint8Array(0);

/** One whole `repeated KeyValue` field, ready to be spliced in. */
export interface EncodedField {
  readonly bytes: Uint8Array;
  /** Where the field lies in them, with its tag. */
  readonly from: number;
  readonly to: number;
  /** Where the KeyValue begins, behind the field's tag and length. */
  readonly contentFrom: number;
  readonly keyFrom: number;
  readonly keyTo: number;
  readonly valueFrom: number;
  readonly valueTo: number;
}

function joined(before: Uint8Array | undefined, more: Uint8Array): Uint8Array {
  return before ? Buffer.concat([before, more]) : more;
}

/** The same field with more in its KeyValue. */
function withRest(field: EncodedField, rest: Uint8Array, tag: number): EncodedField {
  // Key and value end the field, so that its content begins where the key's tag and length do.
  const content = field.bytes.subarray(field.contentFrom, field.to);
  const size = content.length + rest.length;
  const head = new Uint8Array(varintSize(tag) + varintSize(size));
  writeVarint(head, writeVarint(head, 0, tag), size);
  const shift = head.length - field.contentFrom;
  return {
    bytes: Buffer.concat([head, content, rest]),
    from: 0,
    to: head.length + size,
    contentFrom: head.length,
    keyFrom: field.keyFrom + shift,
    keyTo: field.keyTo + shift,
    valueFrom: field.valueFrom + shift,
    valueTo: field.valueTo + shift,
  };
}
