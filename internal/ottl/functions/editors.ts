import { define, type FunctionTable } from '../args.ts';
import { asString } from '../text.ts';
import { fail, Pair, type Value, ValueMap } from '../values.ts';
import { flatten } from './flatten.ts';
import { mapTarget } from './map_target.ts';
import { replaceEditors } from './replace.ts';
import { regexFrom } from './strings.ts';

/** The functions that change records. */
export const editors: FunctionTable = {
  set: define('target, value', (args) => {
    const target = args.target('target');
    const value = args.any('value');
    const { setWire } = target;
    const wire = args.accessor('value')?.wire;
    if (setWire && wire) {
      return (scene) => {
        const wanted = wire(scene);
        if (wanted) setWire(scene, wanted);
        return undefined;
      };
    }
    return (scene) => {
      const wanted = value(scene);
      if (wanted !== undefined) target.set(scene, wanted);
      return undefined;
    };
  }),
  delete_key: define('target, key', (args) => {
    const { remove } = args.target('target');
    const key = args.text('key');
    if (remove) {
      return (scene) => {
        remove(scene, key(scene));
        return undefined;
      };
    }
    return mapTarget(args, (scene) => {
      const cut = key(scene);
      return (map) =>
        removed(map, (pair, index) => pair.key === cut && map.pairs.findIndex((one) => one.key === cut) === index);
    });
  }),
  delete_matching_keys: define('target, pattern', (args) => {
    const pattern = regexFrom(args, 'pattern');
    return mapTarget(args, (scene) => {
      const regex = pattern(scene);
      return (map) => removed(map, (pair) => regex.test(pair.key));
    });
  }),
  keep_matching_keys: define('target, pattern', (args) => {
    const pattern = regexFrom(args, 'pattern');
    return mapTarget(args, (scene) => {
      const regex = pattern(scene);
      return (map) => removed(map, (pair) => !regex.test(pair.key));
    });
  }),
  keep_keys: define('target, keys', (args) => {
    const keys = args.texts('keys');
    return mapTarget(args, (scene) => {
      const kept = new Set(keys.map((get) => get(scene)));
      return (map) => removed(map, (pair) => !kept.has(pair.key));
    });
  }),
  limit: define('target, limit, priority_keys', (args) => {
    const limit = Number(args.literalInt('limit'));
    const first = args.literalTexts('priority_keys')!;
    if (limit < 0) args.refuse('limit', 'expected 0 or more');
    if (limit < first.length) args.refuse('limit', `expected at least ${first.length}, the number of priority keys`);
    return mapTarget(args, () => (map) => {
      if (map.pairs.length <= limit) return map;
      let count = first.filter((key) => map.has(key)).length;
      return removed(map, (pair) => !first.includes(pair.key) && ++count > limit);
    });
  }),
  truncate_all: define('target, limit, utf8_safe?', (args) => {
    const limit = Number(args.literalInt('limit'));
    const safe = args.literalBool('utf8_safe') ?? true;
    if (limit < 0) args.refuse('limit', 'expected 0 or more');
    return mapTarget(args, () => (map) => mapped(map, (value) => truncated(value, limit, safe)));
  }),
  stringify_all: define('target', (args) =>
    mapTarget(args, () => (map) => mapped(map, (value) => (typeof value === 'string' ? value : asString(value)))),
  ),
  flatten: define('target, prefix?, depth?, resolve_conflicts?', (args) => {
    const depth = Number(args.literalInt('depth') ?? Number.MAX_SAFE_INTEGER);
    if (depth < 1) args.refuse('depth', 'expected 1 or more');
    const prefix = args.literalText('prefix') ?? '';
    const resolve = args.literalBool('resolve_conflicts') ?? false;
    return mapTarget(args, () => (map) => flatten(map, prefix, depth, resolve));
  }),
  merge_maps: define('target, source, strategy', (args) => {
    const source = args.map('source');
    const strategy = args.literalText('strategy')!;
    if (!['insert', 'update', 'upsert'].includes(strategy))
      args.refuse('strategy', 'expected "insert", "update" or "upsert"');
    return mapTarget(args, (scene) => (map) => merged(map, source(scene), strategy));
  }),
  append: define('target, value?, values?', (args) => {
    const target = args.target('target');
    if (!args.has('value') && !args.has('values')) args.refuse('target', 'expected a value or values to append');
    const value = args.has('value') ? args.any('value') : undefined;
    const values = args.has('values') ? args.listOf('values', (one) => one) : [];
    return (scene) => {
      const before = target.get(scene);
      if (before instanceof ValueMap) fail('expected a list or a value, got a map');
      const list: Value[] = before === undefined ? [] : Array.isArray(before) ? before.map(withoutRepeats) : [before];
      if (value) list.push(value(scene));
      for (const get of values) list.push(get(scene));
      target.set(scene, list);
      return undefined;
    };
  }),
  delete_index: define('target, start_index, end_index?', (args) => {
    const target = args.target('target');
    const list = args.list('target');
    const start = args.int('start_index');
    const end = args.has('end_index') ? args.int('end_index') : undefined;
    return (scene) => {
      const before = list(scene);
      const from = Number(start(scene));
      const to = end ? Number(end(scene)) : from + 1;
      const all = from === 0 && to === before.length;
      if (!all && (from < 0 || from >= before.length))
        fail(`start_index ${from} is out of bounds: the list has ${before.length} values`);
      if (to < from || to > before.length)
        fail(`end_index ${to} is out of bounds: expected ${from} to ${before.length}`);
      target.set(scene, before.toSpliced(from, to - from));
      return undefined;
    };
  }),
  ...replaceEditors,
};

/** Without the pairs that `cut` names; the same map where it names none. */
function removed(map: ValueMap, cut: (pair: Pair, index: number) => boolean): ValueMap {
  const kept = map.pairs.filter((pair, index) => !cut(pair, index));
  return kept.length === map.pairs.length ? map : new ValueMap(kept);
}

/** Each value replaced by what `change` makes of it; pairs that it leaves alone stay as they came. */
export function mapped(map: ValueMap, change: (value: Value) => Value): ValueMap {
  let same = true;
  const pairs = map.pairs.map((pair) => {
    const value = change(pair.value);
    if (value === pair.value) return pair;
    same = false;
    return new Pair(pair.key, value);
  });
  return same ? map : new ValueMap(pairs);
}

function truncated(value: Value, limit: number, safe: boolean): Value {
  if (typeof value !== 'string' || (value.length <= limit && Buffer.byteLength(value) <= limit)) return value;
  const bytes = Buffer.from(value);
  let end = limit;
  if (safe) while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}

function merged(map: ValueMap, source: ValueMap, strategy: string): ValueMap {
  const values = new Map(source.pairs.map((pair) => [pair.key, pair.value]));
  const pairs = map.pairs.map((pair) => {
    if (!values.has(pair.key)) return pair;
    const value = values.get(pair.key);
    values.delete(pair.key);
    return strategy === 'insert' ? pair : new Pair(pair.key, value);
  });
  if (strategy !== 'update') for (const [key, value] of values) pairs.push(new Pair(key, value));
  return new ValueMap(pairs);
}

/** Of several pairs with one key the last, in every map: what is left of a value that Go held as a map of its own. */
function withoutRepeats(value: Value): Value {
  if (Array.isArray(value)) return value.map(withoutRepeats);
  if (!(value instanceof ValueMap)) return value;
  return ValueMap.of(new Map(value.pairs.map((pair) => [pair.key, withoutRepeats(pair.value)])));
}
