import { hash } from 'node:crypto';
import { JsonBytes } from './json.ts';
import type { Route } from './routing.ts';

/** Why an item has no document. */
export interface Refused {
  readonly item: number;
  readonly reason: string;
}

const ID_LENGTH = 27;
const idPlaceholder = ' '.repeat(ID_LENGTH);
const NEWLINE = 0x0a;

/** How a document is asked for. */
export interface Action {
  readonly route: Route;
  readonly id?: string | undefined;
  readonly pipeline?: string | undefined;
  /** `"dynamic_templates":{…}` */
  readonly dynamicTemplates?: Uint8Array | undefined;
}

/** What is known of the documents of a batch besides their bytes. */
export class Documents {
  /** Where each document's two lines end. */
  readonly ends: number[] = [];
  /** By document: whether the action names its id. */
  readonly hasId: boolean[] = [];
  readonly indices: string[] = [];
  /** By document: the item it was made of, or the first of them; of an event its span. */
  readonly ownerOf: number[] = [];
  /** The document of each item; -1 for an item without. */
  readonly documentOf: Int32Array;
  readonly refused: Refused[] = [];

  constructor(items: number) {
    this.documentOf = new Int32Array(items).fill(-1);
  }

  get count(): number {
    return this.ends.length;
  }

  startOf(document: number): number {
    return document === 0 ? 0 : this.ends[document - 1]!;
  }

  /** The items of which each of these documents was made; of an event its span. */
  itemsOf(documents: readonly number[]): Set<number>[] {
    const sets = new Map(documents.map((document) => [document, new Set([this.ownerOf[document]!])]));
    for (const [item, document] of this.documentOf.entries()) sets.get(document)?.add(item);
    return documents.map((document) => sets.get(document)!);
  }
}

/**
 * The body of bulk requests, being written: for each document the line with its action and the document itself. Used
 * again and again; what one use grew is there for the next.
 */
export class Bulk {
  readonly out: JsonBytes;
  /** Those of the last batch; a new object for each. */
  documents = new Documents(0);
  readonly #stableIds: boolean;
  #idAt = -1;
  #bodyAt = 0;

  constructor(stableIds: boolean, capacity = 64 * 1024) {
    this.#stableIds = stableIds;
    this.out = new JsonBytes(capacity);
  }

  get refused(): readonly Refused[] {
    return this.documents.refused;
  }

  /** @param bytes about so many will be written */
  reset(items: number, bytes: number): void {
    this.out.pos = 0;
    this.out.reserve(bytes);
    this.documents = new Documents(items);
  }

  /** Begins a document: its JSON is to be written to `out` next. */
  begin({ route, id, pipeline, dynamicTemplates }: Action): void {
    const { out } = this;
    const stable = id === undefined && this.#stableIds;
    out.ascii('{"create":{');
    out.raw(route.action);
    this.#idAt = -1;
    if (id !== undefined) {
      out.ascii(',"_id":');
      out.string(id);
    } else if (stable) {
      out.ascii(',"_id":"');
      this.#idAt = out.pos;
      out.ascii(idPlaceholder);
      out.ascii('"');
    }
    if (pipeline !== undefined) {
      out.ascii(',"pipeline":');
      out.string(pipeline);
    }
    if (dynamicTemplates) {
      out.byte(0x2c);
      out.raw(dynamicTemplates);
    }
    out.ascii('}}\n');
    this.#bodyAt = out.pos;
    this.documents.hasId.push(id !== undefined || stable);
    this.documents.indices.push(route.index);
  }

  /** Ends it. @param owner the item it was made of @returns its number */
  end(owner: number): number {
    const { out, documents } = this;
    if (this.#idAt >= 0) {
      // The same record at the same place has the same id, so that a request that is repeated makes no second document.
      const id = hash('sha1', out.buf.subarray(this.#bodyAt, out.pos), 'base64url');
      out.buf.write(id, this.#idAt, ID_LENGTH, 'latin1');
    }
    out.byte(NEWLINE);
    documents.ownerOf.push(owner);
    return documents.ends.push(out.pos) - 1;
  }

  /** Ends the document of one item. */
  endOf(item: number): void {
    this.documents.documentOf[item] = this.end(item);
  }

  refuse(item: number, reason: string): void {
    this.documents.refused.push({ item, reason });
  }
}
