import { cpus } from 'node:os';
import manifest from '../../package.json' with { type: 'json' };
import { RECIPES } from '../peers/recipes.ts';
import type { Figures, Goal, Scenario } from '../scenarios/scenario.ts';
import { ratio, type Spread, spread } from './stats.ts';
import type { SubjectName } from './subject.ts';

export interface GoalResult {
  readonly figure: string;
  /** In words, such as "at least 3x the Go collector". */
  readonly wanted: string;
  /** Of the ratio where a ratio is wanted, else of the figure itself. */
  readonly got: Spread;
  /** By the median. */
  readonly met: boolean;
}

/** What `bench/results/<scenario>.json` holds. */
export interface Result {
  readonly scenario: string;
  readonly summary: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly runs: number;
  readonly figures: Readonly<Record<string, Readonly<Record<string, Spread>>>>;
  readonly goals: readonly GoalResult[];
}

/** One line: model and number of cores, nothing that names the machine. */
export function machine(): string {
  const all = cpus();
  return `${all[0]?.model.trim() ?? 'unknown CPU'}, ${all.length} cores`;
}

/** @param sluice "source", or else the single executable */
export function versions(sluice: string): Record<string, string> {
  const how = sluice === 'source' ? 'from source' : 'single executable';
  return { sluice: `${manifest.version} (${how})`, node: process.versions.node, otelcol: RECIPES.otelcol.version };
}

export function summarize(
  scenario: Scenario,
  runs: ReadonlyMap<SubjectName, readonly Figures[]>,
  meta: Pick<Result, 'machine' | 'versions' | 'seconds' | 'runs'>,
): Result {
  const figures: Record<string, Record<string, Spread>> = {};
  for (const [subject, list] of runs) {
    if (list.length === 0) continue;
    const entries = scenario.figures.map(({ key }) => [key, spread(list.map((run) => run[key]!))] as const);
    figures[scenario.alone ? 'harness' : subject] = Object.fromEntries(entries);
  }
  const goals = scenario.goals.flatMap((goal) => judge(goal, figures.sluice, figures.otelcol) ?? []);
  return { scenario: scenario.name, summary: scenario.summary, ...meta, figures, goals };
}

type BySubject = Readonly<Record<string, Spread>> | undefined;

/** @returns undefined when a subject that the goal needs was not measured */
export function judge(goal: Goal, sluice: BySubject, otelcol: BySubject): GoalResult | undefined {
  const { figure } = goal;
  const own = sluice?.[figure];
  if (own === undefined) return undefined;
  if ('atMost' in goal) {
    const wanted = `at most ${Math.round(goal.atMost * 10) / 10}`;
    return { figure, wanted, got: own, met: own.median <= goal.atMost };
  }
  if ('atLeast' in goal) {
    return { figure, wanted: `at least ${goal.atLeast}`, got: own, met: own.median >= goal.atLeast };
  }
  const other = otelcol?.[figure];
  if (other === undefined) return undefined;
  const got = ratio(own, other);
  if ('atLeastTimes' in goal) {
    const { atLeastTimes } = goal;
    return { figure, wanted: `at least ${atLeastTimes}x the Go collector`, got, met: got.median >= atLeastTimes };
  }
  const { atMostTimes } = goal;
  return { figure, wanted: `at most ${atMostTimes}x the Go collector`, got, met: got.median <= atMostTimes };
}
