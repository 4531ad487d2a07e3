import type { Signal } from '../../internal/otlp/payload.ts';
import {
  type CompiledCondition,
  type Context,
  compileCondition,
  contextsOf,
  inferContext,
  type OttlProblem,
  parseCondition,
  placed,
  pointConverters,
  type Surroundings,
} from '../../internal/ottl/index.ts';

type Failed = { readonly ok: false; readonly message: string };

const functionsOf = (context: Context) => (context === 'metric' ? pointConverters : {});

/** Which context a condition is about: the one that is named, or else the one its paths begin with. */
export function contextFor(
  text: string,
  signal: Signal,
  named: Context | '',
): { readonly ok: true; readonly context: Context } | Failed {
  if (named !== '') {
    if (contextsOf[signal].includes(named)) return { ok: true, context: named };
    return { ok: false, message: `${signal} have no ${named}: expected context ${contextsOf[signal].join(', ')}` };
  }
  const parsed = parseCondition(text);
  if (!parsed.ok) return failed(text, parsed.problem);
  const inferred = inferContext([parsed.ast], contextsOf[signal], functionsOf);
  return inferred.ok ? inferred : failed(text, inferred.problem);
}

/** @param prefixed whether the condition's paths must begin with a context */
export function compileFor(
  text: string,
  context: Context,
  prefixed: boolean,
  surroundings?: Surroundings,
): CompiledCondition | Failed {
  const options = { prefixed, functions: functionsOf(context), ...(surroundings ? { surroundings } : {}) };
  const compiled = compileCondition(text, context, options);
  return compiled.ok ? compiled : failed(text, compiled.problem);
}

function failed(text: string, problem: OttlProblem): Failed {
  return { ok: false, message: placed(problem, text) };
}
