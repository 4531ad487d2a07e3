import type { Issue } from '../../../internal/config/issues.ts';
import { targetOf } from './config.ts';
import type { Case } from './file.ts';
import { type Failure, judge } from './judge.ts';
import { play } from './run.ts';

/** What became of one case. */
export interface Result {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** Empty: it passed. */
  readonly failures: readonly Failure[];
  /** What components warned of; shown where the case failed. */
  readonly warnings: readonly string[];
  readonly ms: number;
}

/** @returns the result, or why the case cannot be played: the configuration or the case itself is wrong */
export async function resultOf(one: Case): Promise<Result | { issues: Issue[] }> {
  const began = performance.now();
  const target = await targetOf(one);
  if ('issues' in target) return target;
  const exporter = one.expectations
    .map(({ exporter }) => exporter)
    .find((id) => id && !target.config.exporters.has(id));
  if (exporter !== undefined) {
    const ids = [...target.config.exporters.keys()].join(', ');
    return {
      issues: [
        {
          severity: 'error',
          file: one.file,
          line: one.line,
          column: 1,
          path: 'expect.exporter',
          message: `there is no exporter ${JSON.stringify(exporter)}: expected one of ${ids}`,
        },
      ],
    };
  }
  try {
    const came = await play(one, target);
    return { ...one, failures: judge(one, came), warnings: came.warnings, ms: performance.now() - began };
  } catch (error) {
    const failure = { title: (error as Error).message, lines: [] };
    return { ...one, failures: [failure], warnings: [], ms: performance.now() - began };
  }
}
