import type { AnyValue, Plain } from '../../internal/otlp/view/value.ts';

/** The bytes that upstream hashes of an attribute: those of a bytes value, else the UTF-8 of its text. */
export function bytesOf(value: AnyValue): Uint8Array {
  if (value.kind === 'bytes') return value.bytesValue;
  const plain = value.plain();
  if (plain === undefined) return Buffer.alloc(0);
  if (typeof plain === 'object') return Buffer.from(jsonOf(plain));
  return Buffer.from(Object.is(plain, -0) ? '-0' : String(plain));
}

/** As Go's encoding/json writes it: keys sorted, of several the last, bytes in base64. */
function jsonOf(value: Plain): string {
  if (value === undefined) return 'null';
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value).toString('base64'));
  if (Array.isArray(value)) return `[${value.map(jsonOf).join(',')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const byKey = new Map(value.pairs);
  const keys = [...byKey.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `{${keys.map((key) => `${JSON.stringify(key)}:${jsonOf(byKey.get(key))}`).join(',')}}`;
}
