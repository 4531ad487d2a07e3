import { SCENARIOS } from '../scenarios/index.ts';
import type { FigureSpec } from '../scenarios/scenario.ts';
import type { GoalResult, Result } from './result.ts';
import type { Spread } from './stats.ts';

/** A Markdown table of all results and what was wanted of them. */
export function resultsPage(results: readonly Result[]): string {
  const parts = [
    '# Results',
    '',
    'Written by `npm run bench`; what the figures mean stands in `bench/README.md`. Median of the runs, smallest and largest in brackets.',
    '',
    '## Sluice against what is wanted',
    '',
    ...goalTable(results),
  ];
  for (const result of results) parts.push('', `## ${result.scenario}`, '', ...resultSection(result));
  return `${parts.join('\n')}\n`;
}

/** The same for one scenario, for a terminal. */
export const resultText = (result: Result): string =>
  [`${result.scenario}: ${result.summary}`, ...figureTable(result), '', ...goalTable([result])].join('\n');

function resultSection(result: Result): string[] {
  const { machine, versions, seconds, runs } = result;
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `${result.summary}. ${runs === 1 ? '1 run' : `${runs} runs`} of ${seconds} s, ${machine}; ${named.join(', ')}.`,
    '',
    ...figureTable(result),
  ];
}

function figureTable({ scenario, figures }: Result): string[] {
  const subjects = Object.keys(figures);
  const rows = specs(scenario).map((spec) => [
    spec.label,
    ...subjects.map((subject) => show(figures[subject]![spec.key]!, spec.digits)),
  ]);
  return table([['', ...subjects], ...rows]);
}

function goalTable(results: readonly Result[]): string[] {
  const rows = results.flatMap(({ scenario, goals }) => goals.map((goal) => goalRow(scenario, goal)));
  return table([['scenario', 'figure', 'wanted', 'got', 'met'], ...rows]);
}

function goalRow(scenario: string, { figure, wanted, got, met }: GoalResult): string[] {
  const spec = specs(scenario).find(({ key }) => key === figure);
  const isRatio = wanted.includes('x the');
  const value = isRatio ? `${show(got, 2)}x` : show(got, spec?.digits);
  return [scenario, spec?.label ?? figure, wanted, value, met ? 'yes' : 'NO'];
}

const specs = (scenario: string): readonly FigureSpec[] =>
  SCENARIOS.find(({ name }) => name === scenario)?.figures ?? [];

/** Not a number, which JSON writes as null, is what was not measured. */
function show({ median, min, max }: Spread, digits = 0): string {
  if (!Number.isFinite(median)) return '–';
  const text = (value: number) =>
    value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return min === max ? text(median) : `${text(median)} (${text(min)} to ${text(max)})`;
}

/** The first row is the head. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(rows[0]!), line(widths.map((width) => '-'.repeat(width))), ...rows.slice(1).map(line)];
}
