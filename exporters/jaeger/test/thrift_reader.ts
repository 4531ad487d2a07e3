import type { ReadBatch, ReadTag } from './read.ts';

/**
 * Reads a Batch in thrift's binary protocol by the specification alone: types and numbers of fields as they come, unknown ones
 * included. @throws Error where the bytes end too soon or go on after the end
 */
export function readThrift(bytes: Uint8Array): ReadBatch {
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  const batch = reader.struct();
  if (reader.at !== bytes.length) throw new Error(`${bytes.length - reader.at} bytes after the end`);
  const process = batch.get(1) as Struct;
  return {
    service: text(process.get(1)),
    tags: tagsOf(process.get(2)),
    spans: (batch.get(2) as Struct[]).map((span) => ({
      trace: id(span.get(2)) + id(span.get(1)),
      id: id(span.get(3)),
      name: text(span.get(5)),
      references: referencesOf(span),
      flags: span.get(7) as number,
      start: (span.get(8) as bigint) * 1000n,
      duration: (span.get(9) as bigint) * 1000n,
      tags: tagsOf(span.get(10)),
      logs: ((span.get(11) ?? []) as Struct[]).map((log) => ({
        time: (log.get(1) as bigint) * 1000n,
        fields: tagsOf(log.get(2)),
      })),
    })),
  };
}

type Value = bigint | number | boolean | Buffer | Value[] | Struct;
type Struct = ReadonlyMap<number, Value>;

/** The parent is a field of its own besides; a reader that knows only one of the two must see it. */
function referencesOf(span: Struct): string[] {
  const references = ((span.get(6) ?? []) as Struct[]).map(
    (it) => `${['CHILD_OF', 'FOLLOWS_FROM'][it.get(1) as number]} ${id(it.get(3))}${id(it.get(2))} ${id(it.get(4))}`,
  );
  const parent = id(span.get(4));
  if (parent !== '0000000000000000' && !references[0]?.endsWith(parent)) throw new Error('the parent is no reference');
  return references;
}

function tagsOf(list: Value | undefined): ReadTag[] {
  return ((list ?? []) as Struct[]).map((tag): ReadTag => {
    const key = text(tag.get(1));
    switch (tag.get(2)) {
      case 0:
        return ['string', key, text(tag.get(3))];
      case 1:
        return ['float64', key, tag.get(4)];
      case 2:
        return ['bool', key, tag.get(5)];
      case 3:
        return ['int64', key, tag.get(6)];
      case 4:
        return ['binary', key, (tag.get(7) as Buffer).toString('hex')];
      default:
        throw new Error(`tag type ${tag.get(2)}`);
    }
  });
}

function text(value: Value | undefined): string {
  return (value as Buffer).toString('utf8');
}

function id(value: Value | undefined): string {
  return BigInt.asUintN(64, value as bigint)
    .toString(16)
    .padStart(16, '0');
}

class Reader {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  struct(): Struct {
    const fields = new Map<number, Value>();
    for (;;) {
      const type = this.#take(1).readUInt8();
      if (type === 0) return fields;
      const number = this.#take(2).readInt16BE();
      if (fields.has(number)) throw new Error(`field ${number} is there twice`);
      fields.set(number, this.#value(type));
    }
  }

  #value(type: number): Value {
    switch (type) {
      case 2:
        return this.#take(1).readUInt8() === 1;
      case 4:
        return this.#take(8).readDoubleBE();
      case 8:
        return this.#take(4).readInt32BE();
      case 10:
        return this.#take(8).readBigInt64BE();
      case 11:
        return this.#take(this.#take(4).readInt32BE());
      case 12:
        return this.struct();
      case 15: {
        const element = this.#take(1).readUInt8();
        return Array.from({ length: this.#take(4).readInt32BE() }, () => this.#value(element));
      }
      default:
        throw new Error(`type ${type} at ${this.at}`);
    }
  }

  #take(size: number): Buffer {
    if (size < 0 || this.at + size > this.#bytes.length) throw new Error(`the bytes end before ${this.at + size}`);
    this.at += size;
    return this.#bytes.subarray(this.at - size, this.at);
  }
}
