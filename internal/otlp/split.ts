import { Assembly } from './assembly.ts';
import { Payload } from './payload.ts';
import { countIn, countItems, leadsOn, type Shape, shapeOf } from './shape.ts';
import { Fields } from './view/fields.ts';

/**
 * Parts of at most `max` items each, in order. Chunks that fit are passed on as they are; a chunk is cut only if it has
 * more than `max` items itself, then between resources, scopes and records, and metrics between their data points. What
 * describes a group (resource, scope, metric, schema URLs, unknown fields) stands on each part of it.
 * @param max items; 0 or less: no limit
 */
export function splitByItems(payload: Payload, max: number): Payload[] {
  return payload.itemCount <= max || max <= 0 ? [payload] : split(payload, max, Number.POSITIVE_INFINITY);
}

/**
 * The same with parts of at most `max` bytes. A record that is larger by itself, with what describes its groups, makes
 * a part alone.
 * @param max bytes; 0 or less: no limit
 */
export function splitByBytes(payload: Payload, max: number): Payload[] {
  return payload.byteLength <= max || max <= 0 ? [payload] : split(payload, Number.POSITIVE_INFINITY, max);
}

function split(payload: Payload, maxItems: number, maxBytes: number): Payload[] {
  const { signal, chunks } = payload;
  const parts = new Parts(payload);
  for (const chunk of chunks) {
    const items = chunks.length === 1 ? payload.itemCount : countItems(signal, chunk);
    if (!parts.hasRoom(items, chunk.length, maxItems, maxBytes)) parts.end();
    if (items <= maxItems && chunk.length <= maxBytes) parts.add(chunk, items);
    else new Cut(chunk, shapeOf(signal), maxItems, maxBytes, parts).run();
  }
  parts.end();
  return parts.done;
}

/** The parts so far, and the chunks of the one being filled. */
class Parts {
  readonly done: Payload[] = [];
  readonly #payload: Payload;
  #chunks: Uint8Array[] = [];
  #items = 0;
  #bytes = 0;

  constructor(payload: Payload) {
    this.#payload = payload;
  }

  hasRoom(items: number, bytes: number, maxItems: number, maxBytes: number): boolean {
    return this.#items + items <= maxItems && this.#bytes + bytes <= maxBytes;
  }

  add(chunk: Uint8Array, items: number): void {
    this.#chunks.push(chunk);
    this.#items += items;
    this.#bytes += chunk.length;
  }

  end(): void {
    if (this.#chunks.length === 0) return;
    this.done.push(new Payload(this.#payload.signal, this.#chunks, this.#items, this.#bytes));
    this.#chunks = [];
    this.#items = 0;
    this.#bytes = 0;
  }
}

/** A group that is being cut: a message on the way from the request to its items. */
interface Group {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
  /** Something of it stands in the present part. */
  filled: boolean;
}

/** Cuts one chunk. */
class Cut {
  readonly #buf: Uint8Array;
  readonly #shape: Shape;
  readonly #maxItems: number;
  readonly #maxBytes: number;
  readonly #parts: Parts;
  readonly #part = new Assembly();
  readonly #open: Group[] = [];
  #items = 0;

  constructor(buf: Uint8Array, shape: Shape, maxItems: number, maxBytes: number, parts: Parts) {
    this.#buf = buf;
    this.#shape = shape;
    this.#maxItems = maxItems;
    this.#maxBytes = maxBytes;
    this.#parts = parts;
  }

  run(): void {
    this.#children(0, 0, this.#buf.length);
    this.#end();
  }

  #children(depth: number, start: number, end: number): void {
    const step = this.#shape[depth]!;
    const fields = new Fields().reset(this.#buf, start, end);
    while (fields.next()) {
      if (leadsOn(step, fields)) this.#child(depth + 1, fields);
      // Around the resources only unknown fields can lie; within a group they belong to its head.
      else if (depth === 0) this.#part.copy(this.#buf, fields.at, fields.to);
    }
  }

  #child(depth: number, fields: Fields): void {
    const { at, from, to, tag } = fields;
    const items = countIn(this.#shape, depth, this.#buf, from, to);
    // A full part is ended here, so that a group that fits the next one need not be taken apart.
    if (items > 0 && this.#items >= this.#maxItems) this.#nextPart();
    if (this.#fits(items, to - at)) {
      this.#take(at, to, items);
    } else if (depth < this.#shape.length && items > 0) {
      const group = { tag, start: from, end: to, filled: false };
      this.#open.push(group);
      this.#begin(group, depth);
      this.#children(depth, from, to);
      this.#open.pop();
      if (group.filled) this.#part.close();
      else this.#part.discard();
    } else {
      this.#nextPart();
      this.#take(at, to, items);
    }
  }

  #fits(items: number, bytes: number): boolean {
    return this.#items + items <= this.#maxItems && this.#part.sizeWith(bytes) <= this.#maxBytes;
  }

  #take(start: number, end: number, items: number): void {
    this.#part.copy(this.#buf, start, end);
    this.#items += items;
    for (const group of this.#open) group.filled = true;
  }

  /** Opens a group in the present part and writes its head: all that does not lead on. */
  #begin(group: Group, depth: number): void {
    this.#part.open(group.tag, undefined, 0, group.start, group.end);
    const step = this.#shape[depth]!;
    const fields = new Fields().reset(this.#buf, group.start, group.end);
    while (fields.next()) if (!leadsOn(step, fields)) this.#part.copy(this.#buf, fields.at, fields.to);
  }

  #nextPart(): void {
    for (const group of this.#open.toReversed()) {
      if (group.filled) this.#part.close();
      else this.#part.discard();
      group.filled = false;
    }
    this.#end();
    for (const [i, group] of this.#open.entries()) this.#begin(group, i + 1);
  }

  #end(): void {
    if (this.#part.size === 0) return;
    this.#parts.end();
    this.#parts.add(this.#part.finish(), this.#items);
    this.#items = 0;
  }
}
