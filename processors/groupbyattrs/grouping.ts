import { attributesKey, latin1 } from '../../internal/attributes/key.ts';
import { Groups, type Range, type ResourceEntry, type ScopeEntry } from '../../internal/otlp/regroup.ts';
import { Fields } from '../../internal/otlp/view/fields.ts';
import { Resource, type ResourceGroup, type ScopeGroup } from '../../internal/otlp/view/resource.ts';
import { type Attributes, KeyValue } from '../../internal/otlp/view/value.ts';
import { LEN, varintSize, writeVarint } from '../../internal/otlp/wire.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { field, remainder } from './pieces.ts';

/** Tags of a group's own description (Resource, InstrumentationScope) and of its members. */
const SUBJECT = (1 << 3) | LEN;
const MEMBERS = (2 << 3) | LEN;
const RESOURCE_ATTRIBUTE = (1 << 3) | LEN;
/** Of an InstrumentationScope. */
const NAME = (1 << 3) | LEN;
const VERSION = (2 << 3) | LEN;
const SCOPE_ATTRIBUTE = (3 << 3) | LEN;

/** An attribute of a record: its field begins at `at`, the content of its KeyValue at `start`. */
interface Moving {
  /** Number of the key. */
  readonly index: number;
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

const nothing: Uint8Array = new Uint8Array(0);
// Works on every Uint8Array, and needs no window object for the range.
const copyBytes = Buffer.prototype.copy;

/**
 * Finds the place of each record of one batch among resources and scopes. Resources are the same if their attributes are,
 * in any order, and all else that is known of them; so are scopes. Upstream looks at the attributes of resources, and name
 * and version of scopes, and loses what differs besides: schema URLs, the attributes of scopes.
 */
export class Grouping {
  /** Items of which attributes move, and the others. */
  moved = 0;
  stayed = 0;
  readonly groups = new Groups();
  readonly #keys: readonly Uint8Array[];
  /** The record at hand, and where in it what moves lies, key by key in the order of `keys`. */
  #record: Uint8Array = nothing;
  readonly #moving: Moving[] = [];
  #movingKey = '';
  #resource: ResourceGroup | undefined;
  /** Of the resource at hand: where its records go, by what moves to it. */
  readonly #targets = new Map<string, ResourceEntry>();
  #scopeKey = '';
  #scopeHead: Uint8Array | undefined;
  /** Of the scope at hand, by resource. */
  readonly #places = new Map<ResourceEntry, ScopeEntry>();
  readonly #fields = new Fields();
  readonly #pair = new KeyValue();

  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys;
  }

  /** Fields of a request that are no groups. */
  addRest(chunk: Uint8Array): void {
    const fields = this.#fields.reset(chunk, 0, chunk.length);
    while (fields.next()) {
      if (fields.tag !== SUBJECT) this.groups.rest.push(chunk.subarray(fields.at, fields.to));
    }
  }

  /** The records that follow are of this resource. */
  enterResource(group: ResourceGroup): void {
    this.#resource = group;
    this.#targets.clear();
  }

  /** The records that follow are of this scope. */
  enterScope({ buf, start, end, scope }: ScopeGroup): void {
    this.#places.clear();
    const own = remainder(scope, [NAME, VERSION, SCOPE_ATTRIBUTE]);
    const rest = remainder({ buf, start, end }, [SUBJECT, MEMBERS]);
    const attributes = attributesKey(scope.attributes);
    this.#scopeKey = keyOf(text(scope.raw.bytes(1)), text(scope.raw.bytes(2)), attributes, text(own), text(rest));
    this.#scopeHead = headOf(scope, rest);
  }

  /** Notes which attributes of the record move. @returns whether any does */
  find(attributes: Attributes): boolean {
    let key = '';
    this.#moving.length = 0;
    for (const [index, wanted] of this.#keys.entries()) {
      const pair = attributes.find(wanted);
      if (!pair) continue;
      const { buf, start, end } = pair;
      this.#record = buf;
      this.#moving.push({ index, at: attributes.at, start, end });
      key += `${index}:${end - start}:${latin1(buf, start, end)}`;
    }
    this.#movingKey = key;
    if (key === '') this.stayed++;
    else this.moved++;
    return key !== '';
  }

  /** Where the record goes of which `find` was asked. */
  place(): ScopeEntry {
    let target = this.#targets.get(this.#movingKey);
    if (!target) this.#targets.set(this.#movingKey, (target = this.#target()));
    let place = this.#places.get(target);
    if (!place) {
      place = this.groups.scope(target, this.#scopeKey, () => this.#scopeHead!);
      this.#places.set(target, place);
    }
    return place;
  }

  /** The record of which `find` was asked, as a field, without the attributes that move. */
  stripped(tag: number, { buf, start, end }: Range): Uint8Array {
    const cuts = this.#moving;
    // Keys are mostly listed in another order than they stand in.
    if (cuts.length > 1) cuts.sort((a, b) => a.at - b.at);
    let size = end - start;
    for (const { at, end: to } of cuts) size -= to - at;
    const bytes = Buffer.allocUnsafe(varintSize(tag) + varintSize(size) + size);
    let pos = writeVarint(bytes, writeVarint(bytes, 0, tag), size);
    let from = start;
    for (const { at, end: to } of cuts) {
      pos += copyBytes.call(buf as Buffer, bytes, pos, from, at);
      from = to;
    }
    copyBytes.call(buf as Buffer, bytes, pos, from, end);
    return bytes;
  }

  #target(): ResourceEntry {
    const { resource, buf, start, end } = this.#resource!;
    const rest = remainder({ buf, start, end }, [SUBJECT, MEMBERS]);
    const grown = this.#movingKey === '' ? resource : this.#grown(resource);
    const own = remainder(grown, [RESOURCE_ATTRIBUTE]);
    const key = keyOf(attributesKey(grown.attributes), text(own), text(rest));
    return this.groups.resource(key, () => headOf(grown, rest));
  }

  /** The resource with what moves to it: in the place of what it says itself, else behind it. */
  #grown({ buf, start, end }: Range): Resource {
    const out = new Writer(end - start + 256);
    const waiting = new Map(this.#moving.map((moving) => [moving.index, moving]));
    const put = ({ start, end }: Moving) => out.bytes(1, this.#record.subarray(start, end));
    const fields = this.#fields.reset(buf, start, end);
    while (fields.next()) {
      const index = fields.tag === RESOURCE_ATTRIBUTE ? this.#movingIn(buf, fields) : -1;
      if (index < 0) out.range(buf, fields.at, fields.to);
      else if (waiting.has(index)) {
        put(waiting.get(index)!);
        waiting.delete(index);
      }
    }
    for (const moving of [...waiting.values()].sort((a, b) => a.index - b.index)) put(moving);
    return new Resource().reset(out.buffer, 0, out.length);
  }

  /** The number of the moving key that this KeyValue has, or -1. */
  #movingIn(buf: Uint8Array, { from, to }: Fields): number {
    const pair = this.#pair.reset(buf, from, to);
    return this.#moving.find(({ index }) => pair.keyIs(this.#keys[index]!))?.index ?? -1;
  }
}

/** What describes a group: field 1 with its Resource or InstrumentationScope, as upstream even where that is empty, and all but the members. */
function headOf({ buf, start, end }: Range, rest: Uint8Array): Uint8Array {
  return Buffer.concat([field(SUBJECT, buf, start, end), rest]);
}

function text(bytes: Uint8Array): string {
  return latin1(bytes, 0, bytes.length);
}

/** Different for different lists of parts. */
function keyOf(...parts: string[]): string {
  return parts.map((part) => `${part.length}:${part}`).join('');
}
