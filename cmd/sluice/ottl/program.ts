import type { Signal } from '../../../internal/otlp/payload.ts';
import {
  type CompiledCondition,
  type CompiledStatement,
  type Condition,
  type Context,
  compileCondition,
  compileStatement,
  contextsOf,
  inferContext,
  type OttlProblem,
  parseCondition,
  parseStatement,
  type Statement,
} from '../../../internal/ottl/index.ts';
import { conditionFunctionsOf, functionsOf } from '../../../processors/transform/metric_functions.ts';

/** A part of a condition by its text. */
export interface Part {
  readonly text: string;
  readonly test: CompiledCondition['test'];
}

/** One statement, or a condition alone. */
export interface Line {
  readonly text: string;
  readonly context: Context;
  readonly statement: CompiledStatement | undefined;
  /** The condition, and where it is of several their results too. */
  readonly where: Part | undefined;
  readonly parts: readonly Part[];
}

export type Compiled =
  | { readonly ok: true; readonly line: Line }
  | { readonly ok: false; readonly problem: OttlProblem };

/** Time stands still, so that the same input gives the same output. */
const surroundings = { now: () => 1_704_067_200_000_000_000n, random: () => 0.5 };

/** As the transform processor would, for one signal. @param said the context; undefined: what the paths begin with tells it */
export function compileLine(text: string, signal: Signal, said: Context | undefined): Compiled {
  const parsed = parse(text);
  if (!parsed.ok) return parsed;
  const { ast } = parsed;
  const inferred = said ? ({ ok: true, context: said } as const) : inferContext([ast], contextsOf[signal], functionsOf);
  if (!inferred.ok) {
    const { problem } = inferred;
    return { ok: false, problem: { ...problem, message: `${problem.message}; or name the context with --context` } };
  }
  const { context } = inferred;
  const options = { surroundings, prefixed: said === undefined };
  const where = 'editor' in ast ? ast.where : ast;
  const part = ({ at, length }: Condition): Part => {
    const piece = text.slice(at, at + length);
    const compiled = compileCondition(piece, context, { ...options, functions: conditionFunctionsOf(context) });
    return { text: piece, test: compiled.ok ? compiled.test : () => false };
  };
  const parts = where?.kind === 'and' || where?.kind === 'or' ? where.operands.map(part) : [];
  if (!('editor' in ast)) {
    const compiled = compileCondition(text, context, { ...options, functions: conditionFunctionsOf(context) });
    if (!compiled.ok) return compiled;
    return { ok: true, line: { text, context, statement: undefined, where: { text, test: compiled.test }, parts } };
  }
  const statement = compileStatement(text, context, { ...options, functions: functionsOf(context) });
  if (!statement.ok) return statement;
  return { ok: true, line: { text, context, statement, where: where && part(where), parts } };
}

/** A statement begins with an editor, in lower case and called; all else is meant as a condition. */
function parse(text: string): { ok: true; ast: Statement | Condition } | { ok: false; problem: OttlProblem } {
  const statement = parseStatement(text);
  if (statement.ok) return statement;
  const condition = parseCondition(text);
  if (condition.ok) return condition;
  const looksLikeStatement = /^\s*(?!not\b)[a-z][a-z0-9_]*\s*\(/.test(text);
  return looksLikeStatement ? statement : condition;
}
