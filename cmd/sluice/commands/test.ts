import { readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { formatIssue, type Issue } from '../../../internal/config/issues.ts';
import { type Case, readCases } from '../cases/file.ts';
import { type Format, formats, report } from '../cases/report.ts';
import { type Result, resultOf } from '../cases/result.ts';
import { type Command, type ExitCode, UsageError } from '../command.ts';

export const command: Command = {
  options: { format: { type: 'string', default: 'text' }, json: { type: 'boolean' }, only: { type: 'string' } },
  positionals: Number.POSITIVE_INFINITY,
  async run(values, paths) {
    if (paths.length === 0) throw new UsageError('test: expected a case file, or a folder with files NAME.test.yaml');
    const format = values.json ? 'json' : (String(values.format) as Format);
    if (!formats.includes(format)) {
      throw new UsageError(`--format: expected ${formats.join(', ')}, got ${JSON.stringify(values.format)}`);
    }
    const cases = await readAll(paths.flatMap(filesOf));
    if ('issues' in cases) return wrong(cases.issues);
    const only = values.only as string | undefined;
    const wanted = only === undefined ? cases.read : cases.read.filter(({ name }) => name.includes(only));
    if (wanted.length === 0) throw new UsageError(`--only: no case has ${JSON.stringify(only)} in its name`);
    const results: Result[] = [];
    const issues: Issue[] = [];
    for (const one of wanted) {
      const result = await resultOf(one);
      if ('issues' in result) issues.push(...result.issues);
      else results.push(result);
    }
    if (issues.length > 0) return wrong(issues);
    process.stdout.write(report(results, format, process.stdout.isTTY === true && !process.env.NO_COLOR));
    return results.every(({ failures }) => failures.length === 0) ? 0 : 1;
  },
};

/** A case file or a configuration that makes no sense is the caller's mistake, not a failed case. */
function wrong(issues: readonly Issue[]): ExitCode {
  // A configuration that several cases share is wrong once.
  const distinct = new Map(issues.map((issue) => [JSON.stringify(issue), issue]));
  for (const issue of distinct.values()) process.stderr.write(`error: ${formatIssue(issue)}\n`);
  process.stderr.write(`sluice: ${distinct.size === 1 ? '1 error' : `${distinct.size} errors`}; nothing was tested.\n`);
  return 2;
}

async function readAll(paths: readonly string[]): Promise<{ read: Case[] } | { issues: Issue[] }> {
  const read: Case[] = [];
  const issues: Issue[] = [];
  for (const path of paths) {
    const result = await readCases(path);
    if ('issues' in result) issues.push(...result.issues);
    else read.push(...result.cases);
  }
  if (issues.length === 0 && read.length === 0) throw new UsageError('test: there are no cases in these files');
  return issues.length > 0 ? { issues } : { read };
}

/** A file as it is named; of a folder those that are called NAME.test.yaml. */
function filesOf(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false }))
    throw new UsageError(`test: ${path}: there is no such file or folder`);
  if (!statSync(path).isDirectory()) return [resolve(path)];
  const files = readdirSync(path).filter((name) => /\.test\.ya?ml$/.test(name));
  if (files.length === 0) throw new UsageError(`test: ${path}: there are no files NAME.test.yaml in it`);
  return files.sort().map((name) => resolve(path, name));
}
