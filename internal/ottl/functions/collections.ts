import { define, type FunctionTable } from '../args.ts';
import { compareText } from '../compare.ts';
import { asString } from '../text.ts';
import { fail, Pair, typeName, type Value, ValueMap } from '../values.ts';

/** Converters of maps and lists. */
export const collectionConverters: FunctionTable = {
  Keys: define('target', (args) => {
    const target = args.map('target');
    return (scene) => target(scene).pairs.map((pair) => pair.key);
  }),
  Values: define('target', (args) => {
    const target = args.map('target');
    return (scene) => target(scene).pairs.map((pair) => pair.value);
  }),
  SliceToMap: define('target, key_path?, value_path?', (args) => {
    const target = args.list('target');
    const keyPath = args.literalTexts('key_path');
    const valuePath = args.literalTexts('value_path');
    return (scene) => {
      const pairs = target(scene).map((element, index) => {
        if ((keyPath || valuePath) && !(element instanceof ValueMap)) {
          fail(`element ${index} is ${typeName(element)}: expected a map, because of key_path or value_path`);
        }
        const key = keyPath ? follow(element, keyPath) : String(index);
        if (typeof key !== 'string') fail(`the key of element ${index} is ${typeName(key)}: expected string`);
        return [key, valuePath ? follow(element, valuePath) : element] as const;
      });
      return ValueMap.of(new Map(pairs));
    };
  }),
  Sort: define('target, order?', (args) => {
    const target = args.list('target');
    const order = args.literalText('order') ?? 'asc';
    if (order !== 'asc' && order !== 'desc') args.refuse('order', 'expected "asc" or "desc"');
    return (scene) => sorted(target(scene), order === 'asc' ? 1 : -1);
  }),
  ToKeyValueString: define('target, delimiter?, pair_delimiter?, sort_output?', (args) => {
    const target = args.map('target');
    const [delimiter, between] = delimiters(
      args.literalText('delimiter'),
      args.literalText('pair_delimiter'),
      (name, why) => args.refuse(name, why),
    );
    const sort = args.literalBool('sort_output') ?? false;
    const quoted = (text: string) => {
      const escaped = text.replaceAll('"', '\\"');
      return escaped.includes(between) || escaped.includes(delimiter) ? `"${escaped}"` : escaped;
    };
    return (scene) => {
      const pairs = [...target(scene).pairs];
      if (sort) pairs.sort((a, b) => compareText(a.key, b.key));
      return pairs.map((pair) => quoted(pair.key) + delimiter + quoted(asString(pair.value))).join(between);
    };
  }),
};

/** What stands between key and value, and between pairs. */
export function delimiters(
  delimiter = '=',
  between = ' ',
  refuse: (name: string, why: string) => never,
): readonly [string, string] {
  if (delimiter === '') refuse('delimiter', 'expected at least one character');
  if (between === '') refuse('pair_delimiter', 'expected at least one character');
  if (delimiter === between) refuse('pair_delimiter', 'expected something else than the delimiter');
  return [delimiter, between];
}

function follow(element: Value, path: readonly string[]): Value {
  if (path.length === 0) fail('expected a path of at least one key');
  let at = element;
  for (const key of path) {
    if (!(at instanceof ValueMap) || !at.has(key)) fail(`an element has no ${path.join('.')}`);
    at = at.get(key);
  }
  return at;
}

/** Numbers by size, all else by its text; lists with bytes, maps or lists in them stay as they are. */
function sorted(list: readonly Value[], direction: 1 | -1): readonly Value[] {
  if (list.some((value) => typeof value === 'object')) return list;
  if (list.every((value) => typeof value === 'bigint')) {
    return list.toSorted(
      (a, b) => direction * ((a as bigint) < (b as bigint) ? -1 : (a as bigint) > (b as bigint) ? 1 : 0),
    );
  }
  if (list.every((value) => typeof value === 'bigint' || typeof value === 'number')) {
    return list.toSorted((a, b) => direction * (Number(a) - Number(b)));
  }
  // Boxed, since JavaScript puts undefined last whatever it is asked to compare.
  const boxes = list.map((value) => ({ value, text: asString(value) }));
  return boxes.sort((a, b) => direction * compareText(a.text, b.text)).map(({ value }) => value);
}

/** A map out of what was parsed, the last of equal keys. */
export function mapFrom(entries: Iterable<readonly [string, Value]>): ValueMap {
  return new ValueMap([...new Map(entries)].map(([key, value]) => new Pair(key, value)));
}
