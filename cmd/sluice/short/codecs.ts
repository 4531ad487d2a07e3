import type { ListNode, Node, ScalarNode } from '../../../internal/config/tree.ts';
import { durationOf, durationText } from './frame.ts';
import { type Codec, type Reading, said } from './reading.ts';
import { type Fields, isFields, type Value } from './values.ts';

/** A scalar as it was written: YAML's own number has lost `1.0` and what lies beyond 2^53. */
function written({ at, length }: ScalarNode): string {
  return at.source.text.slice(at.offset, at.offset + length);
}

function numberOf(node: ScalarNode): bigint | number {
  const text = written(node);
  if (/^[-+]?\d+$/.test(text)) return BigInt(text.replace('+', ''));
  const value = Number(node.value);
  return /^0[xo]/i.test(text) && Number.isInteger(value) ? BigInt(value) : value;
}

/** An attribute's value or a body, typed as YAML types it. */
export const any: Codec = {
  read(node, at) {
    const matcher = at.matcher(node);
    if (matcher) return matcher;
    if (node.kind === 'list') {
      return items(node, any, at);
    }
    if (node.kind === 'map') return bytesOf(node, at) ?? attributes.read(node, at);
    if (typeof node.value !== 'number') return node.value;
    const value = numberOf(node);
    if (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value)
      return at.wrong(node, `expected an integer of 64 bits, got ${value}`);
    return value;
  },
  toJson(value, frame) {
    if (value === null) return {};
    if (typeof value === 'string') return { stringValue: value };
    if (typeof value === 'boolean') return { boolValue: value };
    if (typeof value === 'bigint') return { intValue: String(value) };
    if (typeof value === 'number') return { doubleValue: doubleJson(value) };
    if (value instanceof Uint8Array) return { bytesValue: Buffer.from(value).toString('base64') };
    if (isFields(value)) return { kvlistValue: { values: attributes.toJson(value, frame) } };
    return { arrayValue: { values: (value as readonly Value[]).map((one) => any.toJson(one, frame)) } };
  },
  fromJson(json = {}, frame) {
    if ('stringValue' in json) return json.stringValue;
    if ('boolValue' in json) return json.boolValue;
    if ('intValue' in json) return BigInt(json.intValue);
    if ('doubleValue' in json) return Number(json.doubleValue);
    if ('bytesValue' in json) return Buffer.from(json.bytesValue, 'base64');
    if ('kvlistValue' in json) return attributes.fromJson(json.kvlistValue.values, frame);
    if ('arrayValue' in json) return (json.arrayValue.values ?? []).map((one: unknown) => any.fromJson(one, frame));
    return null;
  },
};

function items(list: ListNode, codec: Codec, at: Reading): Value[] {
  return list.items.map((item, i) => codec.read(item, at.in(i))).filter((value) => value !== undefined);
}

function bytesOf(node: Extract<Node, { kind: 'map' }>, at: Reading): Uint8Array | undefined {
  const entry = node.entries.size === 1 ? node.entries.get('$bytes') : undefined;
  if (!entry) return undefined;
  return Buffer.from(at.in('$bytes').text(entry.value, 'bytes in base64') ?? '', 'base64');
}

/** JSON.stringify would write what is no number as null, and -0 as 0. */
function doubleJson(value: number): number | string {
  if (Object.is(value, -0)) return '-0';
  return Number.isFinite(value) ? value : String(value);
}

export const attributes: Codec = {
  read(node, at) {
    if (node.kind === 'scalar' && node.value === null) return new Map();
    const map = at.map(node, 'a map of attributes');
    if (!map) return undefined;
    const fields = new Map<string, Value>();
    for (const [key, { value }] of map.entries) {
      const one = any.read(value, at.in(key));
      if (one !== undefined) fields.set(key, one);
    }
    return fields;
  },
  toJson: (value, frame) => [...(value as Fields)].map(([key, one]) => ({ key, value: any.toJson(one, frame) })),
  fromJson: (json = [], frame) =>
    new Map(json.map(({ key = '', value }: any) => [key, any.fromJson(value, frame)] as const)),
};

/** An attribute that stands twice would be hidden by the map. */
export function twice(json: readonly { readonly key?: string }[] = []): string[] {
  const keys = json.map(({ key = '' }) => key);
  return keys.filter((key, i) => keys.indexOf(key) < i);
}

/** Wraps a codec so that a matcher may stand in its place. */
export function matching(codec: Codec): Codec {
  return { ...codec, read: (node, at) => at.matcher(node) ?? codec.read(node, at) };
}

export const text = matching({
  read: (node, at) => at.text(node, 'text'),
  toJson: (value) => value,
  fromJson: (json = '') => json,
});

export const boolean = matching({
  read: (node, at) =>
    node.kind === 'scalar' && typeof node.value === 'boolean'
      ? node.value
      : at.wrong(node, `expected true or false, got ${said(node)}`),
  toJson: (value) => value,
  fromJson: (json = false) => json,
});

const asInteger: Codec = {
  read(node, at) {
    const value = node.kind === 'scalar' && typeof node.value === 'number' ? numberOf(node) : undefined;
    return typeof value === 'bigint' ? value : at.wrong(node, `expected an integer, got ${said(node)}`);
  },
  toJson: String,
  fromJson: (json = 0) => BigInt(json),
};
export const integer = matching(asInteger);

const asDouble: Codec = {
  read: (node, at) =>
    node.kind === 'scalar' && typeof node.value === 'number'
      ? node.value
      : at.wrong(node, `expected a number, got ${said(node)}`),
  toJson: (value) => doubleJson(value as number),
  fromJson: (json = 0) => Number(json),
};
export const double = matching(asDouble);

/** Absent where the record has none. */
export function optional(codec: Codec): Codec {
  return { ...codec, fromJson: (json, frame) => (json === undefined ? undefined : codec.fromJson(json, frame)) };
}

export const time = matching({
  read(node, at) {
    const said = node.kind === 'scalar' ? String(node.value) : '';
    const nanos = said === 'unset' ? undefined : at.frame.timeOf(said);
    if (nanos !== undefined) return at.frame.timeText(nanos);
    if (said === 'unset') return said;
    return at.wrong(node, `expected a time such as 20ms (after the start) or 2024-01-01T00:00:00Z, got "${said}"`);
  },
  toJson: (value, frame) => (value === 'unset' ? '0' : String(frame.timeOf(value as string))),
  fromJson: (json, frame) => (json === undefined || json === '0' ? 'unset' : frame.timeText(BigInt(json))),
});

export const duration = matching({
  read(node, at) {
    const nanos = node.kind === 'scalar' ? durationOf(String(node.value)) : undefined;
    return nanos === undefined ? at.wrong(node, 'expected a duration such as 20ms') : durationText(nanos);
  },
  toJson: String,
  fromJson: (json) => json,
});

/** A trace or span by a name, a number, or its hex digits. */
export function id(kind: 'trace' | 'span'): Codec {
  return matching({
    read(node, at) {
      const value = node.kind === 'scalar' ? node.value : null;
      if (typeof value === 'string' || typeof value === 'number') return value === '' ? 'unset' : String(value);
      return at.wrong(node, `expected a name for the ${kind}, or its id in hex, got ${said(node)}`);
    },
    toJson: (value, frame) => (value === 'unset' ? '' : frame.id(kind, value as string)),
    fromJson: (json, frame) => (json ? frame.nameOf(json) : 'unset'),
  });
}

/** One of a few words; a number that none has stays a number. */
export function word(names: readonly string[]): Codec {
  return matching({
    read(node, at) {
      const value = node.kind === 'scalar' ? node.value : null;
      if (typeof value === 'number' && Number.isInteger(value)) return names[value] ?? BigInt(value);
      const said = String(value).toLowerCase();
      const name = names.find((one) => said === one) ?? names.find((one) => said.endsWith(`_${one}`));
      return name ?? at.wrong(node, `expected one of ${names.join(', ')}, got ${JSON.stringify(value)}`);
    },
    toJson: (value) => (typeof value === 'bigint' ? Number(value) : names.indexOf(value as string)),
    fromJson: (json = 0) => names[json] ?? BigInt(json),
  });
}

export function listOf(codec: Codec): Codec {
  return matching({
    read(node, at) {
      const list = at.list(node, 'a list');
      return list && items(list, codec, at);
    },
    toJson: (value, frame) => (value as readonly Value[]).map((one) => codec.toJson(one, frame)),
    fromJson: (json = [], frame) => json.map((one: unknown) => codec.fromJson(one, frame)),
    lean: (value) => (Array.isArray(value) ? value.map((one: Value) => codec.lean?.(one) ?? one) : value),
  });
}
