import { encodeField, encodeValue } from '../../internal/attributes/encode.ts';
import type { AttributeList, EncodedField } from '../../internal/attributes/list.ts';
import type { Place } from '../../internal/detection/detection.ts';
import { Writer } from '../../internal/otlp/writer.ts';

/** Field number of Resource.attributes. */
export const resourceAttributes = 1;
/** Field number of schema_url in ResourceSpans, ResourceMetrics and ResourceLogs. */
const schemaUrlField = 3;

/** What was detected, as bytes that are spliced in. */
export interface Encoded {
  readonly fields: readonly EncodedField[];
  /** The whole field `schema_url`. */
  readonly schemaUrl: Uint8Array | undefined;
}

export const nothing: Encoded = { fields: [], schemaUrl: undefined };

export function encodePlace({ attributes, schemaUrl }: Place): Encoded {
  const fields = [...attributes].map(([name, value]) => {
    return encodeField(resourceAttributes, Buffer.from(name), encodeValue(value));
  });
  if (fields.length === 0 && schemaUrl === '') return nothing;
  const writer = new Writer(64);
  writer.string(schemaUrlField, schemaUrl);
  return { fields, schemaUrl: schemaUrl === '' ? undefined : writer.finish() };
}

/** @param override what is there already is replaced, where it says something else */
export function writePlace({ fields }: Encoded, list: AttributeList, override: boolean): void {
  for (const field of fields) {
    const { bytes, keyFrom, keyTo } = field;
    const index = list.find(bytes.subarray(keyFrom, keyTo));
    if (index < 0) list.add(field);
    else if (override && !hasValue(list, index, field)) list.replace(index, field);
  }
}

function hasValue(list: AttributeList, index: number, { bytes, valueFrom, valueTo }: EncodedField): boolean {
  const { buf, start, end } = list.value(index);
  return (
    end - start === valueTo - valueFrom &&
    Buffer.compare(buf.subarray(start, end), bytes.subarray(valueFrom, valueTo)) === 0
  );
}
