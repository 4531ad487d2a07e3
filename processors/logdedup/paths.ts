import type { Plain, PlainPairs } from '../../internal/otlp/view/value.ts';

/** `attributes.src.ip` in its parts; `\.` is a dot in a key. */
export function splitPath(path: string): string[] {
  return path.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'));
}

function isPairs(value: Plain): value is PlainPairs {
  return typeof value === 'object' && 'pairs' in value;
}

/** The value at the end of the keys; undefined where there is none. */
export function valueAt(value: Plain, keys: readonly string[]): Plain {
  let at = value;
  for (const key of keys) {
    if (!isPairs(at)) return undefined;
    at = at.pairs.find(([name]) => name === key)?.[1];
  }
  return at;
}

/** The value without what stands at the end of the keys: itself where there is nothing. */
export function without(value: Plain, keys: readonly string[]): Plain {
  const [key, ...deeper] = keys;
  if (!isPairs(value) || !value.pairs.some(([name]) => name === key)) return value;
  if (deeper.length === 0) return { pairs: value.pairs.filter(([name]) => name !== key) };
  return { pairs: value.pairs.map(([name, each]) => [name, name === key ? without(each, deeper) : each] as const) };
}
