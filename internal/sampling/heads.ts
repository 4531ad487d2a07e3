import { leadsOn, type Step, shapeOf } from '../otlp/shape.ts';
import { Fields } from '../otlp/view/fields.ts';

/** What describes a group besides its members: all other fields of a ResourceSpans or ScopeSpans, byte by byte. */
export interface ResourceHead {
  readonly head: Uint8Array;
  readonly key: string;
  readonly scopes: Map<string, ScopeHead>;
}

export interface ScopeHead {
  readonly head: Uint8Array;
  readonly key: string;
  readonly resource: ResourceHead;
  /** Its number, by which spans name it. */
  readonly group: number;
}

/** What the engine needs for a head beside its bytes, which stand twice: as key and as bytes. */
const headOverhead = 400;

const SCOPES = shapeOf('traces')[1]!;
const SPANS = shapeOf('traces')[2]!;

/** Every distinct pair of resource and scope once, for as long as a span needs it. */
export class Heads {
  /** Bytes taken, as far as they can be told. */
  bytes = 0;
  readonly #resources = new Map<string, ResourceHead>();
  readonly #groups: (ScopeHead | undefined)[] = [];
  readonly #free: number[] = [];
  /** Spans of each group. */
  #spans = new Int32Array(64);
  #resource: ResourceHead | undefined;
  #resourceKey = '';
  readonly #reader = new HeadReader();

  /** The ResourceSpans whose scopes are to follow. */
  enterResource(buf: Uint8Array, start: number, end: number): void {
    this.#resourceKey = this.#reader.read(SCOPES, buf, start, end);
    this.#resource = this.#resources.get(this.#resourceKey);
  }

  /** The number of this ScopeSpans, used once as if by a span: `release` follows, when its spans are in. */
  enterScope(buf: Uint8Array, start: number, end: number): number {
    const resource = (this.#resource ??= this.#newResource());
    const key = this.#reader.read(SPANS, buf, start, end);
    const group = resource.scopes.get(key)?.group ?? this.#newScope(resource, key);
    this.use(group);
    return group;
  }

  of(group: number): ScopeHead {
    return this.#groups[group]!;
  }

  /** A span more. */
  use(group: number): void {
    this.#spans[group]!++;
  }

  /** A span less. */
  release(group: number): void {
    if (--this.#spans[group]! === 0) this.#drop(group);
  }

  #newResource(): ResourceHead {
    const key = this.#resourceKey;
    const resource = { head: bytesOf(key), key, scopes: new Map() };
    this.#resources.set(key, resource);
    this.bytes += key.length * 2 + headOverhead;
    return resource;
  }

  #newScope(resource: ResourceHead, key: string): number {
    const group = this.#free.pop() ?? this.#groups.length;
    const scope = { head: bytesOf(key), key, resource, group };
    this.#groups[group] = scope;
    resource.scopes.set(key, scope);
    this.bytes += key.length * 2 + headOverhead;
    if (group >= this.#spans.length) this.#growSpans();
    this.#spans[group] = 0;
    return group;
  }

  #drop(group: number): void {
    const scope = this.#groups[group]!;
    const { resource } = scope;
    this.#groups[group] = undefined;
    this.#free.push(group);
    resource.scopes.delete(scope.key);
    this.bytes -= scope.key.length * 2 + headOverhead;
    if (resource.scopes.size > 0) return;
    this.#resources.delete(resource.key);
    this.bytes -= resource.key.length * 2 + headOverhead;
    if (this.#resource === resource) this.#resource = undefined;
  }

  #growSpans(): void {
    const grown = new Int32Array(this.#spans.length * 2);
    grown.set(this.#spans);
    this.#spans = grown;
  }
}

/** Puts a head together as a string of its bytes, which serves as a key. */
class HeadReader {
  readonly #fields = new Fields();

  read(members: Step, buf: Uint8Array, start: number, end: number): string {
    const fields = this.#fields.reset(buf, start, end);
    let key = '';
    let from = start;
    while (fields.next()) {
      if (!leadsOn(members, fields)) continue;
      if (fields.at > from) key += latin1(buf, from, fields.at);
      from = fields.to;
    }
    return end > from ? key + latin1(buf, from, end) : key;
  }
}

type Slice = (this: Uint8Array, start: number, end: number) => string;
// Works on every Uint8Array, without a Buffer around it.
const latin1Slice = (Buffer.prototype as unknown as { latin1Slice: Slice }).latin1Slice;

function latin1(buf: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(buf, start, end);
}

function bytesOf(key: string): Uint8Array {
  return Uint8Array.from(Buffer.from(key, 'latin1'));
}
