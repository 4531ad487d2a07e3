import type { OttlProblem } from '../../../internal/ottl/index.ts';
import { printable } from '../printable.ts';
import type { Frame } from '../short/frame.ts';
import type { Kind } from '../short/specs.ts';
import { fromPayload } from '../short/telemetry.ts';
import { differenceLines, recordLines, titleOf } from '../short/text.ts';
import type { Step, Tally } from './play.ts';

/** Around the place of an error so much of a long statement is shown. */
const before = 60;
const shown = 120;

/** The statement with a caret under the place: `^^^^` from `at` on. */
export function problemText(text: string, { message, at, length }: OttlProblem): string {
  const lineStart = text.lastIndexOf('\n', at - 1) + 1;
  const lineEnd = text.indexOf('\n', at);
  const line = text.slice(lineStart, lineEnd < 0 ? text.length : lineEnd);
  const column = at - lineStart;
  const from = Math.max(0, column - before);
  const part = line.slice(from, from + shown);
  const lead = from > 0 ? '…' : '';
  const tail = from + shown < line.length ? '…' : '';
  const pad = ' '.repeat(lead.length + printable(line.slice(from, column)).length);
  const carets = '^'.repeat(Math.max(1, Math.min(length, part.length - (column - from))));
  return `${message}\n  ${lead}${printable(part)}${tail}\n  ${pad}${carets}\n`;
}

/** One record: as it came, what each statement did, as it leaves. */
export function stepsText(kind: Kind, steps: readonly Step[], frame: Frame): string {
  const first = fromPayload(steps[0]!.before, frame)[0]!;
  const last = fromPayload(steps.at(-1)!.after, frame);
  const isChanged = steps.some(({ before, after }) => before !== after);
  let text = `${kind.one} ${titleOf(first)}\n${indented(recordLines(kind, first))}`;
  for (const [i, step] of steps.entries())
    text += `${i + 1}. ${printable(step.line.text)}\n${indented(stepLines(kind, step, frame))}`;
  if (!isChanged) return `${text}the ${kind.one} stays as it is\n`;
  for (const record of last) text += `after\n${indented(recordLines(kind, record))}`;
  return last.length === 0 ? `${text}after: nothing is left\n` : text;
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `   ${line}\n`).join('');
}

function stepLines(kind: Kind, { line, where, parts, ran, before, after }: Step, frame: Frame): string[] {
  const lines: string[] = [];
  if (ran.places === 0) return [`there is no ${line.context} in this ${kind.one}`];
  if (where) lines.push(`${line.statement ? 'where' : 'holds'}: ${answer(where)}`);
  for (const part of parts) lines.push(`  ${printable(part.text)}: ${answer(part)}`);
  if (ran.failed !== undefined && ran.failed !== where?.failed) lines.push(`failed: ${printable(ran.failed)}`);
  if (!line.statement || ran.held === 0) return lines;
  const [was, is] = [fromPayload(before, frame), fromPayload(after, frame)];
  const changes = is[0] ? differenceLines(kind, was[0]!, is[0], true).map(({ sign, text }) => `${sign} ${text}`) : [];
  lines.push(...changes.filter((change) => !change.endsWith(' is absent')));
  for (const made of is.slice(1)) lines.push(`+ a ${kind.one}: ${titleOf(made)}`);
  if (changes.length === 0 && is.length === 1) lines.push('changed nothing');
  return lines;
}

function answer({ held, places, failed }: Tally): string {
  if (failed !== undefined) return `failed: ${printable(failed)}`;
  if (places === 1) return String(held === 1);
  return `true for ${held} of ${places}`;
}
