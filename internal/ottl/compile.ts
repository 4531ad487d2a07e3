import type { FunctionTable } from './args.ts';
import { Scope, type Surroundings } from './expression.ts';
import { convertersOf } from './functions/index.ts';
import { parseCondition } from './parser.ts';
import { attempt, type OttlProblem } from './problem.ts';
import type { Context, Scene } from './scene.ts';

export interface CompileOptions {
  /** For `Now()` and `UUID()`; without, they say 1970 and zeros. */
  readonly surroundings?: Surroundings;
  /** Converters besides those of every context. */
  readonly functions?: FunctionTable;
}

export interface CompiledCondition {
  readonly ok: true;
  /** Whether it holds. Throws OttlError, and nothing else, where it cannot be evaluated: what `error_mode` is about. */
  test(scene: Scene): boolean;
  /** The contexts whose records it looks at. */
  readonly reads: ReadonlySet<Context>;
}

export type Refused = { readonly ok: false; readonly problem: OttlProblem };

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
    const functions = { ...convertersOf(context), ...options.functions };
    const scope = new Scope(context, functions, options.surroundings ?? nowhere);
    return { test: scope.condition(parsed.ast), reads: scope.reads };
  });
}
