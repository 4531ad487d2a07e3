import { type Value, ValueMap } from '../values.ts';
import { mapFrom } from './collections.ts';

/** `{"a": {"b": [1]}}` becomes `{"a.b.0": 1}`. @param depth levels that are unfolded @param resolve keeps both of equal keys */
export function flatten(map: ValueMap, prefix: string, depth: number, resolve: boolean): ValueMap {
  const out = new Map<string, Value>();
  const clashes = new Map<string, number>();
  const put = (key: string, value: Value, plainKey: string) => {
    if (!resolve) out.set(key, value);
    else if (!out.has(plainKey)) {
      clashes.set(plainKey, 0);
      out.set(plainKey, value);
    } else {
      const count = clashes.get(plainKey) ?? 0;
      clashes.set(plainKey, count + 1);
      out.set(`${plainKey}.${count}`, value);
    }
  };
  const ofMap = (inner: ValueMap, name: string, level: number): void => {
    const before = name === '' ? '' : `${name}.`;
    for (const pair of inner.pairs) ofValue(before + pair.key, pair.value, level);
  };
  const ofValue = (key: string, value: Value, level: number): void => {
    if (value instanceof ValueMap && level < depth) ofMap(value, key, level + 1);
    else if (Array.isArray(value) && level < depth) {
      for (const [index, element] of value.entries()) {
        const name = `${key}.${index}`;
        if (element instanceof ValueMap && level + 1 < depth) ofMap(element, name, level + 2);
        else if (Array.isArray(element) && level + 1 < depth) ofList(element, name, level + 2);
        else put(name, element, key);
      }
    } else put(key, value, key);
  };
  // Upstream names the members of a list inside a list by their number alone, with the list's name in front unseparated.
  const ofList = (list: readonly Value[], name: string, level: number): void => {
    for (const [index, element] of list.entries()) ofValue(name + index, element, level + 1);
  };
  ofMap(map, prefix, 0);
  return mapFrom(out);
}
