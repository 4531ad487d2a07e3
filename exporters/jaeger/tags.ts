import type { KeyValue } from '../../internal/otlp/view/value.ts';
import { valueText } from '../../internal/otlp/view/value_text.ts';
import { FIXED64, LEN, shortVarintEnd, uint32At, VARINT, varintEnd } from '../../internal/otlp/wire.ts';
import type { Sink } from './sink.ts';

const nothing = new Uint8Array(0);

/** An attribute as a tag of the same type; lists and maps are text, as JSON, and an empty value is empty text. */
export function writeTag(sink: Sink, attribute: KeyValue): void {
  if (!writePlainly(sink, attribute)) writeAny(sink, attribute);
}

const KEY = (1 << 3) | LEN;
const VALUE = (2 << 3) | LEN;
const STRING = (1 << 3) | LEN;
const INT = (3 << 3) | VARINT;
const DOUBLE = (4 << 3) | FIXED64;
const BYTES = (7 << 3) | LEN;

/** Nearly every attribute is a key and then a value of one field, and is read without cursors. @returns false for another */
function writePlainly(sink: Sink, { buf, start, end }: KeyValue): boolean {
  if (buf[start] !== KEY) return false;
  const keyFrom = shortVarintEnd(buf, start + 1, end);
  const keyTo = keyFrom + uint32At(buf, start + 1);
  if (keyFrom < 0 || keyTo + 2 >= end || buf[keyTo] !== VALUE) return false;
  const value = shortVarintEnd(buf, keyTo + 1, end);
  if (value < 0 || value + 1 >= end || value + uint32At(buf, keyTo + 1) !== end) return false;
  switch (buf[value]) {
    case STRING:
    case BYTES: {
      const from = shortVarintEnd(buf, value + 1, end);
      if (from < 0 || from + uint32At(buf, value + 1) !== end) return false;
      if (buf[value] === STRING) sink.text(buf, keyFrom, keyTo, buf, from, end);
      else sink.binary(buf, keyFrom, keyTo, buf, from, end);
      return true;
    }
    case INT:
      if (varintEnd(buf, value + 1, end) !== end) return false;
      sink.int(buf, keyFrom, keyTo, buf, value + 1);
      return true;
    case DOUBLE:
      if (value + 9 !== end) return false;
      sink.double(buf, keyFrom, keyTo, buf, value + 1);
      return true;
    default:
      return false;
  }
}

function writeAny(sink: Sink, attribute: KeyValue): void {
  const key = attribute.has(1) ? attribute.buf : nothing;
  const from = Math.max(0, attribute.valueStart(1));
  const to = Math.max(0, attribute.valueEnd(1));
  const { value } = attribute;
  switch (value.kind) {
    case 'string':
      sink.text(key, from, to, value.buf, value.valueStart(1), value.valueEnd(1));
      break;
    case 'bool':
      sink.bool(key, from, to, value.boolValue);
      break;
    case 'int':
      sink.int(key, from, to, value.buf, value.valueStart(3));
      break;
    case 'double':
      sink.double(key, from, to, value.buf, value.valueStart(4));
      break;
    case 'bytes':
      sink.binary(key, from, to, value.buf, value.valueStart(7), value.valueEnd(7));
      break;
    default: {
      const text = Buffer.from(valueText(value.plain()));
      sink.text(key, from, to, text, 0, text.length);
    }
  }
}
