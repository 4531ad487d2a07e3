import type { Accessor } from './accessors.ts';
import type { Call, Value as Node, Range } from './ast.ts';
import { asBool, asBytes, asDouble, asInt, asText } from './convert.ts';
import type { Expression, Getter, Scope } from './expression.ts';
import { refuse, refuseName } from './problem.ts';
import type { Scene } from './scene.ts';
import { Duration, fail, OttlError, Time, typeName, type Value, ValueMap } from './values.ts';

/** A function of the language: an editor or a converter. */
export interface FunctionSpec {
  readonly params: readonly Param[];
  /** Called once for each call in a statement; refuses arguments that cannot work. */
  make(args: Args): (scene: Scene) => Value;
}

interface Param {
  readonly name: string;
  readonly optional: boolean;
}

export type FunctionTable = Readonly<Record<string, FunctionSpec>>;

/** @param params names in order, `?` behind optional ones */
export function define(params: string, make: FunctionSpec['make']): FunctionSpec {
  const names = params === '' ? [] : params.split(', ');
  return { params: names.map((name) => ({ name: name.replace('?', ''), optional: name.endsWith('?') })), make };
}

/** The arguments of one call, checked against what the function takes, each fetched by its type. */
export class Args {
  readonly call: Call;
  readonly scope: Scope;
  readonly #nodes = new Map<string, Node>();
  readonly #given: Getter | undefined;

  /** @param given stands for the first argument: a function that is handed to another */
  constructor(call: Call, spec: FunctionSpec, scope: Scope, given?: Getter) {
    this.call = call;
    this.scope = scope;
    this.#given = given;
    if (given) return;
    const names = spec.params.map((param) => param.name);
    const signature = `${call.name}(${spec.params.map((param) => param.name + (param.optional ? '?' : '')).join(', ')})`;
    if (call.args.length > names.length) refuse(call.args[names.length]!, `too many arguments: expected ${signature}`);
    for (const [index, argument] of call.args.entries()) {
      const name = argument.name ?? names[index]!;
      if (!names.includes(name))
        refuseName(argument, `${call.name} has no parameter ${name}: expected ${signature}`, name, names);
      if (this.#nodes.has(name)) refuse(argument, `${name} is given twice`);
      this.#nodes.set(name, argument.value);
    }
    const missing = spec.params.find((param) => !param.optional && !this.#nodes.has(param.name));
    if (missing) refuse(call.nameRange, `${missing.name} is missing: expected ${signature}`);
  }

  has(name: string): boolean {
    return this.#nodes.has(name);
  }
  range(name: string): Range {
    return this.#nodes.get(name) ?? this.call;
  }
  refuse(name: string, message: string): never {
    refuse(this.range(name), message);
  }

  any(name: string): Getter {
    return this.#expression(name).get;
  }
  text(name: string): Getter<string> {
    return this.#typed(name, (value) => (typeof value === 'string' ? value : mistyped('string', value)));
  }
  textLike(name: string): Getter<string | undefined> {
    return this.#typed(name, asText);
  }
  int(name: string): Getter<bigint> {
    return this.#typed(name, (value) => (typeof value === 'bigint' ? value : mistyped('int64', value)));
  }
  intLike(name: string): Getter<bigint | undefined> {
    return this.#typed(name, asInt);
  }
  double(name: string): Getter<number> {
    return this.#typed(name, (value) => (typeof value === 'number' ? value : mistyped('float64', value)));
  }
  doubleLike(name: string): Getter<number | undefined> {
    return this.#typed(name, asDouble);
  }
  bool(name: string): Getter<boolean> {
    return this.#typed(name, (value) => (typeof value === 'boolean' ? value : mistyped('bool', value)));
  }
  boolLike(name: string): Getter<boolean | undefined> {
    return this.#typed(name, asBool);
  }
  bytesLike(name: string): Getter<Uint8Array | undefined> {
    return this.#typed(name, asBytes);
  }
  map(name: string): Getter<ValueMap> {
    return this.#typed(name, toMap);
  }
  list(name: string): Getter<readonly Value[]> {
    return this.#typed(name, toList);
  }
  time(name: string): Getter<Time> {
    return this.#typed(name, (value) => (value instanceof Time ? value : mistyped('time', value)));
  }
  duration(name: string): Getter<Duration> {
    return this.#typed(name, (value) => (value instanceof Duration ? value : mistyped('duration', value)));
  }

  /** The getters of a list that is written out: `[a, b]`. */
  listOf<T>(name: string, convert: (value: Value) => T): Getter<T>[] {
    const node = this.#nodes.get(name)!;
    if (node.kind !== 'list') refuse(node, `${name}: expected a list such as ["a", "b"]`);
    return node.values.map((one) => this.#convert(this.scope.expression(one), one, convert));
  }
  texts(name: string): Getter<string>[] {
    return this.listOf(name, (value) => (typeof value === 'string' ? value : mistyped('string', value)));
  }

  /** What the argument leads to, where it is a path. */
  accessor(name: string): Accessor | undefined {
    return this.#expression(name).accessor;
  }

  /** What is known before any record: a literal's value. */
  literal(name: string): { readonly value: Value } | undefined {
    return this.has(name) ? this.#expression(name).literal : undefined;
  }
  /** Literals alone; undefined for an optional one that is not given. */
  literalText(name: string): string | undefined {
    return this.#literal(name, 'string', 'a string') as string | undefined;
  }
  literalInt(name: string): bigint | undefined {
    return this.#literal(name, 'int', 'an int') as bigint | undefined;
  }
  literalDouble(name: string): number | undefined {
    return this.#literal(name, 'float', 'a float such as 2.0') as number | undefined;
  }
  literalBool(name: string): boolean | undefined {
    return this.#literal(name, 'bool', 'true or false') as boolean | undefined;
  }
  literalTexts(name: string): string[] | undefined {
    const node = this.#nodes.get(name);
    if (!node) return undefined;
    if (node.kind !== 'list') refuse(node, `${name}: expected a list such as ["a", "b"]`);
    return node.values.map((one) => (one.kind === 'string' ? one.value : refuse(one, `${name}: expected strings`)));
  }

  /** A path that can be written. */
  target(name: string): Accessor & Required<Pick<Accessor, 'set'>> {
    const node = this.#nodes.get(name)!;
    if (node.kind !== 'path') refuse(node, `${name}: expected a path such as attributes["name"]`);
    const { accessor, name: said } = this.scope.path(node, true);
    if (!accessor.set) refuse(node, `${said} cannot be set`);
    return accessor as Accessor & Required<Pick<Accessor, 'set'>>;
  }
  /** A converter given by its name alone. */
  functionName(name: string): string {
    const node = this.#nodes.get(name)!;
    return node.kind === 'name' ? node.name : refuse(node, `${name}: expected a converter's name such as SHA256`);
  }

  #literal(name: string, kind: Node['kind'], wanted: string): Value {
    const node = this.#nodes.get(name);
    if (!node) return undefined;
    if (node.kind !== kind) refuse(node, `${name}: expected ${wanted}, written out`);
    return (node as { value: Value }).value;
  }

  #expression(name: string): Expression {
    return this.#given ? { get: this.#given } : this.scope.expression(this.#nodes.get(name)!);
  }
  #typed<T>(name: string, convert: (value: Value) => T): Getter<T> {
    return this.#convert(this.#expression(name), this.range(name), convert);
  }

  /** A literal of the wrong type is refused at once. */
  #convert<T>(expression: Expression, node: Range, convert: (value: Value) => T): Getter<T> {
    const { get, literal } = expression;
    if (!literal) return (scene) => convert(get(scene));
    try {
      const value = convert(literal.value);
      return () => value;
    } catch (thrown) {
      if (thrown instanceof OttlError) refuse(node, thrown.message);
      throw thrown;
    }
  }
}

function mistyped(wanted: string, value: Value): never {
  fail(`expected ${wanted}, got ${typeName(value)}`);
}

export function toMap(value: Value): ValueMap {
  return value instanceof ValueMap ? value : mistyped('map', value);
}

export function toList(value: Value): readonly Value[] {
  return Array.isArray(value) ? value : mistyped('list', value);
}
