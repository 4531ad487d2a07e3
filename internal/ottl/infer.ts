import type { FunctionTable } from './args.ts';
import type { Call, Condition, Path, Statement, Value } from './ast.ts';
import { hasEnum } from './contexts.ts';
import { convertersOf, editors } from './functions/index.ts';
import type { OttlProblem } from './problem.ts';
import type { Context } from './scene.ts';

/** What is said first wins: a statement about a data point may look at its metric, not the other way round. */
const priority: readonly string[] = [
  'log',
  'datapoint',
  'metric',
  'spanevent',
  'span',
  'scope',
  'instrumentation_scope',
  'resource',
];

export type Inferred =
  | { readonly ok: true; readonly context: Context }
  | { readonly ok: false; readonly problem: OttlProblem };

/**
 * The context that statements and conditions are about, by the names that their paths begin with. Where it lacks one of
 * their functions or enums, the next lower one that has them all.
 *
 * @param candidates the contexts of the signal
 * @param extra functions that a context has besides
 */
export function inferContext(
  parsed: readonly (Statement | Condition)[],
  candidates: readonly Context[],
  extra: (context: Context) => FunctionTable = () => ({}),
): Inferred {
  const hints = new Hints();
  for (const one of parsed) 'editor' in one ? hints.statement(one) : hints.condition(one);
  const ranked = hints.paths.toSorted((a, b) => rank(rootOf(a)) - rank(rootOf(b)));
  const first = ranked[0];
  const expected = candidates.map((name) => `${name}.`).join(', ');
  if (!first) return refused(undefined, `no path tells the context: expected one that begins with ${expected}`);
  const root = rootOf(first);
  const inferred = (root === 'instrumentation_scope' ? 'scope' : root) as Context;
  if (!candidates.includes(inferred)) {
    return refused(first, `the path tells no context of this signal: expected one that begins with ${expected}`);
  }
  const lower = candidates.filter((context) => rank(context) > rank(inferred) && isBelow(context, inferred));
  for (const context of [inferred, ...lower.toSorted((a, b) => rank(a) - rank(b))]) {
    const functions = { ...editors, ...convertersOf(context), ...extra(context) };
    const hasAll = [...hints.functions].every((name) => Object.hasOwn(functions, name));
    if (hasAll && [...hints.enums].every((name) => hasEnum(context, name))) return { ok: true, context };
  }
  // Compiling for it says which function or symbol is unknown.
  return { ok: true, context: inferred };
}

function rank(name: string): number {
  const index = priority.indexOf(name);
  return index < 0 ? priority.length : index;
}

/** Whether the records of `inferred` stand inside, or hold, those of `context`. */
function isBelow(context: Context, inferred: Context): boolean {
  return context !== 'log' && inferred !== 'scope' ? true : context === 'resource';
}

function rootOf(path: Path): string {
  const [first] = path.segments;
  return path.segments.length > 1 && first!.keys.length === 0 ? first!.name : '';
}

function refused(path: Path | undefined, message: string): Inferred {
  return { ok: false, problem: { message, at: path?.at ?? 0, length: path?.length ?? 0 } };
}

/** The paths, functions and symbols that are used. */
class Hints {
  readonly paths: Path[] = [];
  readonly functions = new Set<string>();
  readonly enums = new Set<string>();

  statement({ editor, where }: Statement): void {
    this.#call(editor);
    if (where) this.condition(where);
  }

  condition(node: Condition): void {
    switch (node.kind) {
      case 'not':
        this.condition(node.operand);
        return;
      case 'test':
        this.#call(node.call);
        return;
      case 'compare':
        this.#value(node.left);
        this.#value(node.right);
        return;
      case 'and':
      case 'or':
        for (const operand of node.operands) this.condition(operand);
    }
  }

  #call(call: Call): void {
    this.functions.add(call.name);
    for (const { value } of call.args) if (value.kind !== 'name') this.#value(value);
    for (const { value } of call.args)
      if (value.kind === 'name' && /^[A-Z0-9_]+$/.test(value.name)) this.#symbol(value.name);
    for (const key of call.keys) this.#value(key);
  }

  /** A converter may be handed over by its name. */
  #symbol(name: string): void {
    if (Object.hasOwn(convertersOf('span'), name)) this.functions.add(name);
    else this.enums.add(name);
  }

  #value(node: Value): void {
    switch (node.kind) {
      case 'path':
        this.paths.push(node);
        for (const { keys } of node.segments) for (const key of keys) this.#value(key);
        return;
      case 'call':
        this.#call(node);
        return;
      case 'name':
        this.#symbol(node.name);
        return;
      case 'list':
        for (const value of node.values) this.#value(value);
        return;
      case 'map':
        for (const { value } of node.items) this.#value(value);
        return;
      case 'negate':
        this.#value(node.operand);
        return;
      case 'math':
        this.#value(node.left);
        this.#value(node.right);
    }
  }
}
