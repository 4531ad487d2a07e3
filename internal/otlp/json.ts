import { isUtf8 } from 'node:buffer';
import { MAX_DEPTH } from './check.ts';
import { Payload, type Signal } from './payload.ts';
import {
  FIRST_ITEM,
  type Field,
  isMessage,
  type Message,
  type MessageName,
  messageNamed,
  messages,
  requestOf,
  type Scalar,
  wireOf,
} from './schema.ts';
import { LEN, type Malformed } from './wire.ts';
import { Writer } from './writer.ts';

export { encodeJson } from './json_encode.ts';

/**
 * Reads an Export*ServiceRequest in OTLP/JSON.
 *
 * By the specification: ids in hex, 64-bit integers as strings, unknown keys ignored. Taken as well, as the Go collector
 * and proto3's JSON do: snake_case names, integers of all sizes as numbers or strings, names of enum values, null for an
 * absent field, doubles as strings. What is wrong is told with its path, and `offset` 0; text that is no JSON with its
 * offset where the engine tells it.
 * Source: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
export function decodeJson(signal: Signal, input: string | Uint8Array): Payload | Malformed {
  if (typeof input !== 'string' && !isUtf8(input)) return { malformed: 'OTLP/JSON: the text is not UTF-8', offset: 0 };
  const text = typeof input === 'string' ? input : Buffer.from(input.buffer, input.byteOffset, input.length).toString();
  let decoder = new Decoder(text.length, false);
  try {
    let payload = decoder.request(signal, JSON.parse(text));
    if (!payload && decoder.inexact) {
      decoder = new Decoder(text.length, true);
      payload = decoder.request(signal, JSON.parse(text, exactIntegers));
    }
    return payload ?? { malformed: `OTLP/JSON: ${decoder.problem}`, offset: 0 };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const offset = Number(/position (\d+)/.exec(error.message)?.[1] ?? 0);
    return { malformed: `OTLP/JSON: ${error.message}`, offset };
  }
}

/** A reviver: integers that a number cannot hold become bigints. Slow, hence only where one was met. */
export function exactIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return context?.source && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
}

/** By the index of the message: its fields by both spellings of their names. */
export const namesOf: readonly ReadonlyMap<string, Field>[] = messages.map(
  ({ fields }) => new Map(fields.flatMap((field) => [snakeCase(field.name), field.name].map((name) => [name, field]))),
);

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const temporality = ['UNSPECIFIED', 'DELTA', 'CUMULATIVE'].map((name) => `AGGREGATION_TEMPORALITY_${name}`);
const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name) =>
  ['', '2', '3', '4'].map((step) => `SEVERITY_NUMBER_${name}${step}`),
);
const spanKinds = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'];

/** Names of enum values, by their number. */
const enums: Partial<Record<MessageName, { readonly field: string; readonly names: readonly string[] }>> = {
  Span: { field: 'kind', names: spanKinds.map((name) => `SPAN_KIND_${name}`) },
  Status: { field: 'code', names: ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'] },
  LogRecord: { field: 'severityNumber', names: ['SEVERITY_NUMBER_UNSPECIFIED', ...severities] },
  Sum: { field: 'aggregationTemporality', names: temporality },
  Histogram: { field: 'aggregationTemporality', names: temporality },
  ExponentialHistogram: { field: 'aggregationTemporality', names: temporality },
};

/** Writes one request. Its methods return false, with `problem` set, where the JSON is not OTLP. */
export class Decoder {
  problem = '';
  /** Gave up at an integer that JSON.parse has rounded. */
  inexact = false;
  #items = 0;
  readonly out: Writer;
  readonly #exact: boolean;

  /** @param exact large integers come as bigints, so that a large number is what it says (1e19) */
  constructor(capacity: number, exact: boolean) {
    this.out = new Writer(capacity + 64);
    this.#exact = exact;
  }

  request(signal: Signal, json: unknown): Payload | undefined {
    return this.#message(requestOf(signal), json, 0) ? this.finish(signal) : undefined;
  }

  finish(signal: Signal): Payload {
    const bytes = this.out.finish();
    return new Payload(signal, [bytes], this.#items, bytes.length);
  }

  /** Called once for each message, before its fields. */
  begin(type: Message, depth: number): boolean {
    if (depth > MAX_DEPTH) return this.fail(`more than ${MAX_DEPTH} messages inside each other`);
    if (type.index >= FIRST_ITEM) this.#items++;
    return true;
  }

  #message(type: Message, json: unknown, depth: number): boolean {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) return this.#wrong('an object', json);
    if (!this.begin(type, depth)) return false;
    const names = namesOf[type.index]!;
    for (const key in json) {
      const field = names.get(key);
      const value = (json as Record<string, unknown>)[key];
      if (!field || value === null) continue;
      if (!this.field(type, field, value, depth)) return this.inside(key);
    }
    return true;
  }

  /** @param first index of the array's first element, where the array is a part of one */
  field(type: Message, field: Field, json: unknown, depth: number, first = 0): boolean {
    if (!field.repeated) return this.#value(type, field, json, depth);
    if (!Array.isArray(json)) return this.#wrong('an array', json);
    if (wireOf(field.type) !== LEN) return this.#packed(field, json, first);
    for (let i = 0; i < json.length; i++) {
      if (!this.#value(type, field, json[i], depth)) return this.inside(first + i);
    }
    return true;
  }

  /** bucketCounts and explicitBounds. */
  #packed(field: Field, json: readonly unknown[], first: number): boolean {
    if (json.length === 0) return true;
    const start = this.out.open(field.number);
    for (let i = 0; i < json.length; i++) {
      if (field.type === 'double') {
        const value = this.#double(json[i]);
        if (value === undefined) return this.inside(first + i);
        this.out.packedDouble(value);
      } else {
        const value = this.#integer(json[i], 0n, MAX_UINT64);
        if (value === undefined) return this.inside(first + i);
        if (field.type === 'fixed64') this.out.packedFixed64(value);
        else this.out.packedVarint64(value);
      }
    }
    this.out.close(start);
    return true;
  }

  #value(owner: Message, field: Field, json: unknown, depth: number): boolean {
    const { number, type } = field;
    const out = this.out;
    if (isMessage(type)) {
      const start = out.open(number);
      if (!this.#message(messageNamed(type), json, depth + 1)) return false;
      out.close(start);
      return true;
    }
    switch (type) {
      case 'string':
        if (typeof json !== 'string') return this.#wrong('a string', json);
        if (json !== '' || keepsDefault(field)) out.string(number, json);
        return true;
      case 'bool':
        if (typeof json !== 'boolean') return this.#wrong('true or false', json);
        if (json || keepsDefault(field)) out.varint(number, json ? 1 : 0);
        return true;
      case 'traceId':
      case 'spanId':
        return this.#id(number, json, type === 'traceId' ? 16 : 8);
      case 'bytes':
        if (typeof json !== 'string' || !BASE64.test(json)) return this.#wrong('bytes in base64', json);
        out.bytes(number, Buffer.from(json, 'base64'));
        return true;
      case 'double': {
        const value = this.#double(json);
        if (value === undefined) return false;
        if (!Object.is(value, 0) || keepsDefault(field)) out.double(number, value);
        return true;
      }
      default:
        return this.#whole(owner, field, type, json);
    }
  }

  #whole(owner: Message, field: Field, type: IntegerType, json: unknown): boolean {
    if (type !== 'sint32' && !type.endsWith('fixed64') && typeof json === 'number' && isSmall(json)) {
      // Enums, counts, flags and most int values: no need for a bigint.
      if (json === 0 && !keepsDefault(field)) return true;
      if (type === 'fixed32') this.out.fixed32(field.number, json);
      else this.out.varint(field.number, json);
      return true;
    }
    const names = enums[owner.name];
    const named = typeof json === 'string' && names?.field === field.name ? names.names.indexOf(json) : -1;
    const [least, most] = ranges[type];
    const value = named >= 0 ? BigInt(named) : this.#integer(json, least, most);
    if (value === undefined) return false;
    if (value === 0n && !keepsDefault(field)) return true;
    const out = this.out;
    if (type === 'fixed32') out.fixed32(field.number, Number(value));
    else if (type === 'fixed64' || type === 'sfixed64') out.fixed64(field.number, value);
    else if (type === 'sint32') out.varint(field.number, zigzag(Number(value)));
    else out.varint64(field.number, value);
    return true;
  }

  #id(number: number, json: unknown, size: number): boolean {
    if (json === '') return true;
    if (typeof json !== 'string' || json.length !== size * 2 || !HEX.test(json)) {
      return this.#wrong(`${size * 2} hex digits`, json);
    }
    this.out.bytes(number, Buffer.from(json, 'hex'));
    return true;
  }

  #integer(json: unknown, least: bigint, most: bigint): bigint | undefined {
    let value: bigint | undefined;
    if (typeof json === 'bigint') value = json;
    else if (typeof json === 'number' && Number.isSafeInteger(json)) value = BigInt(json);
    else if (typeof json === 'number' && Number.isInteger(json) && Math.abs(json) < 2 ** 65) {
      this.inexact = !this.#exact;
      if (this.#exact) value = BigInt(json);
    } else if (typeof json === 'string' && INTEGER.test(json)) value = BigInt(json);
    if (value !== undefined && value >= least && value <= most) return value;
    this.#wrong(`an integer from ${least} to ${most}`, json);
    return undefined;
  }

  #double(json: unknown): number | undefined {
    if (typeof json === 'number') return json;
    if (typeof json === 'bigint') return Number(json);
    if (typeof json === 'string' && DOUBLE.test(json)) return Number(json);
    this.#wrong('a number, "NaN", "Infinity" or "-Infinity"', json);
    return undefined;
  }

  #wrong(wanted: string, json: unknown): false {
    const got =
      typeof json === 'object' || json === undefined ? kindOf(json) : JSON.stringify(String(json).slice(0, 40));
    return this.fail(`expected ${wanted}, got ${got}`);
  }

  fail(problem: string): false {
    this.problem = `: ${problem}`;
    return false;
  }

  /** On the way out of a failure: puts the step in front of the path. */
  inside(step: string | number): false {
    const dot = this.problem.startsWith(':') || this.problem.startsWith('[') ? '' : '.';
    this.problem = (typeof step === 'number' ? `[${step}]` : step) + dot + this.problem;
    return false;
  }
}

type IntegerType = Exclude<Scalar, 'string' | 'bool' | 'traceId' | 'spanId' | 'bytes' | 'double'>;

const MAX_UINT64 = 2n ** 64n - 1n;
const int64Range = [-(2n ** 63n), 2n ** 63n - 1n] as const;
const int32Range = [-(2n ** 31n), 2n ** 31n - 1n] as const;
const uint32Range = [0n, 2n ** 32n - 1n] as const;
const uint64Range = [0n, MAX_UINT64] as const;
const ranges: Readonly<Record<IntegerType, readonly [bigint, bigint]>> = {
  int32: int32Range,
  sint32: int32Range,
  uint32: uint32Range,
  fixed32: uint32Range,
  int64: int64Range,
  sfixed64: int64Range,
  uint64: uint64Range,
  fixed64: uint64Range,
};

const HEX = /^[0-9a-fA-F]*$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
// Twenty digits hold every 64-bit integer: longer ones are refused before BigInt, whose work grows faster than its input.
const INTEGER = /^-?\d{1,20}$/;
const DOUBLE = /^(NaN|-?Infinity|-?\d{1,400}(\.\d{0,400})?([eE][+-]?\d{1,4})?)$/;

/** A default value is written where its presence says something: in a oneof, an optional or a repeated field. */
function keepsDefault(field: Field): boolean {
  return field.presence || field.repeated;
}

function isSmall(value: number): boolean {
  return value >= 0 && value <= 0x7fff_ffff && Number.isInteger(value);
}

function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

function kindOf(json: unknown): string {
  return json === undefined ? 'nothing' : json === null ? 'null' : Array.isArray(json) ? 'an array' : 'an object';
}
