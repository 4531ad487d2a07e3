import type { Signal } from '../../../../internal/otlp/payload.ts';
import { seededRandom } from '../../../../internal/otlp/sample.ts';
import {
  type Field,
  isMessage,
  type Message,
  messageNamed,
  requestOf,
  type Scalar,
} from '../../../../internal/otlp/schema.ts';
import { Writer } from '../../../../internal/otlp/writer.ts';
import { Dice } from '../../../../internal/testkit/dice.ts';

/** What the configurations beside the test ask for, and what else an SDK or nobody would send. */
const keys = [
  ...['user.id', 'card', 'token', 'http.method', 'http.route', 'http.status_code', 'url.full', 'db.statement', 'note'],
  ...['a', 'b', 'c', 'level', 'list', 'map', 'json', 'grüße', '😀', 'x'.repeat(200), 'redaction.masked.count', 'A'],
];
const texts = [
  ...['', 'a', 'GET', 'POST', '/users/17/orders/23', 'GET /api/v1/users/42', '/health', 'true', '17', '-3.5e2', '0x1f'],
  ...['card 4111111111111111', 'me@example.com', 'https://u:p@example.com:8443/a/b?q=1&token=abc#f', 'grüße', '日本語'],
  ...['{"a":[1,true,null,"x"],"b":{"c":1.5}}', 'a=1 b="two words"', '"quoted" \\ and\n\u0001\u2028', '😀', 'WARN'],
  ...["SELECT * FROM t WHERE id = 5 AND name = 'x'", 'x'.repeat(400), ' spaces ', '2024-01-02T03:04:05Z', '10.1.2.3'],
];
/** UTF-8, but no text that anybody means. */
const odd = ['\uFEFFmarked', '\u0000', 'a\u0000b', '\uFFFE\uFFFF', '\u202Eabc', 'e\u0301', '\u007F\u0085'];
const integers = [0n, 1n, -1n, 17n, 200n, 404n, 500n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const doubles = [0, -0, 1.5, -2.25, 404, 1e21, 1e-7, 1e300, 5e-324, Number.NaN, Infinity, -Infinity];
const enums: Record<string, number> = { kind: 7, code: 4, severityNumber: 26, aggregationTemporality: 4 };

/** How often a repeated field stands: so many at least, and fewer than that. */
const times: Record<string, [least: number, below: number]> = {
  resourceSpans: [1, 3],
  resourceLogs: [1, 3],
  resourceMetrics: [1, 3],
  scopeSpans: [0, 4],
  scopeLogs: [0, 4],
  scopeMetrics: [0, 4],
  spans: [0, 40],
  logRecords: [0, 40],
  metrics: [0, 12],
  dataPoints: [0, 8],
  attributes: [0, 7],
  links: [0, 2],
  exemplars: [0, 2],
  entityRefs: [0, 2],
};

/**
 * A valid request with every field of every message: all types of values, keys that are empty or stand twice, int64
 * extremes, NaN, control characters, values nested fifty messages deep.
 *
 * A key that stands twice stands at the beginning: elsewhere a deletion in the Go collector, which puts the last of a list
 * into the gap, changes which of the two is the first.
 */
export function recordsOf(signal: Signal, seed: number): Uint8Array {
  return new Shapes(seededRandom(seed)).request(signal);
}

class Shapes {
  readonly #dice: Dice;
  readonly #out = new Writer(1 << 16);
  /** So many values inside one another. */
  #inside = 0;

  constructor(random: () => number) {
    this.#dice = new Dice(random);
  }

  request(signal: Signal): Uint8Array {
    this.#message(requestOf(signal), 0);
    return this.#out.finish();
  }

  #message(type: Message, depth: number): void {
    const chosen = new Map<string, Field>();
    for (const { oneof } of type.fields) {
      if (oneof && !chosen.has(oneof) && this.#dice.chance(0.95)) chosen.set(oneof, this.#member(type, oneof, depth));
    }
    for (const field of type.fields) {
      if (field.oneof ? chosen.get(field.oneof) !== field : !this.#wanted(field)) continue;
      if (field.repeated) this.#repeated(field, depth);
      else if (isMessage(field.type)) this.#nested(field, depth);
      else this.#scalar(field.number, field.name, field.type);
    }
  }

  #member(type: Message, oneof: string, depth: number): Field {
    const deep = depth > 12 || (depth > 8 && this.#dice.chance(0.7));
    const members = type.fields.filter((field) => field.oneof === oneof && !field.name.endsWith('Strindex'));
    return this.#dice.pick(members.filter((field) => !(deep && isMessage(field.type))));
  }

  #wanted({ name, type, repeated }: Field): boolean {
    if (name.endsWith('Strindex')) return false;
    if (name === 'key') return this.#dice.chance(0.99);
    return this.#dice.chance(name === 'value' || repeated ? 0.97 : isMessage(type) ? 0.9 : 0.75);
  }

  #repeated(field: Field, depth: number): void {
    const [least, below] = times[field.name] ?? [0, 4];
    const count = least + this.#dice.below(below - least);
    if (field.type === 'KeyValue') this.#pairs(field.number, count, depth);
    else if (isMessage(field.type)) for (let i = 0; i < count; i++) this.#nested(field, depth);
    else if (field.type === 'string') {
      for (let i = 0; i < count; i++) this.#scalar(field.number, field.name, field.type);
    } else {
      const packed = this.#out.open(field.number);
      for (let i = 0; i < count; i++) this.#packed(field.type);
      this.#out.close(packed);
    }
  }

  #pairs(number: number, count: number, depth: number): void {
    const offset = this.#dice.below(keys.length);
    const names: (string | undefined)[] = Array.from({ length: count }, (_, i) => keys[(offset + i * 5) % keys.length]);
    if (this.#dice.chance(0.04)) names.push(this.#dice.pick(['', undefined, ...odd]));
    if (count > 0 && this.#dice.chance(0.05)) names.unshift(names[0]);
    for (const name of names) {
      const pair = this.#out.open(number);
      if (name !== undefined) this.#out.string(1, name);
      if (this.#dice.chance(0.99)) this.#value(2, depth + 1);
      this.#out.close(pair);
    }
  }

  #value(number: number, depth: number): void {
    const value = this.#out.open(number);
    this.#inside++;
    if (this.#dice.chance(0.5)) this.#scalar(1, 'stringValue', 'string');
    else if (this.#dice.chance(0.001)) this.#wellDeep();
    else this.#message(messageNamed('AnyValue'), depth);
    this.#inside--;
    this.#out.close(value);
  }

  /** A list in a list in a list. */
  #wellDeep(): void {
    const open: number[] = [];
    for (let i = 0; i < 25; i++) open.push(this.#out.open(5), this.#out.open(1));
    this.#scalar(1, 'stringValue', 'string');
    while (open.length > 0) this.#out.close(open.pop()!);
  }

  #nested(field: Field, depth: number): void {
    if (field.type === 'AnyValue') this.#value(field.number, depth + 1);
    else {
      const start = this.#out.open(field.number);
      this.#message(messageNamed(field.type as Message['name']), depth + 1);
      this.#out.close(start);
    }
  }

  #scalar(number: number, name: string, type: Scalar): void {
    const out = this.#out;
    switch (type) {
      case 'string':
        out.string(number, this.#dice.pick(this.#dice.chance(0.02) ? odd : texts));
        break;
      case 'bytes':
        out.bytes(number, this.#dice.bytes(this.#dice.below(20)));
        break;
      case 'traceId':
        out.bytes(number, this.#dice.bytes(16));
        break;
      case 'spanId':
        out.bytes(number, this.#dice.bytes(8));
        break;
      case 'bool':
        out.varint(number, this.#dice.below(2));
        break;
      case 'fixed32':
        out.fixed32(number, this.#dice.below(2 ** 32));
        break;
      case 'fixed64':
        out.fixed64(number, this.#time());
        break;
      case 'sfixed64':
        out.fixed64(number, BigInt.asUintN(64, this.#dice.pick(integers)));
        break;
      case 'double':
        // Of a list with NaN in it upstream makes an empty text.
        out.double(number, this.#dice.pick(this.#inside > 1 ? doubles.filter(Number.isFinite) : doubles));
        break;
      case 'sint32':
        out.varint(number, this.#dice.below(40));
        break;
      case 'uint32':
        out.varint(number, this.#dice.below(9));
        break;
      case 'int32':
        out.varint(number, this.#dice.below(enums[name] ?? 9));
        break;
      default:
        out.varint64(number, BigInt.asUintN(64, this.#dice.pick(integers)));
        break;
    }
  }

  #packed(type: Scalar): void {
    if (type === 'double') this.#out.packedDouble(this.#dice.pick(doubles));
    else if (type === 'fixed64') this.#out.packedFixed64(BigInt(this.#dice.below(9)));
    else this.#out.packedVarint64(BigInt(this.#dice.below(9)));
  }

  #time(): bigint {
    if (this.#dice.chance(0.02)) return this.#dice.pick([0n, 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]);
    return 1_700_000_000_000_000_000n + BigInt(this.#dice.below(2 ** 40));
  }
}
