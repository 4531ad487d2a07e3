/**
 * Runs benchmarks: `npm run bench -- [scenario…] [options]`, see bench/README.md.
 * Progress goes to stderr, results to stdout and to bench/results/.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { resultsPage, resultText } from './measure/report.ts';
import { machine, type Result, summarize, versions } from './measure/result.ts';
import { LOAD_CPU, SUBJECTS, type SubjectName } from './measure/subject.ts';
import { SCENARIOS } from './scenarios/index.ts';
import type { Figures, RunSettings, Scenario } from './scenarios/scenario.ts';

const RESULTS = join(import.meta.dirname, 'results');

const OPTIONS = {
  list: { type: 'boolean' },
  runs: { type: 'string' },
  seconds: { type: 'string' },
  subjects: { type: 'string', default: SUBJECTS.join(',') },
  sluice: { type: 'string', default: 'source' },
  profile: { type: 'string' },
  'no-save': { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parse>['values'];

const parse = () => parseArgs({ options: OPTIONS, allowPositionals: true });

async function main(): Promise<number> {
  const { values, positionals } = parse();
  if (values.list) {
    for (const { name, summary } of SCENARIOS) process.stdout.write(`${name.padEnd(14)}${summary}\n`);
    return 0;
  }
  const chosen = positionals.length === 0 ? SCENARIOS : positionals.map(byName);
  const subjects = values.subjects.split(',').map(subject);
  pinLoad();
  let failed = false;
  for (const scenario of chosen) {
    const result = await runScenario(scenario, subjects, values);
    if (result === undefined) {
      failed = true;
      continue;
    }
    process.stdout.write(`\n${resultText(result)}\n\n`);
    if (!values['no-save']) save(result);
  }
  return failed ? 1 : 0;
}

/** @returns undefined when no run of any subject was valid */
async function runScenario(
  scenario: Scenario,
  subjects: readonly SubjectName[],
  values: Values,
): Promise<Result | undefined> {
  const runs = positive('runs', values.runs) ?? scenario.runs ?? 3;
  const seconds = positive('seconds', values.seconds) ?? scenario.defaultSeconds;
  const able = scenario.subjects ?? subjects;
  const taking: readonly SubjectName[] = scenario.alone ? ['sluice'] : subjects.filter((name) => able.includes(name));
  const all = new Map<SubjectName, Figures[]>(taking.map((name) => [name, []]));
  // One of each, then again one of each: what disturbs the machine for a while disturbs both.
  for (let run = 1; run <= runs; run++) {
    for (const name of taking) {
      const prefix = `${scenario.name} ${run}/${runs}${scenario.alone ? '' : ` ${name}`}: `;
      const log = (line: string) => void process.stderr.write(`${prefix}${line}\n`);
      const settings: RunSettings = {
        seconds,
        sluice: values.sluice,
        log,
        ...(values.profile === undefined ? {} : { profile: values.profile }),
      };
      log(`measuring for ${seconds} s`);
      try {
        const figures = await scenario.measure(name, settings);
        all.get(name)!.push(figures);
        log(describe(scenario, figures));
      } catch (error) {
        log(`failed: ${(error as Error).message}`);
      }
    }
  }
  if ([...all.values()].every((list) => list.length === 0)) return undefined;
  return summarize(scenario, all, { machine: machine(), versions: versions(values.sluice), seconds, runs });
}

function describe(scenario: Scenario, figures: Figures): string {
  const shown = scenario.figures.map(({ key, label, digits = 0 }) => `${label} ${figures[key]!.toFixed(digits)}`);
  return shown.join(', ');
}

function save(result: Result): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${result.scenario}.json`), `${JSON.stringify(result, null, 2)}\n`);
  const files = SCENARIOS.map(({ name }) => join(RESULTS, `${name}.json`)).filter((file) => existsSync(file));
  const results = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Result);
  writeFileSync(join(RESULTS, 'README.md'), resultsPage(results));
}

/** Moves this process with load and sink off the subject's core. Without a second core or taskset they share one. */
function pinLoad(): void {
  try {
    execFileSync('taskset', ['-a', '-p', '-c', String(LOAD_CPU), String(process.pid)], { stdio: 'ignore' });
  } catch {
    process.stderr.write('cannot pin the load to a core of its own: figures will be noisier\n');
  }
}

function byName(name: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  throw new UsageError(`unknown scenario ${name}; known are ${SCENARIOS.map((scenario) => scenario.name).join(', ')}`);
}

function subject(name: string): SubjectName {
  if ((SUBJECTS as readonly string[]).includes(name)) return name as SubjectName;
  throw new UsageError(`unknown subject ${name}; known are ${SUBJECTS.join(', ')}`);
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${option}: expected a positive number, got ${JSON.stringify(text)}`);
}

class UsageError extends Error {}

try {
  process.exitCode = await main();
} catch (error) {
  const usage = error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  if (!usage) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
