import type { Signal } from '../otlp/payload.ts';
import { isMessage, type Message, messageNamed, requestOf } from '../otlp/schema.ts';
import { Fields } from '../otlp/view/fields.ts';
import { LEN } from '../otlp/wire.ts';
import type { Oracle } from './oracle.ts';

/** One line for a request: attributes sorted by key, since a map has no order, and absent the same as empty. */
export function canonical(oracle: Oracle, signal: Signal, bytes: Uint8Array): string {
  return textOf(oracle.read(signal, bytes));
}

/** JSON with sorted attributes, and numbers that JSON does not tell apart. */
function textOf(value: unknown): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (!Array.isArray(value)) {
    return `{${Object.entries(value)
      .map(([key, each]) => `"${key}":${textOf(each)}`)
      .join(',')}}`;
  }
  const parts = value.map(textOf);
  return `[${(value.some(isPair) ? parts.sort() : parts).join(',')}]`;
}

/**
 * The same for requests of one writer, who puts the same fields in the same order: every byte as it is, but for the order
 * of attributes. Much faster, and no JSON.
 */
export function sortedBytes(signal: Signal, bytes: Uint8Array): string {
  return sortedIn(requestOf(signal), Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
}

function sortedIn(type: Message, buf: Buffer, from: number, to: number): string {
  const fields = new Fields().reset(buf, from, to);
  const pairs: string[] = [];
  let out = '';
  while (fields.next()) {
    const field = type.fields.find(({ number }) => number === fields.tag >>> 3);
    if (field && isMessage(field.type) && (fields.tag & 7) === LEN) {
      const piece = `${field.number}{${sortedIn(messageNamed(field.type), buf, fields.from, fields.to)}}`;
      if (field.type === 'KeyValue') pairs.push(piece);
      else out += piece;
    } else out += buf.toString('latin1', fields.at, fields.to);
  }
  return out + pairs.sort().join('') + buf.toString('latin1', fields.to, to);
}

/** Requests are long: the place where two lines part ways, with what stands around it; undefined where they do not. */
export function firstDifference(ours: string, theirs: string): string | undefined {
  if (ours === theirs) return undefined;
  let at = 0;
  while (ours[at] === theirs[at]) at++;
  const around = (line: string) => line.slice(Math.max(0, at - 160), at + 100);
  return `ours ${around(ours)}\ntheirs ${around(theirs)}`;
}

/** No key stands twice in a list of attributes or in a map. @param read what `Oracle.read` returned */
export function keysDiffer(read: unknown): boolean {
  if (typeof read !== 'object' || read === null) return true;
  if (Array.isArray(read) && read.some(isPair)) {
    if (new Set(read.map(({ key }) => key ?? '')).size < read.length) return false;
  }
  return Object.values(read).every(keysDiffer);
}

/** Nothing in it is an index into the dictionary that only profiles have. @param read what `Oracle.read` returned */
export const isPlain = (read: unknown) => !/"\w*strindex\w*":/i.test(JSON.stringify(read));

const isPair = (each: unknown) => typeof each === 'object' && each !== null && ('value' in each || 'key' in each);
