import type { parseArgs } from 'node:util';

/** Exit codes: 0 done, 1 a configuration or run-time error, 2 the command line makes no sense. */
export type ExitCode = 0 | 1 | 2;

/** A command line that makes no sense: its text goes to stderr with a pointer to --help. */
export class UsageError extends Error {}

export interface Command {
  readonly options: NonNullable<Parameters<typeof parseArgs>[0]>['options'];
  /** How many words may follow the command's name. */
  readonly positionals?: number;
  run(values: Values, positionals: readonly string[]): Promise<ExitCode>;
}

export type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;

/** Options of every command that reads a configuration. */
export const configOptions = {
  config: { type: 'string', multiple: true, short: 'c' },
  set: { type: 'string', multiple: true },
  'feature-gates': { type: 'string', multiple: true },
} as const;
