import { type Args, define, type FunctionTable } from '../args.ts';
import { compare } from '../compare.ts';
import { fail, Id, Opaque, typeName, type Value, ValueMap } from '../values.ts';

/** Converters that ask for, or change, the type of a value. */
export const typeConverters: FunctionTable = {
  IsString: is((value) => typeof value === 'string'),
  IsInt: is((value) => typeof value === 'bigint'),
  IsDouble: is((value) => typeof value === 'number'),
  IsBool: is((value) => typeof value === 'boolean'),
  IsMap: is((value) => value instanceof ValueMap),
  IsList: is((value) => Array.isArray(value) || isSlice(value)),
  String: define('target', (args) => args.textLike('target')),
  Int: define('target', (args) => args.intLike('target')),
  Double: define('target', (args) => args.doubleLike('target')),
  Bool: define('target', (args) => args.boolLike('target')),
  Len: define('target', (args) => {
    const target = args.any('target');
    return (scene) => BigInt(lengthOf(target(scene)));
  }),
  Coalesce: define('values', (args) => {
    const values = args.listOf('values', (value) => value);
    if (values.length === 0) args.refuse('values', 'expected at least one value');
    return (scene) => {
      for (const get of values) {
        const value = get(scene);
        if (value !== undefined) return value;
      }
      return undefined;
    };
  }),
  ContainsValue: define('target, item', (args) => {
    const target = args.list('target');
    const item = args.any('item');
    return (scene) => {
      const list = target(scene);
      const wanted = item(scene);
      return list.some((value) => compare('==', value, wanted));
    };
  }),
  TraceID: define('target', (args) => idFrom(args, 'trace', 16)),
  SpanID: define('target', (args) => idFrom(args, 'span', 8)),
};

function is(test: (value: Value) => boolean) {
  return define('target', (args) => {
    const target = args.any('target');
    return (scene) => test(target(scene));
  });
}

/** Events, links, data points: what upstream keeps in slices. */
function isSlice(value: Value): value is Opaque {
  return value instanceof Opaque && value.type !== 'status' && value.type !== 'buckets';
}

function lengthOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length;
  if (value instanceof ValueMap) return value.pairs.length;
  if (isSlice(value)) return value.messages.length;
  fail(`Len cannot measure ${typeName(value)}`);
}

/** From bytes, or from hexadecimal digits. */
function idFrom(args: Args, kind: 'trace' | 'span', size: number) {
  const target = args.bytesLike('target');
  const make = (bytes: Uint8Array | undefined): Id => {
    if (bytes?.length === size) return new Id(kind, Buffer.from(bytes));
    const digits = bytes?.length === size * 2 ? Buffer.from(bytes).toString('latin1') : '';
    if (/^[0-9a-fA-F]+$/.test(digits)) return new Id(kind, Buffer.from(digits, 'hex'));
    fail(`expected ${size} bytes or ${size * 2} hexadecimal digits, got ${bytes?.length ?? 0} bytes`);
  };
  const literal = args.literal('target');
  if (literal?.value instanceof Uint8Array && literal.value.length !== size && literal.value.length !== size * 2) {
    args.refuse(
      'target',
      `expected ${size} bytes or ${size * 2} hexadecimal digits, got ${literal.value.length} bytes`,
    );
  }
  return literal
    ? constant(() => make(target(undefined as never)))
    : (scene: Parameters<typeof target>[0]) => make(target(scene));
}

/** Computed at the first call: an error is one of evaluating. */
function constant<T extends Value>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
