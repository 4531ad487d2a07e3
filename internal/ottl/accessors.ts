import type { Range } from '../otlp/regroup.ts';
import type { Cursor } from '../otlp/view/cursor.ts';
import { Fields } from '../otlp/view/fields.ts';
import { LEN } from '../otlp/wire.ts';
import type { Place } from './place.ts';
import type { Scene } from './scene.ts';
import { TextRange } from './text_range.ts';
import { fail, Id, Opaque, Time, typeName, type Value } from './values.ts';

/** What a path leads to. */
export interface Accessor {
  get(scene: Scene): Value;
  /** Absent where the path can only be read. */
  readonly set?: (scene: Scene, value: Value) => void;
  /** An attribute's value where it lies, undefined for nil; good until the next edit. */
  readonly wire?: (scene: Scene) => Range | undefined;
  /** Takes such a value over as it is. */
  readonly setWire?: (scene: Scene, value: Range) => void;
  /** Removes a key of a map; decodes nothing. */
  readonly remove?: (scene: Scene, key: string) => void;
  /** Whether it is a string of these UTF-8 bytes; decodes nothing. */
  readonly textIs?: (scene: Scene, text: Uint8Array) => boolean;
  /** Where its text lies in the record's bytes, good until it is asked again; undefined for what is no string. */
  readonly textRange?: (scene: Scene) => Range | undefined;
  /** Whether it is nil; decodes nothing. */
  readonly isNil?: (scene: Scene) => boolean;
  /** The value as a number, where it is an int of 32 bits and never nil. */
  readonly small?: (scene: Scene) => number;
}

/** The number of a field, which may hang on the kind of data point; 0 where that kind has none. */
export type FieldOf = number | ((scene: Scene) => number);

function numberOf(field: FieldOf, scene: Scene): number {
  return typeof field === 'number' ? field : field(scene);
}

export function expectText(value: Value): string {
  return typeof value === 'string' ? value : mistyped('string', value);
}
export function expectInt(value: Value): bigint {
  return typeof value === 'bigint' ? value : mistyped('int64', value);
}
export function expectDouble(value: Value): number {
  return typeof value === 'number' ? value : mistyped('float64', value);
}
export function mistyped(wanted: string, value: Value): never {
  fail(`expected ${wanted}, got ${typeName(value)}`);
}

export function text(place: Place, field: number): Accessor {
  const range = new TextRange();
  return {
    get: (scene) => place.at(scene).raw.text(field),
    textIs: (scene, wanted) => place.at(scene).raw.bytesEqual(field, wanted),
    textRange: (scene) => range.ofField(place.at(scene), field),
    set(scene, value) {
      const said = expectText(value);
      place.replace(scene, field, said === '' ? undefined : scene.write((out) => out.string(field, said)));
    },
  };
}

/** An int32, uint32 or enum. */
export function varint(place: Place, field: FieldOf, signed: boolean, guard?: (scene: Scene) => void): Accessor {
  const read = (cursor: Cursor, number: number) => (signed ? cursor.raw.int32(number) : cursor.raw.uint32(number));
  const small = (scene: Scene) => read(place.at(scene), numberOf(field, scene));
  return {
    get: (scene) => (numberOf(field, scene) === 0 ? undefined : BigInt(small(scene))),
    ...(typeof field === 'number' ? { small } : {}),
    set(scene, value) {
      const wanted = expectInt(value);
      guard?.(scene);
      const number = numberOf(field, scene);
      const fitting = signed ? BigInt.asIntN(32, wanted) : BigInt.asUintN(32, wanted);
      place.replace(scene, number, fitting === 0n ? undefined : scene.write((out) => out.varint64(number, fitting)));
    },
  };
}

/** A fixed32. @param strict refuses what does not fit, instead of cutting it off */
export function fixed32(place: Place, field: number, strict: boolean): Accessor {
  return {
    get: (scene) => BigInt(place.at(scene).raw.fixed32(field)),
    set(scene, value) {
      const wanted = expectInt(value);
      if (strict && BigInt.asUintN(32, wanted) !== wanted) fail(`${wanted} is out of range: expected 0 to 4294967295`);
      const fitting = Number(BigInt.asUintN(32, wanted));
      place.replace(scene, field, fitting === 0 ? undefined : scene.write((out) => out.fixed32(field, fitting)));
    },
  };
}

/** A fixed64 of nanoseconds, as the int64 it makes. */
export function nanos(place: Place, field: number): Accessor {
  return {
    get: (scene) => BigInt.asIntN(64, place.at(scene).raw.fixed64(field)),
    set: (scene, value) => putFixed64(place, scene, field, expectInt(value)),
  };
}

/** The same as a time. */
export function time(place: Place, field: number): Accessor {
  return {
    get: (scene) => new Time(BigInt.asIntN(64, place.at(scene).raw.fixed64(field))),
    set: (scene, value) => {
      const moment = value instanceof Time ? value : mistyped('time', value);
      putFixed64(place, scene, field, moment.nanos);
    },
  };
}

export function putFixed64(place: Place, scene: Scene, field: number, value: bigint): void {
  place.replace(scene, field, value === 0n ? undefined : scene.write((out) => out.fixed64(field, value)));
}

export function id(place: Place, field: number, kind: 'trace' | 'span'): Accessor {
  const size = kind === 'trace' ? 16 : 8;
  return {
    get(scene) {
      const bytes = place.at(scene).raw.bytes(field);
      return new Id(kind, bytes.length === size ? Buffer.from(bytes) : new Uint8Array(size));
    },
    set(scene, value) {
      if (!(value instanceof Id) || value.kind !== kind) mistyped(`${kind} id`, value);
      putId(place, scene, field, value.bytes);
    },
  };
}

/** `trace_id.string`: the hexadecimal digits. */
export function idText(place: Place, field: number, kind: 'trace' | 'span'): Accessor {
  const whole = id(place, field, kind);
  const digits = kind === 'trace' ? 32 : 16;
  return {
    get: (scene) => (whole.get(scene) as Id).hex,
    set(scene, value) {
      const said = expectText(value);
      if (said.length !== digits || !/^[0-9a-fA-F]*$/.test(said)) {
        fail(`${kind} ids are ${digits} hexadecimal digits, got ${JSON.stringify(said.slice(0, 64))}`);
      }
      putId(place, scene, field, Buffer.from(said, 'hex'));
    },
  };
}

function putId(place: Place, scene: Scene, field: number, bytes: Uint8Array): void {
  const empty = bytes.every((byte) => byte === 0);
  place.replace(scene, field, empty ? undefined : scene.write((out) => out.bytes(field, bytes)));
}

/** A message, or all messages of a repeated field, to be measured or handed on whole. */
export function messages(place: Place, field: FieldOf, type: string, repeated: boolean): Accessor {
  return {
    get(scene) {
      const number = numberOf(field, scene);
      if (number === 0) return undefined;
      const { buf, start, end } = place.at(scene);
      const found: Uint8Array[] = [];
      const fields = new Fields().reset(buf, start, end);
      while (fields.next()) {
        if (fields.tag === ((number << 3) | LEN)) found.push(Buffer.from(buf.subarray(fields.from, fields.to)));
      }
      return new Opaque(type, repeated ? found : [Buffer.concat(found)]);
    },
    set(scene, value) {
      if (!(value instanceof Opaque) || value.type !== type) mistyped(type, value);
      const number = numberOf(field, scene);
      if (number === 0) fail(`this kind of data point has no ${type}`);
      place.replace(
        scene,
        number,
        scene.write((out) => {
          for (const message of value.messages) out.bytes(number, message);
        }),
      );
    },
  };
}

/** What is computed from a path: read only. */
export function computed(get: (scene: Scene) => Value): Accessor {
  return { get };
}
