import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { sluice } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-ottl-'));
afterAll(() => rmSync(folder, { recursive: true }));
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const input = file('in.yaml', 'spans: [{ name: a, attributes: { plan: paid } }]\nlogs: [{ body: x }]\n');

test('statements from the command line and from a file run in order on the records they are about', async () => {
  const statements = file(
    'all.ottl',
    '# tiers\nset(attributes["tier"], "gold")\n  where attributes["plan"] == "paid"\n\nset(name, "b")\n',
  );
  const { code, stdout, stderr } = await sluice(['ottl', '-i', input, '--context', 'span', '--file', statements]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain(
    '   where: true\n   + attributes.tier: "gold"\n2. set(name, "b")\n   - name: "a"\n   + name: "b"\n',
  );
  expect(stdout).not.toContain('log ');
});

test('OTLP/JSON is read as well', async () => {
  const json = file('in.jsonl', '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}\n');
  const { stdout } = await sluice(['ottl', '--input', json, 'log.body == "x"']);
  expect(stdout).toContain('1. log.body == "x"\n   holds: true\n');
});

test('a mistake exits with 1 and a caret, a wrong command line with 2', async () => {
  const [wrong, right, nothing, context, lost] = await Promise.all([
    sluice(['ottl', '-i', input, 'set(span.nome, "x")']),
    sluice(['ottl', 'set(log.body, "x")', 'set(span.name,']),
    sluice(['ottl']),
    sluice(['ottl', '--context', 'spam', 'set(name, "x")']),
    sluice(['ottl', '-i', join(folder, 'nowhere.yaml'), 'set(span.name, "x")']),
  ]);
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toMatch(
    /^error: statement 1, character 10: .*did you mean name\?\n {2}set\(span\.nome, "x"\)\n {11}\^\^\^\^\n$/,
  );
  expect(right).toMatchObject({ code: 1, stdout: '1. ok, for each log\n' });
  expect(nothing.code).toBe(2);
  expect(context.stderr).toContain('did you mean "span"?');
  expect(lost).toMatchObject({ code: 1, stdout: '' });
});
