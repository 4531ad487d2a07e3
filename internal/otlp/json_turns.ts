import { isUtf8 } from 'node:buffer';
import { Decoder, decodeJson, encodeJson, exactIntegers, namesOf } from './json.ts';
import type { Payload, Signal } from './payload.ts';
import { type Field, isMessage, type Message, messageNamed, requestOf } from './schema.ts';
import { splitByItems } from './split.ts';
import type { Malformed } from './wire.ts';

/*
 * OTLP/JSON costs about 20 ms a MiB to read and 10 us an item to write, and everything else waits meanwhile: large
 * documents are done in pieces, with a turn of the event loop between them. `turn` is, for instance, `setImmediate` of
 * node:timers/promises.
 */

/** Bytes of JSON that are parsed at once: 5 ms of realistic spans, and 30 ms of the worst there is (`{}` after `{}`). */
const pieceBytes = 256 * 1024;
const pieceItems = 1024;

/**
 * `decodeJson` in pieces, also in memory: the object tree, up to 13 times its text, is one piece's at a time.
 * Of large unknown values only the brackets are looked at, and of keys that come twice both count.
 * @param maxBytes of the request as protobuf, which may be four times its JSON
 */
export async function decodeJsonInTurns(
  signal: Signal,
  bytes: Uint8Array,
  maxBytes: number,
  turn: () => Promise<unknown>,
): Promise<Payload | Malformed> {
  if (bytes.length <= pieceBytes) return decodeJson(signal, bytes);
  if (!isUtf8(bytes)) return { malformed: 'OTLP/JSON: the text is not UTF-8', offset: 0 };
  for (const exact of [false, true]) {
    const reader = new Reader(bytes, maxBytes, exact);
    try {
      for (const _ of reader.request(signal)) await turn();
    } catch (error) {
      if (!(error instanceof NoJson)) throw error;
      return { malformed: `OTLP/JSON: ${error.message}`, offset: error.offset };
    }
    const { decoder } = reader;
    if (decoder.problem === '') return decoder.finish(signal);
    if (exact || !decoder.inexact) return { malformed: `OTLP/JSON: ${decoder.problem}`, offset: 0 };
  }
  throw new Error('unreachable: exact integers are never inexact');
}

/** `encodeJson` in pieces: the chunks of one document. */
export async function encodeJsonInTurns(payload: Payload, turn: () => Promise<unknown>): Promise<Uint8Array[]> {
  if (payload.itemCount <= pieceItems) return [encodeJson(payload)];
  const head = Buffer.from(`{"${requestOf(payload.signal).fields[0]!.name}":[`);
  const chunks: Uint8Array[] = [];
  for (const part of splitByItems(payload, pieceItems)) {
    const document = encodeJson(part);
    // `{}` has no elements to take.
    if (document.length > 2) chunks.push(chunks.length === 0 ? head : comma, document.subarray(head.length, -2));
    await turn();
  }
  return chunks.length === 0 ? [Buffer.from('{}')] : [...chunks, tail];
}

const comma = Buffer.from(',');
const tail = Buffer.from(']}');

/** Text that JSON.parse would not take. */
class NoJson extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACKET_END = 0x5d;
const BRACE = 0x7b;
const BRACE_END = 0x7d;

/** Walks the large parts of a document and hands the small ones to JSON.parse. Generators yield where a turn is due. */
class Reader {
  readonly decoder: Decoder;
  readonly #bytes: Buffer;
  readonly #maxBytes: number;
  readonly #exact: boolean;
  #pos = 0;
  /** Parsed since the last turn. */
  #parsed = 0;

  constructor(bytes: Uint8Array, maxBytes: number, exact: boolean) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#maxBytes = maxBytes;
    this.#exact = exact;
    this.decoder = new Decoder(bytes.length >>> 1, exact);
  }

  /** What is wrong stands in `decoder.problem` then. @throws NoJson */
  *request(signal: Signal): Generator<void> {
    if (this.#peek() !== BRACE) this.decoder.fail('expected an object');
    else if ((yield* this.#object(requestOf(signal), 0)) && this.#peek() !== undefined) throw this.#unexpected();
  }

  *#object(type: Message, depth: number): Generator<void, boolean> {
    const { decoder } = this;
    if (!decoder.begin(type, depth)) return false;
    const names = namesOf[type.index]!;
    this.#pos++;
    if (this.#took(BRACE_END)) return true;
    do {
      const key = this.#key();
      if (!(yield* this.#member(type, names.get(key), depth))) return decoder.inside(key);
    } while (this.#took(COMMA));
    if (!this.#took(BRACE_END)) throw this.#unexpected();
    return true;
  }

  #key(): string {
    if (this.#peek() !== QUOTE) throw this.#unexpected();
    const key = this.#parse(this.#pos, this.#endOfLarge());
    if (!this.#took(COLON)) throw this.#unexpected();
    return String(key);
  }

  *#member(type: Message, field: Field | undefined, depth: number): Generator<void, boolean> {
    const first = this.#peek();
    const start = this.#pos;
    let end = this.#endWithin();
    if (end < 0) {
      if (field?.repeated && first === BRACKET) return yield* this.#array(type, field, depth);
      if (field && !field.repeated) return yield* this.#large(type, field, depth, '');
      end = this.#endOfLarge();
      this.#pos = end;
      return field ? this.decoder.fail('expected an array') : true;
    }
    const json = this.#parse(start, end);
    if (field && json !== null && !this.decoder.field(type, field, json, depth)) return false;
    return yield* this.#turn();
  }

  /** One value that is larger than a piece: text, or a message that is walked. */
  *#large(type: Message, field: Field, depth: number, index: number | ''): Generator<void, boolean> {
    const { decoder } = this;
    const first = this.#peek();
    if (isMessage(field.type) && first === BRACE) {
      const start = decoder.out.open(field.number);
      if (!(yield* this.#object(messageNamed(field.type), depth + 1)))
        return index === '' ? false : decoder.inside(index);
      decoder.out.close(start);
      return true;
    }
    if (first !== QUOTE) return decoder.fail(`expected ${isMessage(field.type) ? 'an object' : 'a single value'}`);
    const text = this.#parse(this.#pos, this.#endOfLarge());
    const taken =
      index === '' ? decoder.field(type, field, text, depth) : decoder.field(type, field, [text], depth, index);
    return taken && (yield* this.#turn());
  }

  /** Elements are parsed as many at once as a piece takes. */
  *#array(type: Message, field: Field, depth: number): Generator<void, boolean> {
    this.#pos++;
    let index = 0;
    let more = true;
    while (more) {
      this.#peek();
      const start = this.#pos;
      const limit = start + pieceBytes;
      let end = start;
      let count = 0;
      for (let next = this.#endWithin(limit); more && next >= 0; next = more ? this.#endWithin(limit) : -1) {
        if (next === this.#pos) throw this.#unexpected();
        this.#pos = end = next;
        count++;
        more = this.#took(COMMA);
        this.#peek();
      }
      if (count > 0) {
        const behind = this.#pos;
        const json = this.#parse(start, end, '[', ']');
        this.#pos = behind;
        if (!this.decoder.field(type, field, json, depth, index) || !(yield* this.#turn())) return false;
        index += count;
      } else {
        if (!(yield* this.#large(type, field, depth, index++))) return false;
        more = this.#took(COMMA);
      }
    }
    if (!this.#took(BRACKET_END)) throw this.#unexpected();
    return true;
  }

  *#turn(): Generator<void, boolean> {
    if (this.decoder.out.length > this.#maxBytes) {
      return this.decoder.fail(`more than ${this.#maxBytes} bytes as protobuf; send smaller batches`);
    }
    if (this.#parsed < pieceBytes / 2) return true;
    this.#parsed = 0;
    yield;
    return true;
  }

  /** Goes on at `end`. */
  #parse(start: number, end: number, before = '', after = ''): unknown {
    this.#pos = end;
    this.#parsed += end - start;
    const text = before + this.#bytes.toString('utf8', start, end) + after;
    try {
      return this.#exact ? JSON.parse(text, exactIntegers) : JSON.parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const offset = Number(/position (\d+)/.exec(error.message)?.[1] ?? 0);
      throw new NoJson(
        error.message.replace(/ \(line.*| at position.*/, ''),
        start + Math.max(0, offset - before.length),
      );
    }
  }

  /** The byte at which the next thing begins; undefined at the end of the text. */
  #peek(): number | undefined {
    const bytes = this.#bytes;
    while (isSpace(bytes[this.#pos])) this.#pos++;
    return bytes[this.#pos];
  }

  #took(byte: number): boolean {
    if (this.#peek() !== byte) return false;
    this.#pos++;
    return true;
  }

  /** Where the value that begins here ends; -1 where that is not before `limit`. */
  #endWithin(limit = this.#pos + pieceBytes): number {
    return endOfValue(this.#bytes, this.#pos, Math.min(limit, this.#bytes.length));
  }

  #endOfLarge(): number {
    const end = endOfValue(this.#bytes, this.#pos, this.#bytes.length);
    if (end >= 0) return end;
    throw new NoJson('the text ends too early', this.#bytes.length);
  }

  #unexpected(): NoJson {
    const byte = this.#bytes[this.#pos];
    if (byte === undefined) return new NoJson('the text ends too early', this.#pos);
    return new NoJson(`unexpected ${JSON.stringify(String.fromCharCode(byte))}`, this.#pos);
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Counts brackets and steps over strings; the rest is JSON.parse's to judge. */
function endOfValue(bytes: Uint8Array, start: number, limit: number): number {
  let depth = 0;
  for (let pos = start; pos < limit; pos++) {
    const byte = bytes[pos]!;
    if (byte === QUOTE) {
      pos = endOfString(bytes, pos + 1, limit);
      if (pos < 0) return -1;
      if (depth === 0) return pos + 1;
    } else if (byte === BRACE || byte === BRACKET) {
      depth++;
    } else if (byte === BRACE_END || byte === BRACKET_END) {
      if (depth === 0) return pos;
      if (--depth === 0) return pos + 1;
    } else if (depth === 0 && (byte === COMMA || isSpace(byte))) {
      return pos;
    }
  }
  return -1;
}

/** @returns where the closing quote is; -1 where it is not before `limit` */
function endOfString(bytes: Uint8Array, start: number, limit: number): number {
  for (let pos = start; pos < limit; pos++) {
    const byte = bytes[pos]!;
    if (byte === QUOTE) return pos;
    if (byte === BACKSLASH) pos++;
  }
  return -1;
}
