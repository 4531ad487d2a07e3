import type { Patch } from '../otlp/patch.ts';
import type { Range } from '../otlp/regroup.ts';
import { Fields } from '../otlp/view/fields.ts';
import { LEN, varintSize, writeVarint } from '../otlp/wire.ts';

const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;
const nothing: Uint8Array = new Uint8Array(0);

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
  readonly #at: number[] = [];
  readonly #to: number[] = [];
  readonly #keyFrom: number[] = [];
  readonly #keyTo: number[] = [];
  readonly #valueFrom: number[] = [];
  readonly #valueTo: number[] = [];
  /** The whole field anew, `cut` where it was taken out, undefined where it is as it came. */
  readonly #field: (Uint8Array | undefined)[] = [];
  /** Fields of the KeyValue other than key and value, which nobody here knows: they stay. */
  readonly #rest: (Uint8Array | undefined)[] = [];
  #dirty = false;
  readonly #fields = new Fields();
  readonly #inner = new Fields();

  /** @param message the record, resource or scope; @param field number of its `repeated KeyValue attributes` */
  read(message: Range, field: number): this {
    this.#buf = message.buf;
    this.#fieldTag = (field << 3) | LEN;
    this.#count = 0;
    this.#dirty = false;
    const fields = this.#fields.reset(message.buf, message.start, message.end);
    while (fields.next()) if (fields.tag === this.#fieldTag) this.#enter(fields);
    this.#came = this.#count;
    return this;
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
    for (let i = 0; i < this.#count; i++) if (this.#field[i] !== cut && this.#keyIs(i, key)) return i;
    return -1;
  }

  has(index: number): boolean {
    return this.#field[index] !== cut;
  }

  keyText(index: number): string {
    const buf = this.#bytesOf(index);
    return Buffer.from(
      buf.buffer,
      buf.byteOffset + this.#keyFrom[index]!,
      this.#keyTo[index]! - this.#keyFrom[index]!,
    ).toString('utf8');
  }

  keyBytes(index: number): Uint8Array {
    return this.#bytesOf(index).subarray(this.#keyFrom[index]!, this.#keyTo[index]!);
  }

  /** The value's bytes, good until the next change. */
  value(index: number): ValueRange {
    return { buf: this.#bytesOf(index), start: this.#valueFrom[index]!, end: this.#valueTo[index]! };
  }

  /** Puts a field that was encoded by `encodeField` for this field number into the place of attribute `index`. */
  replace(index: number, field: EncodedField): void {
    const rest = this.#rest[index];
    this.#set(index, rest ? withRest(field, rest, this.#fieldTag) : field);
    this.#dirty = true;
  }

  add(field: EncodedField): void {
    this.#rest[this.#count] = undefined;
    this.#set(this.#count++, field);
    this.#dirty = true;
  }

  remove(index: number): void {
    this.#field[index] = cut;
    this.#dirty = true;
  }

  /** Says by the patch, which is for the message that was read, what has changed. */
  write(patch: Patch): void {
    for (let i = 0; i < this.#came; i++) {
      const field = this.#field[i];
      if (field === cut) patch.cut(this.#at[i]!, this.#to[i]!);
      else if (field) patch.splice(this.#at[i]!, this.#to[i]!, field);
    }
    for (let i = this.#came; i < this.#count; i++) {
      const field = this.#field[i]!;
      if (field !== cut) patch.append(field);
    }
  }

  #set(index: number, field: EncodedField): void {
    this.#field[index] = field.bytes;
    this.#keyFrom[index] = field.keyFrom;
    this.#keyTo[index] = field.keyTo;
    this.#valueFrom[index] = field.valueFrom;
    this.#valueTo[index] = field.valueTo;
  }

  #bytesOf(index: number): Uint8Array {
    return this.#field[index] ?? this.#buf;
  }

  #enter(at: Fields): void {
    const i = this.#count++;
    this.#at[i] = at.at;
    this.#to[i] = at.to;
    this.#field[i] = undefined;
    this.#keyFrom[i] = this.#keyTo[i] = this.#valueFrom[i] = this.#valueTo[i] = at.from;
    let rest: Uint8Array | undefined;
    const inner = this.#inner.reset(this.#buf, at.from, at.to);
    while (inner.next()) {
      if (inner.tag === KEY) {
        this.#keyFrom[i] = inner.from;
        this.#keyTo[i] = inner.to;
      } else if (inner.tag === VALUE) {
        this.#valueFrom[i] = inner.from;
        this.#valueTo[i] = inner.to;
      } else rest = joined(rest, this.#buf.subarray(inner.at, inner.to));
    }
    this.#rest[i] = rest;
  }

  #keyIs(index: number, key: Uint8Array): boolean {
    const from = this.#keyFrom[index]!;
    if (this.#keyTo[index]! - from !== key.length) return false;
    const buf = this.#bytesOf(index);
    // The last byte first: keys share their beginnings more than their ends.
    for (let k = key.length - 1; k >= 0; k--) if (buf[from + k] !== key[k]) return false;
    return true;
  }
}

/** Stands for an attribute that was taken out. */
const cut: Uint8Array = new Uint8Array(0);

/** One whole `repeated KeyValue` field, ready to be spliced in. */
export interface EncodedField {
  readonly bytes: Uint8Array;
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
  const content = field.bytes.subarray(field.contentFrom);
  const size = content.length + rest.length;
  const head = new Uint8Array(varintSize(tag) + varintSize(size));
  writeVarint(head, writeVarint(head, 0, tag), size);
  const shift = head.length - field.contentFrom;
  return {
    bytes: Buffer.concat([head, content, rest]),
    contentFrom: head.length,
    keyFrom: field.keyFrom + shift,
    keyTo: field.keyTo + shift,
    valueFrom: field.valueFrom + shift,
    valueTo: field.valueTo + shift,
  };
}
