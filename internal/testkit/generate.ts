import { readRequest } from '../otlp/check.ts';
import type { Payload, Signal } from '../otlp/payload.ts';
import { Sample, type SampleOptions, seededRandom } from '../otlp/sample.ts';
import { type Field, isMessage, type Message, messageNamed, requestOf, type Scalar, wireOf } from '../otlp/schema.ts';
import { walkLogs, walkMetrics, walkSpans } from '../otlp/view/walk.ts';
import { isMalformed, LEN } from '../otlp/wire.ts';
import { Writer } from '../otlp/writer.ts';
import { Dice } from './dice.ts';

/** 2023-11-14T22:13:20Z, in nanoseconds. */
export const SAMPLE_TIME = 1_700_000_000_000_000_000n;

/** One realistic request; its items are stamped with `seed` and 1 to `items`. */
export function generateRequest(signal: Signal, options: SampleOptions): Uint8Array {
  return new Sample(signal, options).next(SAMPLE_TIME);
}

export function generatePayload(signal: Signal, options: SampleOptions): Payload {
  return asPayload(signal, generateRequest(signal, options));
}

/** The batch in these bytes, or a failed test. */
export function asPayload(signal: Signal, bytes: Uint8Array): Payload {
  const payload = readRequest(signal, bytes);
  if (isMalformed(payload)) throw new Error(`${payload.malformed} at ${payload.offset}`);
  return payload;
}

/** The stamps of all items in order, 16 hex digits each, so that a test can say which arrived; '' for one without. */
export function stampsOf(payload: Payload): string[] {
  const stamps: string[] = [];
  if (payload.signal === 'metrics') {
    const walk = walkMetrics(payload);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const points = walk.record.data?.points;
          for (let point = points?.next(); point; point = points?.next()) {
            stamps.push(point.attributes.find(SAMPLE_ID)?.value.stringValue ?? '');
          }
        }
      }
    }
  } else {
    const walk = payload.signal === 'traces' ? walkSpans(payload) : walkLogs(payload);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) stamps.push(Buffer.from(walk.record.spanId).toString('hex'));
      }
    }
  }
  return stamps;
}

const SAMPLE_ID = Buffer.from('sample.id');

/** The stamp that `Sample` gives to its item of this number, counted from 1. */
export function stamp(seed: number, number: number): string {
  return seed.toString(16).padStart(8, '0') + number.toString(16).padStart(8, '0');
}

export interface RandomOptions {
  /** Unknown fields of all wire types, at every level. */
  readonly unknown?: boolean;
  /** Varints, tags and lengths longer than they need be. */
  readonly padded?: boolean;
  /** Fields in any order, singular ones more than once, packed ones in pieces and unpacked. */
  readonly disorder?: boolean;
  /** How deep AnyValues may be nested. Default 3. */
  readonly depth?: number;
}

/** A valid request that no SDK would write: every field of every message, at random. */
export function randomRequest(signal: Signal, seed: number, options: RandomOptions = {}): Uint8Array {
  return new RandomWriter(seededRandom(seed), options).message(requestOf(signal), 0);
}

const texts = ['', 'a', 'http.method', 'grüße', '日本語', '😀', '"quoted" \\ and\n\u0001', 'x'.repeat(130)];
const integers = [0n, 1n, 127n, 128n, 300n, -1n, 2n ** 31n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const doubles = [0, -0, 1.5, -2.25, 1e300, 5e-324, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

class RandomWriter {
  readonly #random: () => number;
  readonly #dice: Dice;
  readonly #options: RandomOptions;

  constructor(random: () => number, options: RandomOptions) {
    this.#random = random;
    this.#dice = new Dice(random);
    this.#options = options;
  }

  message(type: Message, depth: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (const field of type.fields) {
      if (!this.#wanted(field, depth)) continue;
      const times = field.repeated || this.#options.disorder ? this.#dice.below(depth < 4 ? 4 : 3) : 1;
      for (let i = 0; i < times; i++) parts.push(...this.#field(field, depth));
    }
    if (this.#options.unknown) {
      for (let i = this.#dice.below(3); i > 0; i--)
        parts.splice(this.#dice.below(parts.length + 1), 0, this.#unknown());
    }
    if (this.#options.disorder) shuffle(parts, this.#random);
    return Buffer.concat(parts);
  }

  #wanted(field: Field, depth: number): boolean {
    if (depth > 6 + (this.#options.depth ?? 3) && isMessage(field.type)) return false;
    // Groups rather more often than not, or most requests would be empty; of a oneof mostly one.
    if (depth < 3 && isMessage(field.type)) return this.#dice.chance(0.9);
    return this.#dice.chance(field.oneof ? 0.25 : 0.6);
  }

  #field(field: Field, depth: number): Uint8Array[] {
    const { type, number } = field;
    if (isMessage(type)) return [this.#sized(number, this.message(messageNamed(type), depth + 1))];
    const wire = wireOf(type);
    if (field.repeated && wire !== LEN && !(this.#options.disorder && this.#dice.chance(0.5))) {
      const values = Array.from({ length: this.#dice.below(5) }, () => this.#scalar(type));
      return [this.#sized(number, Buffer.concat(values))];
    }
    if (wire === LEN) return [this.#sized(number, this.#scalar(type))];
    return [Buffer.concat([this.#varint((number << 3) | wire, true), this.#scalar(type)])];
  }

  #scalar(type: Scalar): Uint8Array {
    switch (type) {
      case 'string':
        return Buffer.from(this.#dice.pick(texts));
      case 'bytes':
        return this.#dice.bytes(this.#dice.below(20));
      case 'traceId':
        return this.#dice.bytes(this.#dice.chance(0.8) ? 16 : 0);
      case 'spanId':
        return this.#dice.bytes(this.#dice.chance(0.8) ? 8 : 0);
      case 'fixed32':
        return this.#dice.bytes(4);
      case 'fixed64':
      case 'sfixed64':
        return this.#dice.bytes(8);
      case 'double': {
        const bytes = Buffer.alloc(8);
        bytes.writeDoubleLE(this.#dice.pick(doubles));
        return bytes;
      }
      case 'bool':
        return this.#varint(this.#dice.chance(0.5) ? 1 : 0, false);
      case 'uint32':
        return this.#varint(Math.floor(this.#random() * 2 ** (1 + this.#dice.below(32))), false);
      default:
        return this.#varint64(
          type.endsWith('64') ? this.#dice.pick(integers) : BigInt.asIntN(32, this.#dice.pick(integers)),
        );
    }
  }

  #unknown(): Uint8Array {
    const number = this.#dice.pick([13, 17, 31, 32, 999, 2 ** 29 - 1]) + (this.#dice.chance(0.5) ? 0 : -1);
    // 12 and 13 are known to some messages.
    const field = number < 14 ? number + 16 : number === 16 ? 17 : number;
    switch (this.#dice.below(5)) {
      case 0:
        return Buffer.concat([this.#varint(field * 8, true), this.#varint64(this.#dice.pick(integers))]);
      case 1:
        return Buffer.concat([this.#varint(field * 8 + 1, true), this.#dice.bytes(8)]);
      case 2:
        return this.#sized(field, this.#dice.bytes(this.#dice.below(20)));
      case 3:
        return Buffer.concat([this.#varint(field * 8 + 5, true), this.#dice.bytes(4)]);
      default:
        return Buffer.concat([
          this.#varint(field * 8 + 3, true),
          this.#sized(7, this.#dice.bytes(3)),
          this.#varint(field * 8 + 4, true),
        ]);
    }
  }

  #sized(number: number, content: Uint8Array): Uint8Array {
    return Buffer.concat([this.#varint(number * 8 + LEN, true), this.#varint(content.length, true), content]);
  }

  /** @param short a tag or length, for which five bytes are the most */
  #varint(value: number, short: boolean): Uint8Array {
    return this.#pad(new Uint8Array(varintBytes(BigInt(value))), short ? 5 : 10);
  }

  #varint64(value: bigint): Uint8Array {
    return this.#pad(new Uint8Array(varintBytes(BigInt.asUintN(64, value))), 10);
  }

  #pad(bytes: Uint8Array, most: number): Uint8Array {
    if (!this.#options.padded || bytes.length === most || this.#dice.chance(0.7)) return bytes;
    const padded = new Uint8Array(bytes.length + 1 + this.#dice.below(most - bytes.length)).fill(0x80);
    padded.set(bytes);
    padded[bytes.length - 1]! |= 0x80;
    padded[padded.length - 1] = 0;
    return padded;
  }
}

function varintBytes(value: bigint): number[] {
  const writer = new Writer(16);
  writer.packedVarint64(value);
  return [...writer.finish()];
}

function shuffle<T>(list: T[], random: () => number): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
}

/** `bytes`, and how many of them were looked at: for tests that bound the work without a clock. */
export function counting(bytes: Uint8Array) {
  const count = { reads: 0 };
  const proxy = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === 'string' && key >= '0' && key < ':') count.reads++;
      const value = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { proxy, count };
}
