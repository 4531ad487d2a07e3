import { Payload, type Signal } from './payload.ts';
import { countIn, leadsOn, type Step, shapeOf } from './shape.ts';
import { Fields } from './view/fields.ts';
import { Writer } from './writer.ts';

const RESOURCES = 0;
const SCOPES = 1;
const RECORDS = 2;
const DATA = 3;

/**
 * One batch in which each resource stands once, and each scope once in its resource, with its records in their order.
 * Groups are the same if all that describes them is the same, byte by byte. Returns `payload` where there is nothing to merge.
 */
export function regroup(payload: Payload): Payload {
  const regroup = new Regroup(payload.signal);
  for (const chunk of payload.chunks) regroup.addAll(chunk);
  return regroup.merged ? regroup.finish() : payload;
}

/** The records of one scope in one resource, each a whole field. */
export interface ScopeEntry {
  readonly head: Uint8Array;
  readonly records: Uint8Array[];
}

export interface ResourceEntry {
  readonly head: Uint8Array;
  readonly scopes: Map<string, ScopeEntry>;
}

/** Records under resources and scopes of which each stands once. What makes two the same is the caller's to say, by keys. */
export class Groups {
  /** Something came together that stood apart. */
  merged = false;
  /** Fields of the request that are no groups. */
  readonly rest: Uint8Array[] = [];
  readonly #resources = new Map<string, ResourceEntry>();

  /** How many resources there are. */
  get size(): number {
    return this.#resources.size;
  }

  /** @param head all fields of the group but its scopes */
  resource(key: string, head: () => Uint8Array): ResourceEntry {
    let entry = this.#resources.get(key);
    if (entry) this.merged = true;
    else this.#resources.set(key, (entry = { head: head(), scopes: new Map() }));
    return entry;
  }

  /** @param head all fields of the group but its records */
  scope(resource: ResourceEntry, key: string, head: () => Uint8Array): ScopeEntry {
    let entry = resource.scopes.get(key);
    if (entry) this.merged = true;
    else resource.scopes.set(key, (entry = { head: head(), records: [] }));
    return entry;
  }

  /** A request with all of it, in a buffer of its own. @param expected bytes, more or less: saves growing */
  finish(expected = 4096): Uint8Array {
    const out = new Writer(expected);
    for (const rest of this.rest) out.raw(rest);
    for (const { head, scopes } of this.#resources.values()) {
      const resource = out.open(1);
      out.raw(head);
      for (const { head, records } of scopes.values()) {
        const scope = out.open(2);
        out.raw(head);
        for (const record of records) out.raw(record);
        out.close(scope);
      }
      out.close(resource);
    }
    return out.finish();
  }
}

/** Gathers records from anywhere under their resources and scopes. Holds windows on the bytes that it was given. */
export class Regroup {
  readonly #signal: Signal;
  readonly #groups = new Groups();
  #last: { readonly range: Range; readonly entry: ScopeEntry } | undefined;
  #items = 0;

  constructor(signal: Signal) {
    this.#signal = signal;
  }

  /** Something came together that stood apart. */
  get merged(): boolean {
    return this.#groups.merged;
  }

  /** All records of a request. */
  addAll(chunk: Uint8Array): void {
    const shape = shapeOf(this.#signal);
    const resources = new Fields().reset(chunk, 0, chunk.length);
    while (resources.next()) {
      if (!leadsOn(shape[RESOURCES]!, resources)) {
        this.#groups.rest.push(chunk.subarray(resources.at, resources.to));
        continue;
      }
      const resource = this.#resource(chunk, resources.from, resources.to);
      const scopes = new Fields().reset(chunk, resources.from, resources.to);
      while (scopes.next()) {
        if (!leadsOn(shape[SCOPES]!, scopes)) continue;
        const scope = this.#scope(resource, chunk, scopes.from, scopes.to);
        const records = new Fields().reset(chunk, scopes.from, scopes.to);
        while (records.next()) {
          if (!leadsOn(shape[RECORDS]!, records)) continue;
          scope.records.push(chunk.subarray(records.at, records.to));
          this.#items += countIn(shape, DATA, chunk, records.from, records.to);
        }
      }
    }
  }

  /** The record that `walk` stands at, or that a rewrite visits, under its scope and resource. */
  add(record: FieldRange, place: { readonly resource: Range; readonly scope: Range }): void {
    const { buf, at, start, end } = record;
    // Records come in rows of the same group, so that the last one is asked first.
    if (!this.#last || !sameRange(this.#last.range, place.scope)) {
      const resource = this.#resource(place.resource.buf, place.resource.start, place.resource.end);
      const entry = this.#scope(resource, place.scope.buf, place.scope.start, place.scope.end);
      this.#last = { range: { buf: place.scope.buf, start: place.scope.start, end: place.scope.end }, entry };
    }
    this.#last.entry.records.push(buf.subarray(at, end));
    this.#items += countIn(shapeOf(this.#signal), DATA, buf, start, end);
  }

  /** The batch so far, in a buffer of its own. */
  finish(): Payload {
    const bytes = this.#groups.finish();
    return new Payload(this.#signal, bytes.length > 0 ? [bytes] : [], this.#items, bytes.length);
  }

  #resource(buf: Uint8Array, start: number, end: number): ResourceEntry {
    const head = headOf(shapeOf(this.#signal)[SCOPES]!, buf, start, end);
    return this.#groups.resource(latin1(head), () => head);
  }

  #scope(resource: ResourceEntry, buf: Uint8Array, start: number, end: number): ScopeEntry {
    const head = headOf(shapeOf(this.#signal)[RECORDS]!, buf, start, end);
    return this.#groups.scope(resource, latin1(head), () => head);
  }
}

/** Where a message lies: every view is one. */
export interface Range {
  readonly buf: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** The same with its tag, at `at`. */
export interface FieldRange extends Range {
  readonly at: number;
}

function sameRange(a: Range, b: Range): boolean {
  return a.buf === b.buf && a.start === b.start && a.end === b.end;
}

/** All fields of a group but its members. */
function headOf(step: Step, buf: Uint8Array, start: number, end: number): Uint8Array {
  const fields = new Fields().reset(buf, start, end);
  const parts: Uint8Array[] = [];
  let from = start;
  while (fields.next()) {
    if (!leadsOn(step, fields)) continue;
    if (fields.at > from) parts.push(buf.subarray(from, fields.at));
    from = fields.to;
  }
  if (end > from) parts.push(buf.subarray(from, end));
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

/** A string of the bytes, to be a key. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}
