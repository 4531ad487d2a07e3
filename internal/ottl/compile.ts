import type { FunctionTable } from './args.ts';
import { Scope, type Surroundings } from './expression.ts';
import { convertersOf, editors } from './functions/index.ts';
import { parseCondition, parseStatement } from './parser.ts';
import { attempt, type OttlProblem, refuse } from './problem.ts';
import type { Context, Scene } from './scene.ts';

export interface CompileOptions {
  /** For `Now()` and `UUID()`; without, they say 1970 and zeros. */
  readonly surroundings?: Surroundings;
  /** Functions besides those of every context. */
  readonly functions?: FunctionTable;
  /** Every path must begin with a context's name: where the context was inferred from the paths. */
  readonly prefixed?: boolean;
}

export interface CompiledCondition {
  readonly ok: true;
  /** Whether it holds. Throws OttlError, and nothing else, where it cannot be evaluated: what `error_mode` is about. */
  test(scene: Scene): boolean;
  /** The contexts whose records it looks at. */
  readonly reads: ReadonlySet<Context>;
}

export type Refused = { readonly ok: false; readonly problem: OttlProblem };

export interface CompiledStatement {
  readonly ok: true;
  readonly text: string;
  /**
   * Changes what the scene stands on, where the statement's condition holds. Returns whether it did. Throws OttlError,
   * and nothing else, where it cannot be evaluated; what was changed until then stays.
   */
  run(scene: Scene): boolean;
  readonly reads: ReadonlySet<Context>;
  /** The contexts whose records it may change. */
  readonly writes: ReadonlySet<Context>;
  readonly usesCache: boolean;
}

const nowhere: Surroundings = { now: () => 0n, random: () => 0 };

/**
 * Compiles a condition for one context: `IsMatch(attributes["http.route"], "^/health") and kind == SPAN_KIND_SERVER`.
 * Paths are the context's own, or begin with a context's name: `resource.attributes["service.name"]`.
 */
export function compileCondition(
  text: string,
  context: Context,
  options: CompileOptions = {},
): CompiledCondition | Refused {
  const parsed = parseCondition(text);
  if (!parsed.ok) return parsed;
  return attempt(() => {
    const scope = scopeFor(context, convertersOf(context), options);
    return { test: scope.condition(parsed.ast), reads: scope.reads };
  });
}

/** Compiles a statement for one context: `set(attributes["tier"], "gold") where resource.attributes["plan"] == "paid"`. */
export function compileStatement(
  text: string,
  context: Context,
  options: CompileOptions = {},
): CompiledStatement | Refused {
  const parsed = parseStatement(text);
  if (!parsed.ok) return parsed;
  return attempt(() => {
    const scope = scopeFor(context, { ...convertersOf(context), ...editors }, options);
    const edit = scope.callOf(parsed.ast.editor);
    if (context === 'datapoint' && scope.writes.has('metric')) {
      refuse(parsed.ast.editor, 'a statement about data points cannot change their metric: use the metric context');
    }
    const where = parsed.ast.where && scope.condition(parsed.ast.where);
    const run = (scene: Scene) => {
      if (where && !where(scene)) return false;
      edit(scene);
      return true;
    };
    return { text, run, reads: scope.reads, writes: scope.writes, usesCache: scope.usesCache };
  });
}

function scopeFor(context: Context, functions: FunctionTable, options: CompileOptions): Scope {
  const { surroundings = nowhere, prefixed = false } = options;
  return new Scope(context, { ...functions, ...options.functions }, surroundings, prefixed);
}
