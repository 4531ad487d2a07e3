import type { Place } from '../../internal/detection/detection.ts';
import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import type { AttributeList, EncodedField } from '../../internal/otlp/attributes/list.ts';
import { Writer } from '../../internal/otlp/writer.ts';

/** Field number of Resource.attributes. */
export const resourceAttributes = 1;
/** Field number of schema_url in ResourceSpans, ResourceMetrics and ResourceLogs. */
const schemaUrlField = 3;

interface EncodedFact {
  readonly key: Uint8Array;
  readonly field: EncodedField;
}

/** What was detected, as bytes that are spliced in. */
export interface Encoded {
  readonly facts: readonly EncodedFact[];
  /** The whole field `schema_url`. */
  readonly schemaUrl: Uint8Array | undefined;
}

export const nothing: Encoded = { facts: [], schemaUrl: undefined };

export function encodePlace({ attributes, schemaUrl }: Place): Encoded {
  const facts = [...attributes].map(([name, value]) => {
    const key = Buffer.from(name);
    return { key, field: encodeField(resourceAttributes, key, encodeValue(value)) };
  });
  if (facts.length === 0 && schemaUrl === '') return nothing;
  const writer = new Writer(64);
  writer.string(schemaUrlField, schemaUrl);
  return { facts, schemaUrl: schemaUrl === '' ? undefined : writer.finish() };
}

/** @param override what is there already is replaced, where it says something else */
export function writePlace({ facts }: Encoded, list: AttributeList, override: boolean): void {
  for (const { key, field } of facts) {
    const index = list.find(key);
    if (index < 0) list.add(field);
    else if (override && !list.hasValue(index, field)) list.replace(index, field);
  }
}
