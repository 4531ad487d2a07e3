import type { Accessor } from './accessors.ts';
import { Args, type FunctionTable } from './args.ts';
import type { Call, Condition, Value as Node, Path } from './ast.ts';
import { calculate, compare, negate } from './compare.ts';
import { enumNames, type ResolvedPath, resolveEnum, resolvePath } from './contexts.ts';
import { missing } from './functions/missing.ts';
import { indexedResult, type Key } from './keyed.ts';
import { refuse, refuseName } from './problem.ts';
import type { Context, Scene } from './scene.ts';
import { fail, OttlError, typeName, type Value, ValueMap } from './values.ts';

export type Getter<T = Value> = (scene: Scene) => T;
export type Test = (scene: Scene) => boolean;

/** A compiled value. */
export interface Expression {
  readonly get: Getter;
  /** Set where the value is known before any record. */
  readonly literal?: { readonly value: Value };
  readonly accessor?: Accessor;
}

/** Time and chance, for the converters that need them. */
export interface Surroundings {
  /** Nanoseconds since 1970. */
  readonly now: () => bigint;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Compiles the pieces of one statement or condition for one context. */
export class Scope {
  readonly context: Context;
  readonly surroundings: Surroundings;
  readonly functions: FunctionTable;
  /** The contexts whose records the statement reads, and those it changes. */
  readonly reads = new Set<Context>();
  readonly writes = new Set<Context>();
  /** Whether it keeps something for a later statement, or reads what one kept. */
  usesCache = false;

  readonly #prefixed: boolean;

  /** @param prefixed whether every path must begin with a context's name */
  constructor(context: Context, functions: FunctionTable, surroundings: Surroundings, prefixed: boolean) {
    this.#prefixed = prefixed;
    this.context = context;
    this.functions = functions;
    this.surroundings = surroundings;
  }

  path(path: Path, write = false): ResolvedPath {
    const resolved = resolvePath(path, this.context, (keys) => this.keys(keys));
    if (this.#prefixed && !resolved.prefixed) refuse(path, `expected a context before it, such as ${resolved.name}`);
    if (resolved.name.endsWith('.cache')) this.usesCache = true;
    else (write ? this.writes : this.reads).add(resolved.context);
    return resolved;
  }

  keys(nodes: readonly Node[]): readonly Key[] {
    return nodes.map((node): Key => {
      if (node.kind === 'string') return { kind: 'text', text: node.value };
      if (node.kind === 'int') return { kind: 'index', index: Number(node.value) };
      return { kind: 'computed', get: this.expression(node).get };
    });
  }

  expression(node: Node): Expression {
    switch (node.kind) {
      case 'nil':
        return known(undefined);
      case 'bool':
      case 'int':
      case 'float':
      case 'string':
      case 'bytes':
        return known(node.value);
      case 'name':
        return known(this.#enum(node));
      case 'path': {
        const { accessor } = this.path(node);
        return { get: (scene) => accessor.get(scene), accessor };
      }
      case 'call':
        return { get: this.converter(node) };
      case 'list': {
        const values = node.values.map((one) => this.expression(one));
        return folded(values, (scene) => values.map(({ get }) => get(scene)));
      }
      case 'map': {
        const items = node.items.map(({ key, value }) => [key, this.expression(value)] as const);
        const last = [...new Map(items)];
        return folded(
          last.map(([, value]) => value),
          (scene) => ValueMap.of(last.map(([key, { get }]) => [key, get(scene)] as const)),
        );
      }
      case 'negate': {
        const operand = this.expression(node.operand);
        return folded([operand], (scene) => negate(operand.get(scene)));
      }
      case 'math': {
        const left = this.expression(node.left);
        const right = this.expression(node.right);
        return folded([left, right], (scene) => calculate(node.operator, left.get(scene), right.get(scene)));
      }
    }
  }

  #enum(node: Node & { kind: 'name' }): bigint {
    const value = resolveEnum(this.context, node.name);
    if (value !== undefined) return value;
    if (Object.hasOwn(this.functions, node.name)) refuse(node, `${node.name} is a converter: expected ${node.name}(…)`);
    refuseName(node, `${this.context} knows no ${node.name}`, node.name, enumNames(this.context));
  }

  /** A call of a converter, with what it is indexed by. */
  converter(call: Call): Getter {
    const run = this.callOf(call);
    if (call.keys.length === 0) return run;
    const keys = this.keys(call.keys);
    return (scene) => indexedResult(scene, run(scene), keys);
  }

  callOf(call: Call): Getter {
    const spec = Object.hasOwn(this.functions, call.name) ? this.functions[call.name] : undefined;
    if (!spec) this.#refuseFunction(call);
    return spec.make(new Args(call, spec, this));
  }

  #refuseFunction(call: Call): never {
    const why = Object.hasOwn(missing, call.name) ? missing[call.name] : undefined;
    if (why) refuse(call.nameRange, `${call.name} is not supported: ${why}`);
    const isEditor = /^[a-z]/.test(call.name);
    const names = Object.keys(this.functions).filter((name) => /^[a-z]/.test(name) === isEditor);
    refuseName(call.nameRange, `unknown function ${call.name}`, call.name, names);
  }

  condition(node: Condition): Test {
    switch (node.kind) {
      case 'constant': {
        const { value } = node;
        return () => value;
      }
      case 'not': {
        const operand = this.condition(node.operand);
        return (scene) => !operand(scene);
      }
      case 'and':
        return node.operands.map((one) => this.condition(one)).reduce((a, b) => (scene) => a(scene) && b(scene));
      case 'or':
        return node.operands.map((one) => this.condition(one)).reduce((a, b) => (scene) => a(scene) || b(scene));
      case 'test': {
        const get = this.converter(node.call);
        const { name } = node.call;
        return (scene) => {
          const value = get(scene);
          return typeof value === 'boolean' ? value : fail(`${name} came to ${typeName(value)}: expected bool`);
        };
      }
      case 'compare':
        return this.#comparison(node);
    }
  }

  #comparison(node: Condition & { kind: 'compare' }): Test {
    const left = this.expression(node.left);
    const right = this.expression(node.right);
    const { operator } = node;
    if (left.literal && right.literal) {
      const truth = compare(operator, left.literal.value, right.literal.value);
      return () => truth;
    }
    if (right.literal) return againstLiteral(left, operator, right.literal.value) ?? general(left, operator, right);
    if (left.literal) {
      return againstLiteral(right, mirrored[operator], left.literal.value) ?? general(left, operator, right);
    }
    return general(left, operator, right);
  }
}

function known(value: Value): Expression {
  return { get: () => value, literal: { value } };
}

/** Computes at once what hangs on nothing; an error waits until somebody asks. */
function folded(parts: readonly Expression[], get: Getter): Expression {
  if (!parts.every((part) => part.literal)) return { get };
  try {
    return known(get(undefined as never));
  } catch (thrown) {
    if (thrown instanceof OttlError) return { get };
    throw thrown;
  }
}

const mirrored = { '==': '==', '!=': '!=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;
type Operator = keyof typeof mirrored;

function general(left: Expression, operator: Operator, right: Expression): Test {
  const a = left.get;
  const b = right.get;
  return (scene) => compare(operator, a(scene), b(scene));
}

/** The comparisons that most conditions are made of, without decoding; undefined for others. */
function againstLiteral({ accessor }: Expression, operator: Operator, literal: Value): Test | undefined {
  if (!accessor) return undefined;
  const equality = operator === '==' || operator === '!=';
  const { textIs, isNil, small } = accessor;
  if (typeof literal === 'string' && textIs && equality) {
    const wanted = Buffer.from(literal);
    return operator === '==' ? (scene) => textIs(scene, wanted) : (scene) => !textIs(scene, wanted);
  }
  if (literal === undefined && isNil && equality) {
    return operator === '==' ? isNil : (scene) => !isNil(scene);
  }
  if ((typeof literal === 'bigint' || typeof literal === 'number') && small) {
    const wanted = Number(literal);
    return (scene) => compareSmall(operator, small(scene), wanted);
  }
  return undefined;
}

function compareSmall(operator: Operator, a: number, b: number): boolean {
  switch (operator) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
  }
}
