import type { Payload } from './payload.ts';
import { type Field, isMessage, type Message, messageNamed, requestOf, type Scalar, wireOf } from './schema.ts';
import { Fields } from './view/fields.ts';
import { textOf } from './view/raw.ts';
import {
  boolAt,
  doubleAt,
  fixed32At,
  fixed64At,
  int64At,
  LEN,
  sfixed64At,
  sint32At,
  uint32At,
  uint64At,
  VARINT,
  varintEnd,
} from './wire.ts';

/** The batch as OTLP/JSON by the specification, on one line. Unknown fields have no JSON and are left out. */
export function encodeJson(payload: Payload): Uint8Array {
  const request = requestOf(payload.signal);
  const only = payload.chunks.length === 1 ? payload.chunks[0]! : Buffer.concat(payload.chunks);
  return Buffer.from(message(request, only, 0, only.length), 'utf8');
}

/** What is known of each field while its message is read. */
interface Reading {
  /** JSON of scalars, and of the elements of repeated fields with commas between them. */
  readonly values: (string | undefined)[];
  /** Singular messages wait for their merging: start and end, by field number. */
  readonly starts: number[];
  readonly ends: number[];
  /** Those that are there more than once. */
  parts: Map<number, Uint8Array[]> | undefined;
}

function message(type: Message, buf: Uint8Array, start: number, end: number): string {
  const reading: Reading = { values: [], starts: [], ends: [], parts: undefined };
  const fields = new Fields().reset(buf, start, end);
  while (fields.next()) {
    const field = fieldOf(type, fields.tag >>> 3);
    if (field) read(type, field, buf, fields, reading);
  }
  let json = '';
  for (const field of type.fields) {
    const value = finish(field, buf, reading);
    if (value !== undefined) json += `${json === '' ? '' : ','}"${field.name}":${value}`;
  }
  return `{${json}}`;
}

function fieldOf(type: Message, number: number): Field | undefined {
  // Most messages number their fields without a gap.
  const guess = type.fields[number - 1];
  return guess?.number === number ? guess : type.fields.find((field) => field.number === number);
}

function read(type: Message, field: Field, buf: Uint8Array, fields: Fields, into: Reading): void {
  const wire = fields.tag & 7;
  const { number } = field;
  const { values } = into;
  if (field.repeated && wire === LEN && wireOf(field.type) !== LEN) {
    const texts = packed(field.type as Scalar, buf, fields.from, fields.to);
    if (texts !== '') values[number] = values[number] === undefined ? texts : `${values[number]},${texts}`;
    return;
  }
  if (wire !== wireOf(field.type)) return;
  if (field.oneof) overwrite(type, field, into);
  if (field.repeated) {
    const text = isMessage(field.type)
      ? message(messageNamed(field.type), buf, fields.from, fields.to)
      : scalar(field.type, buf, fields.from, fields.to);
    values[number] = values[number] === undefined ? text : `${values[number]},${text}`;
  } else if (isMessage(field.type)) {
    if (into.starts[number] !== undefined) {
      into.parts ??= new Map();
      const parts = into.parts.get(number) ?? [buf.subarray(into.starts[number], into.ends[number])];
      parts.push(buf.subarray(fields.from, fields.to));
      into.parts.set(number, parts);
    }
    into.starts[number] = fields.from;
    into.ends[number] = fields.to;
  } else {
    const text = scalar(field.type, buf, fields.from, fields.to);
    values[number] = field.presence || !isDefault(text) ? text : undefined;
  }
}

/** The last member of a oneof wins: what others have said is forgotten. */
function overwrite(type: Message, winner: Field, { values, starts, parts }: Reading): void {
  for (const field of type.fields) {
    if (field.oneof !== winner.oneof || field === winner) continue;
    delete values[field.number];
    delete starts[field.number];
    parts?.delete(field.number);
  }
}

function finish(field: Field, buf: Uint8Array, { values, starts, ends, parts }: Reading): string | undefined {
  const { number } = field;
  if (field.repeated) return values[number] === undefined ? undefined : `[${values[number]}]`;
  if (!isMessage(field.type)) return values[number];
  if (starts[number] === undefined) return undefined;
  const type = messageNamed(field.type);
  const several = parts?.get(number);
  if (!several) return message(type, buf, starts[number], ends[number]!);
  const merged = Buffer.concat(several);
  return message(type, merged, 0, merged.length);
}

function isDefault(text: string): boolean {
  return text === '0' || text === '"0"' || text === '""' || text === 'false';
}

function packed(type: Scalar, buf: Uint8Array, start: number, end: number): string {
  let json = '';
  for (let pos = start; pos < end; ) {
    const next = wireOf(type) === VARINT ? varintEnd(buf, pos, end) : pos + 8;
    if (next < 0 || next > end) break;
    json += `${json === '' ? '' : ','}${scalar(type, buf, pos, next)}`;
    pos = next;
  }
  return json;
}

function scalar(type: Scalar, buf: Uint8Array, start: number, end: number): string {
  switch (type) {
    case 'string':
      return JSON.stringify(textOf(buf, start, end));
    case 'traceId':
    case 'spanId':
      return `"${Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('hex')}"`;
    case 'bytes':
      return `"${Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('base64')}"`;
    case 'bool':
      return boolAt(buf, start) ? 'true' : 'false';
    case 'int32':
      return String(uint32At(buf, start) | 0);
    case 'uint32':
      return String(uint32At(buf, start));
    case 'sint32':
      return String(sint32At(buf, start));
    case 'fixed32':
      return String(fixed32At(buf, start));
    case 'int64':
      return `"${int64At(buf, start)}"`;
    case 'uint64':
      return `"${uint64At(buf, start)}"`;
    case 'fixed64':
      return `"${fixed64At(buf, start)}"`;
    case 'sfixed64':
      return `"${sfixed64At(buf, start)}"`;
    case 'double':
      return double(doubleAt(buf, start));
  }
}

function double(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0' : String(value);
  return `"${value}"`;
}
