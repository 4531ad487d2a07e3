import { styleText } from 'node:util';
import { printable } from '../printable.ts';
import type { Line } from '../short/text.ts';
import type { Result } from './result.ts';

export const formats = ['text', 'json', 'junit'] as const;
export type Format = (typeof formats)[number];

export function report(results: readonly Result[], format: Format, colours: boolean): string {
  if (format === 'json') return `${JSON.stringify(summary(results), null, 2)}\n`;
  if (format === 'junit') return junit(results);
  return asText(results, colours);
}

function summary(results: readonly Result[]) {
  const cases = results.map(({ file, line, name, failures, warnings }) => {
    return { file, line, name, passed: failures.length === 0, failures: failures.map(failureText), warnings };
  });
  const passed = cases.filter((one) => one.passed).length;
  return { passed, failed: cases.length - passed, cases };
}

function failureText({ title, lines }: Result['failures'][number]): string {
  return [title, ...lines.map(({ sign, text }) => `${sign} ${text}`)].join('\n');
}

function asText(results: readonly Result[], colours: boolean): string {
  const paint = (style: 'red' | 'green' | 'bold', text: string) =>
    colours ? styleText(style, text, { validateStream: false }) : text;
  const line = ({ sign, text }: Line) => {
    const whole = `    ${sign} ${text}\n`;
    return sign === '-' ? paint('red', whole) : sign === '+' ? paint('green', whole) : whole;
  };
  let text = '';
  let hasLegend = false;
  for (const { file, line: at, name, failures, warnings } of results) {
    const state = failures.length === 0 ? paint('green', 'ok  ') : paint('red', 'FAIL');
    text += `${state} ${printable(name)}${failures.length === 0 ? '' : `  (${file}:${at})`}\n`;
    for (const failure of failures) {
      const legend = !hasLegend && failure.lines.length > 0 ? '   (- expected, + came)' : '';
      hasLegend ||= failure.lines.length > 0;
      text += `  ${paint('bold', printable(failure.title))}${legend}\n${failure.lines.map(line).join('')}`;
    }
    if (failures.length > 0) for (const warning of warnings) text += `  warned: ${printable(warning)}\n`;
  }
  const { passed, failed } = summary(results);
  const count = (number: number, word: string) => `${number} ${word}`;
  const counts = failed === 0 ? count(passed, 'passed') : `${count(failed, 'failed')}, ${count(passed, 'passed')}`;
  return `${text}${paint(failed === 0 ? 'green' : 'red', counts)}\n`;
}

/** The form that CI servers read: https://github.com/testmoapp/junitxml */
function junit(results: readonly Result[]): string {
  const cases = results.map((one) => {
    const { file, line, name, failures, ms } = one;
    const head = `    <testcase name="${xml(name)}" classname="${xml(file)}" file="${xml(file)}" line="${line}" time="${(ms / 1000).toFixed(3)}"`;
    if (failures.length === 0) return `${head}/>\n`;
    const text = failures.map(failureText).join('\n');
    return `${head}>\n      <failure message="${xml(failures[0]!.title)}">${xml(text)}</failure>\n    </testcase>\n`;
  });
  const { failed } = summary(results);
  const counts = `tests="${results.length}" failures="${failed}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${counts}>\n  <testsuite name="sluice test" ${counts}>\n${cases.join('')}  </testsuite>\n</testsuites>\n`;
}

function xml(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    '\n': '&#10;',
  };
  // XML 1.0 has no way to write the other control characters.
  return text.replace(/[&<>"\n]/g, (one) => escapes[one]!).replace(/[^\P{Cc}\t]/gu, '\ufffd');
}
