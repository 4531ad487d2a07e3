import type { Node } from '../../../internal/config/tree.ts';
import { matching } from './codecs.ts';
import { type Frame, own } from './frame.ts';
import type { Codec, Reading } from './reading.ts';
import { equal, type Fields, isFields, Matcher, type Value } from './values.ts';

export interface Field {
  /** Its name in OTLP/JSON. */
  readonly json: string;
  readonly codec: Codec;
  /** What it has where nothing is said; without one it is left out. */
  readonly byDefault?: Value;
}

/** The fields of a record by their name in the short form. */
export type Spec = Readonly<Record<string, Field>>;

export function field(json: string, codec: Codec, byDefault?: Value): Field {
  return byDefault === undefined ? { json, codec } : { json, codec, byDefault };
}

const anything = new Matcher('any');

export function readRecord(spec: Spec, node: Node, at: Reading, wanted = 'a map'): Fields | undefined {
  const map = at.map(node, wanted);
  if (!map) return undefined;
  const fields = new Map<string, Value>();
  for (const [key, entry] of map.entries) {
    if (!Object.hasOwn(spec, key)) {
      at.unknown(key, entry, Object.keys(spec));
      continue;
    }
    const value = spec[key]!.codec.read(entry.value, at.in(key));
    if (value !== undefined) fields.set(key, value);
  }
  return at.mode === 'subset' || at.mode === 'part' ? fields : filled(spec, fields, at);
}

function filled(spec: Spec, said: Fields, at: Reading): Fields {
  const fields = new Map<string, Value>();
  for (const [key, { byDefault }] of Object.entries(spec)) {
    let value = said.has(key) ? said.get(key) : byDefault;
    if (value === own) value = at.mode === 'exact' ? anything : at.frame.ownName();
    if (value !== undefined) fields.set(key, value);
  }
  return fields;
}

export function recordToJson(spec: Spec, fields: Fields, frame: Frame): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const [key, value] of fields) {
    const known = spec[key];
    if (known) json[known.json] = known.codec.toJson(value, frame);
  }
  return json;
}

export function recordFromJson(spec: Spec, json: Readonly<Record<string, unknown>>, frame: Frame): Fields {
  const fields = new Map<string, Value>();
  for (const [key, { json: name, codec }] of Object.entries(spec)) {
    const value = codec.fromJson(json[name], frame);
    if (value !== undefined) fields.set(key, value);
  }
  return fields;
}

/** A record inside another. */
export function nested(spec: Spec): Codec {
  return matching({
    read: (node, at) => readRecord(spec, node, at),
    toJson: (value, frame) => recordToJson(spec, value as Fields, frame),
    fromJson: (json = {}, frame) => recordFromJson(spec, json, frame),
    lean: (value) => (isFields(value) ? worthShowing(spec, value) : value),
  });
}

/** What is worth showing: fields that have not their default value. */
export function worthShowing(spec: Spec, fields: Fields): Fields {
  const shown = [...fields].filter(([key, value]) => !isDefault(spec[key], value));
  return new Map(shown.map(([key, value]) => [key, spec[key]?.codec.lean?.(value) ?? value]));
}

function isDefault(known: Field | undefined, value: Value): boolean {
  if (known?.byDefault !== undefined && equal(value, known.byDefault)) return true;
  if (known?.byDefault === own) return typeof value === 'string' && value.startsWith(own);
  if (known?.byDefault === undefined) return value === '' || value === 0n || value === 'unset';
  return isFields(value) && value.size === 0;
}
