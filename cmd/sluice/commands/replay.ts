import { existsSync } from 'node:fs';
import { type Command, configOptions, type ExitCode, UsageError, type Values } from '../command.ts';
import { load, printIssues } from '../load.ts';
import type { Arrival } from '../replay/capture.ts';
import { compare } from '../replay/compare.ts';
import { ComponentsLog } from '../replay/components_log.ts';
import { Progress } from '../replay/progress.ts';
import { type Replayed, replay } from '../replay/run.ts';
import { captureText, differenceText, reportText } from '../replay/text.ts';

const arrivals: readonly string[] = ['latest', 'median'] satisfies Arrival[];

export const command: Command = {
  options: {
    ...configOptions,
    compare: { type: 'string', multiple: true },
    arrival: { type: 'string', default: 'latest' },
    json: { type: 'boolean' },
  },
  positionals: Number.POSITIVE_INFINITY,
  async run(values, paths) {
    if (paths.length === 0) throw new UsageError('replay: expected a capture, a file that the file exporter wrote');
    if (!values.config) throw new UsageError('replay: expected --config with the candidate configuration');
    if (!arrivals.includes(String(values.arrival))) {
      throw new UsageError(`--arrival: expected latest or median, got ${JSON.stringify(values.arrival)}`);
    }
    const missing = paths.find((path) => !existsSync(path));
    if (missing !== undefined) return fail(`${missing}: there is no such file`);
    const other = values.compare as string[] | undefined;
    const baseline = other && (await run({ ...values, config: other }, paths));
    if (other && !baseline) return 1;
    const candidate = await run(values, paths);
    if (!candidate) return 1;
    const { report } = candidate;
    if (!other || !baseline) {
      print(values, report, [captureText(report), reportText(report)]);
      return 0;
    }
    const difference = compare(baseline, candidate);
    const named = (title: string, sources: unknown) => `=== ${title}: ${(sources as string[]).join(', ')}\n`;
    print(values, { before: baseline.report, after: report, difference }, [
      captureText(report),
      named('Before', other),
      reportText(baseline.report),
      named('After', values.config),
      reportText(report),
      '=== Difference\n',
      differenceText(baseline.report, report, difference),
    ]);
    return 0;
  },
};

function print(values: Values, json: unknown, text: readonly string[]): void {
  process.stdout.write(values.json ? `${JSON.stringify(json, null, 2)}\n` : text.join('\n'));
}

/** @returns nothing after an error, which is told */
async function run(values: Values, paths: readonly string[]): Promise<Replayed | undefined> {
  const loaded = await load(values);
  if (!loaded.ok) {
    printIssues(loaded.issues);
    return undefined;
  }
  const logger = new ComponentsLog();
  const progress = new Progress();
  try {
    const arrival = String(values.arrival) as Arrival;
    return await replay(loaded.config, paths, { arrival, logger, progress: progress.tell });
  } catch (error) {
    fail((error as Error).message);
    return undefined;
  } finally {
    progress.end();
    for (const line of logger.lines()) process.stderr.write(`${line}\n`);
  }
}

function fail(message: string): ExitCode {
  process.stderr.write(`sluice: ${message}\n`);
  return 1;
}
