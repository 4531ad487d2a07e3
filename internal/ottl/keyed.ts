import { encodeField, KeptField } from '../otlp/attributes/encode.ts';
import type { AttributeList, EncodedField } from '../otlp/attributes/list.ts';
import type { Range } from '../otlp/regroup.ts';
import { rangeEquals } from '../otlp/view/raw.ts';
import { AnyValue, type Attributes, type KeyValue, plainTextStart } from '../otlp/view/value.ts';
import { shortVarintEnd } from '../otlp/wire.ts';
import { Writer } from '../otlp/writer.ts';
import type { Accessor } from './accessors.ts';
import { detached, isStorable, mapOf, refuseStoring, writeAny, writePairs } from './encode.ts';
import { KeyBytes, PairWriter, restOf, withRest } from './pair_writer.ts';
import type { Place } from './place.ts';
import type { Scene } from './scene.ts';
import { TextRange } from './text_range.ts';
import { decodeValue, fail, typeName, type Value, ValueMap } from './values.ts';

/** No bytes are a nil slice in Go, which equals nil. */
function comparesAsNil(value: AnyValue | undefined): boolean {
  return isNil(value) || (value!.kind === 'bytes' && value!.bytesValue.length === 0);
}

/** A value of the profiles' own, an index into their strings, counts as none. */
function isNil(value: AnyValue | undefined): boolean {
  const kind = value?.kind ?? 'empty';
  return kind === 'empty' || kind === 'strindex';
}

/** What a path or converter is indexed by: known now, or computed for each record. */
export type Key =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'computed'; readonly get: (scene: Scene) => Value };

export interface Keyed {
  readonly whole: Accessor;
  readonly by: (keys: readonly Key[]) => Accessor;
}

/** The attributes in `field` of a message. */
export function attributes(place: Place, list: (scene: Scene) => Attributes, fieldOf: (scene: Scene) => number): Keyed {
  const put = (scene: Scene, key: Uint8Array, name: string, value: Value, pairs: PairWriter) => {
    if (value === undefined) return;
    const field = fieldOf(scene);
    const all = list(scene);
    const found = all.find(key);
    const { at } = all;
    const storable = isStorable(value);
    // As upstream: a key that was not there is, once somebody failed to set it.
    if (found && !storable) refuseStoring(value);
    const pair = pairs.write(field, name, storable ? value : undefined);
    write(scene, field, found, at, pair);
    if (!storable) refuseStoring(value);
  };
  const write = (scene: Scene, field: number, found: KeyValue | undefined, at: number, pair: Writer) => {
    if (found) {
      const rest = restOf(found);
      const whole = rest ? withRest(pair, field, rest) : pair;
      // The same value again is no change.
      const same = rangeEquals(found.buf, at, found.end, whole.buffer, 0, whole.length);
      if (!same) place.splice(scene, at, found.end, whole, field);
    } else {
      const end = place.at(scene).valueEnd(field);
      const behind = end < 0 ? place.at(scene).end : end;
      place.splice(scene, behind, behind, pair, field);
    }
  };
  const removed = new KeyBytes();
  return {
    whole: {
      get: (scene) => mapOf(list(scene)),
      set(scene, value) {
        if (value === undefined) return;
        if (!(value instanceof ValueMap)) fail(`expected a map, got ${typeName(value)}`);
        const field = fieldOf(scene);
        place.replace(
          scene,
          field,
          scene.write((out) => writePairs(out, field, value)),
        );
      },
      remove(scene, key) {
        const id = removed.numberIn(scene.overlay, key);
        const listed = id < 0 ? undefined : place.attributes(scene);
        if (listed) {
          const at = listed.at(id);
          if (at >= 0) listed.remove(at);
          return;
        }
        const all = list(scene);
        const found = all.find(removed.of(key));
        if (found) place.splice(scene, all.at, found.end, undefined, fieldOf(scene));
      },
    },
    by(keys) {
      const [first, ...rest] = keys as [Key, ...Key[]];
      if (first.kind === 'text' && rest.length === 0) {
        const key = Buffer.from(first.text);
        const pairs = new PairWriter();
        const listed = new ListedAttribute(first.text);
        const range = new TextRange();
        const find = (scene: Scene): AnyValue | undefined => {
          const all = listed.in(place, scene);
          return all ? listed.find(all) : list(scene).find(key)?.value;
        };
        return {
          get: (scene) => {
            const found = find(scene);
            return found && decodeValue(found);
          },
          textIs: (scene, wanted) => find(scene)?.stringIs(wanted) ?? false,
          textRange: (scene) => range.ofValue(find(scene)),
          isNil: (scene) => comparesAsNil(find(scene)),
          wire: (scene) => {
            const own = listed.in(place, scene);
            if (own) return listed.wire(own);
            const found = list(scene).find(key)?.value;
            return isNil(found) ? undefined : found;
          },
          setWire(scene, { buf, start, end }) {
            const field = fieldOf(scene);
            const own = listed.in(place, scene);
            if (own) {
              listed.put(own, scene.overlay.bench.field(field, key, buf, start, end));
              return;
            }
            const pair = pairs.writeWire(field, key, buf, start, end);
            const all = list(scene);
            write(scene, field, all.find(key), all.at, pair);
          },
          set(scene, value) {
            const own = listed.in(place, scene);
            if (own) listed.set(own, fieldOf(scene), value);
            else put(scene, key, first.text, value, pairs);
          },
        };
      }
      const nameOf = mapKey(first);
      const pairs = new PairWriter();
      return {
        get(scene) {
          const found = list(scene).find(Buffer.from(nameOf(scene)));
          return found && indexed(scene, decodeValue(found.value), rest);
        },
        set(scene, value) {
          if (value === undefined) return;
          const name = nameOf(scene);
          const key = Buffer.from(name);
          const found = list(scene).find(key);
          put(scene, key, name, withKeys(scene, found && decodeValue(found.value), rest, value), pairs);
        },
      };
    },
  };
}

/** An attribute by its key, in the list of a record under change. */
class ListedAttribute {
  readonly #name: string;
  readonly #key = new KeyBytes();
  #id = -1;
  readonly #view = new AnyValue();
  readonly #out = new Writer(64);
  /** What was set last: most often it is the same again. */
  #value: Value;
  #made: KeptField | undefined;
  #field = 0;

  constructor(name: string) {
    this.#name = name;
  }

  /** The list of the record under change, if `place` is that one. */
  in(place: Place, scene: Scene): AttributeList | undefined {
    this.#id = this.#key.numberIn(scene.overlay, this.#name);
    return this.#id < 0 ? undefined : place.attributes(scene);
  }

  /** Good until it is asked again. */
  find(list: AttributeList): AnyValue | undefined {
    const at = list.at(this.#id);
    if (at < 0) return undefined;
    const { buf, start, end } = list.value(at);
    return this.#view.reset(buf, start, end);
  }

  /** Where its value lies; undefined where it is nil. */
  wire(list: AttributeList): Range | undefined {
    const at = list.at(this.#id);
    if (at < 0) return undefined;
    const value = list.value(at);
    if (plainTextStart(value.buf, value.start, value.end) >= 0) return value;
    const view = this.#view.reset(value.buf, value.start, value.end);
    return isNil(view) ? undefined : view;
  }

  set(list: AttributeList, field: number, value: Value): void {
    if (value === undefined) return;
    if (this.#made && this.#field === field && Object.is(this.#value, value)) {
      this.put(list, this.#made.here);
      return;
    }
    const storable = isStorable(value);
    // As upstream: a key that was not there is, once somebody failed to set it.
    if (!storable && list.at(this.#id) >= 0) refuseStoring(value);
    this.#out.clear();
    writeAny(this.#out, 1, storable ? value : undefined);
    const { buffer, length } = this.#out;
    const made = encodeField(field, this.#key.of(this.#name), buffer, shortVarintEnd(buffer, 1, length), length);
    this.put(list, made);
    if (!storable) refuseStoring(value);
    this.#made = new KeptField(made);
    this.#field = field;
    this.#value = value;
  }

  /** The same value again is no change. */
  put(list: AttributeList, made: EncodedField): void {
    const at = list.at(this.#id);
    if (at < 0) list.add(made, this.#id);
    else if (!list.hasValue(at, made)) list.replace(at, made);
  }
}

/** A value of any type in `field` of a message: a log's body. */
export function anyValue(place: Place, view: (scene: Scene) => AnyValue, field: number): Keyed {
  const put = (scene: Scene, value: Value) => {
    if (!isStorable(value)) refuseStoring(value);
    place.replace(
      scene,
      field,
      scene.write((out) => writeAny(out, field, value)),
    );
  };
  const indexable = (scene: Scene) => {
    const body = decodeValue(view(scene));
    if (body instanceof ValueMap || Array.isArray(body)) return body;
    fail(`log bodies of type ${typeName(body)} cannot be indexed`);
  };
  const range = new TextRange();
  return {
    whole: {
      get: (scene) => decodeValue(view(scene)),
      textIs: (scene, wanted) => view(scene).stringIs(wanted),
      textRange: (scene) => range.ofValue(view(scene)),
      isNil: (scene) => comparesAsNil(view(scene)),
      set: (scene, value) => {
        if (value !== undefined) put(scene, value);
      },
    },
    by: (keys) => ({
      get: (scene) => indexed(scene, indexable(scene), keys),
      set: (scene, value) => {
        if (value !== undefined) put(scene, withKeys(scene, indexable(scene), keys, value));
      },
    }),
  };
}

/** What statements keep from one to the next. */
export const cache: Keyed = {
  whole: {
    get: (scene) => scene.cache,
    set(scene, value) {
      if (value === undefined) return;
      if (!(value instanceof ValueMap)) fail(`expected a map, got ${typeName(value)}`);
      scene.cache = detached(value) as ValueMap;
    },
  },
  by: (keys) => ({
    get: (scene) => indexed(scene, scene.cache, keys),
    set(scene, value) {
      if (value === undefined) return;
      if (!isStorable(value)) refuseStoring(value);
      scene.cache = withKeys(scene, scene.cache, keys, detached(value)) as ValueMap;
    },
  }),
};

/** Follows keys into maps and lists; nil where a map has no such key. */
function indexed(scene: Scene, value: Value, keys: readonly Key[]): Value {
  let at = value;
  for (const key of keys) {
    if (at instanceof ValueMap) {
      const name = mapKey(key)(scene);
      if (!at.has(name)) return undefined;
      at = at.get(name);
    } else if (Array.isArray(at)) at = at[listIndex(scene, key, at.length)];
    else fail(`${typeName(at)} cannot be indexed`);
  }
  return at;
}

/** The same for what a converter returned, where a missing key is an error. */
export function indexedResult(scene: Scene, value: Value, keys: readonly Key[]): Value {
  let at = value;
  for (const key of keys) {
    const by = key.kind === 'text' ? key.text : key.kind === 'index' ? BigInt(key.index) : key.get(scene);
    if (typeof by === 'string') {
      if (!(at instanceof ValueMap)) fail(`${typeName(at)} cannot be indexed by a string`);
      if (!at.has(by)) fail(`the map has no key ${JSON.stringify(by)}`);
      at = at.get(by);
    } else if (typeof by === 'bigint') {
      if (at instanceof Uint8Array) at = [...at].map(BigInt);
      if (!Array.isArray(at)) fail(`${typeName(at)} cannot be indexed by an int`);
      if (by < 0n || by >= at.length) fail(`index ${by} is out of bounds`);
      at = at[Number(by)];
    } else fail(`expected a string or an int as key, got ${typeName(by)}`);
  }
  return at;
}

/** `value` with what lies under `keys` set; maps and lists are made where there was nothing. */
function withKeys(scene: Scene, value: Value, keys: readonly Key[], wanted: Value): Value {
  const [key, ...rest] = keys;
  if (!key) return wanted;
  if (value instanceof ValueMap) {
    const name = mapKey(key)(scene);
    return value.with(name, withKeys(scene, value.get(name), rest, wanted));
  }
  if (Array.isArray(value)) {
    const index = listIndex(scene, key, value.length);
    return value.with(index, withKeys(scene, value[index], rest, wanted));
  }
  if (value !== undefined) fail(`${typeName(value)} cannot be indexed`);
  const by = key.kind === 'text' ? key.text : key.kind === 'index' ? BigInt(key.index) : key.get(scene);
  if (typeof by === 'string') return ValueMap.of([[by, withKeys(scene, undefined, rest, wanted)]]);
  if (typeof by !== 'bigint') fail(`expected a string or an int as key, got ${typeName(by)}`);
  if (by > MAX_NEW_LIST) fail(`index ${by} would make a list of that length: expected at most ${MAX_NEW_LIST}`);
  const list: Value[] = new Array(by < 0n ? 1 : Number(by) + 1).fill(undefined);
  return list.with(-1, withKeys(scene, undefined, rest, wanted));
}

/** A list that is made to hold an index gets no longer than this. */
const MAX_NEW_LIST = 10_000n;

function mapKey(key: Key): (scene: Scene) => string {
  if (key.kind === 'text') return () => key.text;
  return (scene) => {
    const name = key.kind === 'computed' ? key.get(scene) : BigInt(key.index);
    return typeof name === 'string' ? name : fail(`expected a string as key of a map, got ${typeName(name)}`);
  };
}

function listIndex(scene: Scene, key: Key, length: number): number {
  const index = key.kind === 'index' ? BigInt(key.index) : key.kind === 'computed' ? key.get(scene) : key.text;
  if (typeof index !== 'bigint') fail(`expected an int as index of a list, got ${typeName(index)}`);
  if (index < 0n || index >= length) fail(`index ${index} is out of bounds`);
  return Number(index);
}
