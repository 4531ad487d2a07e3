import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatIssue, type Issue } from '../../../internal/config/issues.ts';
import { didYouMean } from '../../../internal/config/suggest.ts';
import { parseYaml } from '../../../internal/config/yaml.ts';
import { Payload, type Signal } from '../../../internal/otlp/payload.ts';
import { type Context, contextNames, contextsOf, type OttlProblem } from '../../../internal/ottl/index.ts';
import { type Command, type ExitCode, UsageError, type Values } from '../command.ts';
import { play } from '../ottl/play.ts';
import { compileLine, type Line } from '../ottl/program.ts';
import { problemText, stepsText } from '../ottl/text.ts';
import { decodeRecord } from '../replay/decode.ts';
import { readRecords } from '../replay/records.ts';
import { Frame } from '../short/frame.ts';
import { readInput } from '../short/input.ts';
import { Reading } from '../short/reading.ts';
import { kindsBySignal } from '../short/specs.ts';
import { singles } from '../short/telemetry.ts';

const signals = Object.keys(contextsOf) as Signal[];

export const command: Command = {
  options: {
    input: { type: 'string', short: 'i' },
    file: { type: 'string' },
    context: { type: 'string' },
    records: { type: 'string', default: '10' },
  },
  positionals: Number.POSITIVE_INFINITY,
  async run(values, words) {
    const texts = [...words, ...(values.file === undefined ? [] : statementsOf(String(values.file)))];
    if (texts.length === 0)
      throw new UsageError('ottl: expected a statement such as \'set(span.name, "x")\', or --file');
    const context = contextOf(values);
    const most = Number(values.records);
    if (!Number.isInteger(most) || most < 1) throw new UsageError('--records: expected a number of at least 1');
    const frame = new Frame();
    if (values.input === undefined) return check(texts, context);
    const records = await readRecordsOf(String(values.input), most, frame);
    if (!records) return 1;
    return show(texts, context, records, frame);
  },
};

function contextOf({ context }: Values): Context | undefined {
  if (context === undefined) return undefined;
  const known = contextNames.find((name) => name === context);
  if (known) return known;
  throw new UsageError(
    `--context: expected one of ${contextNames.join(', ')}, got ${JSON.stringify(context)}${didYouMean(String(context), contextNames)}`,
  );
}

/** One statement a line; a line that is indented goes on with the one before. */
function statementsOf(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new UsageError(`--file: ${path}: there is no such file`);
  const lines = readFileSync(path, 'utf8')
    .split(/\r?\n/)
    .filter((line) => /\S/.test(line) && !/^\s*#/.test(line));
  const statements: string[] = [];
  for (const line of lines) {
    if (/^\s/.test(line) && statements.length > 0) statements.push(`${statements.pop()!}\n${line}`);
    else statements.push(line.trimEnd());
  }
  return statements;
}

/** Without input: whether they are right. */
function check(texts: readonly string[], context: Context | undefined): ExitCode {
  let code: ExitCode = 0;
  for (const [i, text] of texts.entries()) {
    const fitting = context ? signals.filter((signal) => contextsOf[signal].includes(context)) : signals;
    const tried = fitting.map((signal) => compileLine(text, signal, context));
    const good = tried.find((one) => one.ok);
    if (good?.ok) process.stdout.write(`${i + 1}. ok, for each ${good.line.context}\n`);
    else code = refuse(i, text, furthest(tried.flatMap((one) => (one.ok ? [] : [one.problem]))));
  }
  return code;
}

/** Of the problems that a text has by signal the one that came up last in it: there it fits best. */
function furthest(problems: readonly OttlProblem[]): OttlProblem {
  return problems.reduce((best, one) => (one.at > best.at ? one : best));
}

function refuse(index: number, text: string, problem: OttlProblem): 1 {
  process.stderr.write(`error: statement ${index + 1}, character ${problem.at + 1}: ${problemText(text, problem)}`);
  return 1;
}

async function readRecordsOf(path: string, most: number, frame: Frame): Promise<Payload[] | undefined> {
  const issues: Issue[] = [];
  const batches = /\.ya?ml$/.test(path) ? await readShort(path, frame, issues) : await readCapture(path, issues);
  for (const issue of issues) process.stderr.write(`error: ${formatIssue(issue)}\n`);
  if (issues.length > 0) return undefined;
  const records = batches.flatMap(singles);
  if (records.length === 0) process.stderr.write(`sluice: ${path}: there is no telemetry in it\n`);
  if (records.length > most)
    process.stderr.write(`sluice: the first ${most} of ${records.length} records are shown; --records N shows more\n`);
  return records.length === 0 ? undefined : records.slice(0, most);
}

async function readShort(path: string, frame: Frame, issues: Issue[]): Promise<Payload[]> {
  const parsed = parseYaml({ name: path, text: readText(path, issues), lines: true });
  if ('issues' in parsed) issues.push(...parsed.issues);
  if (issues.length > 0 || !('node' in parsed)) return [];
  const steps = await readInput(parsed.node, new Reading(frame, issues, 'input', []), dirname(path));
  return steps.flatMap(({ batches }) => batches);
}

function readText(path: string, issues: Issue[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    issues.push({ severity: 'error', file: path, path: '', message: (error as Error).message });
    return '';
  }
}

async function readCapture(path: string, issues: Issue[]): Promise<Payload[]> {
  const batches: Payload[] = [];
  try {
    for await (const record of readRecords(path)) {
      const batch = Buffer.isBuffer(record) ? decodeRecord(record) : record;
      if (batch instanceof Payload) batches.push(batch);
      else process.stderr.write(`sluice: ${path}: ${batch.passedOver}\n`);
    }
  } catch (error) {
    issues.push({ severity: 'error', file: path, path: '', message: (error as Error).message });
  }
  return batches;
}

function show(
  texts: readonly string[],
  context: Context | undefined,
  records: readonly Payload[],
  frame: Frame,
): ExitCode {
  const present = signals.filter((signal) => records.some((one) => one.signal === signal));
  const lines = new Map<Signal, Line[]>(present.map((signal) => [signal, []]));
  let code: ExitCode = 0;
  for (const [i, text] of texts.entries()) {
    const problems: OttlProblem[] = [];
    for (const signal of present) {
      if (context && !contextsOf[signal].includes(context)) continue;
      const compiled = compileLine(text, signal, context);
      if (compiled.ok) lines.get(signal)!.push(compiled.line);
      else problems.push(compiled.problem);
    }
    if (![...lines.values()].some((list) => list.some((line) => line.text === text))) {
      const nowhere = { message: `the input has no ${context}`, at: 0, length: text.length };
      code = refuse(i, text, problems.length > 0 ? furthest(problems) : nowhere);
    }
  }
  if (code !== 0) return code;
  const shown = records.flatMap((record) => {
    const own = lines.get(record.signal)!;
    return own.length === 0 ? [] : [stepsText(kindsBySignal[record.signal], play(own, record), frame)];
  });
  process.stdout.write(shown.join('\n'));
  return 0;
}
