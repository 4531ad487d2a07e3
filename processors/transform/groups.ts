import type { Signal } from '../../internal/otlp/payload.ts';
import {
  type CompiledCondition,
  type CompiledStatement,
  type Context,
  compileCondition,
  compileStatement,
  contextsOf,
  inferContext,
  type OttlProblem,
  parseCondition,
  parseStatement,
  placed,
  type Surroundings,
} from '../../internal/ottl/index.ts';
import type { ErrorMode, StatementList } from './config.ts';
import { conditionFunctionsOf, functionsOf } from './metric_functions.ts';

/** Statements of one context, carried out together on each record. */
export interface Group {
  readonly context: Context;
  readonly conditions: readonly (CompiledCondition & { readonly text: string })[];
  readonly statements: readonly CompiledStatement[];
  readonly errorMode: ErrorMode | undefined;
}

/** What is wrong, and under which keys. */
export interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

interface Written {
  readonly context: Context | '';
  readonly conditions: readonly string[];
  readonly statements: readonly string[];
  readonly error_mode?: ErrorMode | undefined;
}

/** All that is wrong with a list of statements or groups. */
export function problemsOf(signal: Signal, list: StatementList): Problem[] {
  return writtenGroups(list).flatMap(({ group, where }) => {
    const compiled = compileGroup(signal, group);
    if (!('problems' in compiled)) return [];
    return compiled.problems.map(({ path, message }) => ({
      path: where === undefined ? path.slice(1) : [where, ...path],
      message,
    }));
  });
}

/** The groups of a list that has no problems. */
export function groupsOf(signal: Signal, list: StatementList, surroundings: Surroundings): Group[] {
  return writtenGroups(list).map(({ group }) => {
    const compiled = compileGroup(signal, group, surroundings);
    if ('problems' in compiled) throw new Error(compiled.problems.map(({ message }) => message).join('; '));
    return compiled;
  });
}

/** Statements without a group make one of their own. */
function writtenGroups(list: StatementList): { group: Written; where: number | undefined }[] {
  const plain = list.filter((item) => typeof item === 'string');
  if (plain.length > 0) return [{ group: { context: '', conditions: [], statements: plain }, where: undefined }];
  return list.filter((item) => typeof item !== 'string').map((group, where) => ({ group, where }));
}

function compileGroup(signal: Signal, group: Written, surroundings?: Surroundings): Group | { problems: Problem[] } {
  const { conditions, statements, error_mode } = group;
  const problems: Problem[] = [];
  const note = (kind: 'conditions' | 'statements', i: number, text: string, problem: OttlProblem) => {
    problems.push({ path: [kind, i], message: placed(problem, text) });
  };
  const context = contextOf(signal, group, note);
  if (context === undefined) return { problems };
  if (!contextsOf[signal].includes(context)) {
    const message = `${signal} have no ${context}: expected ${contextsOf[signal].join(', ')}`;
    return { problems: [{ path: ['context'], message }] };
  }
  const options = {
    prefixed: group.context === '',
    functions: functionsOf(context),
    ...(surroundings ? { surroundings } : {}),
  };
  const ready: Group = {
    context,
    errorMode: error_mode,
    conditions: conditions.flatMap((text, i) => {
      const compiled = compileCondition(text, context, { ...options, functions: conditionFunctionsOf(context) });
      if (compiled.ok) return [{ ...compiled, text }];
      note('conditions', i, text, compiled.problem);
      return [];
    }),
    statements: statements.flatMap((text, i) => {
      const compiled = compileStatement(text, context, options);
      if (compiled.ok) return [compiled];
      note('statements', i, text, compiled.problem);
      return [];
    }),
  };
  return problems.length > 0 ? { problems } : ready;
}

/** The context that is named, or the one that all paths of the group tell; undefined where there is none, which `note` was told. */
function contextOf(
  signal: Signal,
  { context, conditions, statements }: Written,
  note: (kind: 'conditions' | 'statements', i: number, text: string, problem: OttlProblem) => void,
): Context | undefined {
  if (context !== '') return context;
  if (statements.length === 0) return contextsOf[signal][0];
  const parsed = [
    ...statements.map((text, i) => ({ kind: 'statements' as const, i, text, parsed: parseStatement(text) })),
    ...conditions.map((text, i) => ({ kind: 'conditions' as const, i, text, parsed: parseCondition(text) })),
  ];
  const trees = parsed.flatMap(({ parsed: one }) => (one.ok ? [one.ast] : []));
  const inferred = inferContext(trees, contextsOf[signal], functionsOf);
  if (inferred.ok) return inferred.context;
  const broken = parsed.filter(({ parsed: one }) => !one.ok);
  for (const { kind, i, text, parsed: one } of broken) if (!one.ok) note(kind, i, text, one.problem);
  if (broken.length > 0) return undefined;
  note('statements', 0, statements[0]!, inferred.problem);
  return undefined;
}
