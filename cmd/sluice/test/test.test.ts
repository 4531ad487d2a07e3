import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { sluice } from './command.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const head = `
config:
  processors:
    attributes: { actions: [{ key: owner, value: shop, action: upsert }, { key: card, action: delete }] }
cases:
  - name: an owner is added
    input: { spans: [{ name: pay, attributes: { card: 4111, n: 1 } }, { name: ship }] }
    expect:`;

test('cases that pass exit with 0, cases that fail with 1 and a difference that tells what came', async () => {
  const good = file(
    'good.yaml',
    `${head} { match: exact, spans: [{ name: pay, attributes: { n: 1, owner: shop } }, { name: ship, attributes: { owner: shop } }] }\n`,
  );
  expect(await sluice(['test', good])).toEqual({ code: 0, stdout: 'ok   an owner is added\n1 passed\n', stderr: '' });

  const bad = file('bad.yaml', `${head} { spans: [{ name: pay, attributes: { n: 1.0, card: { $absent: true } } }] }\n`);
  const { code, stdout } = await sluice(['test', bad]);
  expect(code).toBe(1);
  expect(stdout.replace(/\(\S+bad.yaml/, '(bad.yaml')).toBe(`FAIL an owner is added  (bad.yaml:6)
  spans[0] "pay"   (- expected, + came)
    - attributes.n: 1.0
    + attributes.n: 1
  a span came that was not expected
    + name: "ship"
    + attributes: { owner: "shop" }
1 failed, 0 passed
`);
});

test('what is wrong with a case or its configuration is told with its place in the case file, and exits with 2', async () => {
  const cases = file('typo.yaml', `${head} { spons: [] }\n`);
  const typo = await sluice(['test', cases]);
  expect(typo.code).toBe(2);
  expect(typo.stderr).toContain('typo.yaml:8:15 cases[0].expect.spons: unknown key; did you mean "spans"?');

  const config = file('config.yaml', `${head.replace('owner, value', 'owner, valeu')} { spans: [] }\n`);
  const wrong = await sluice(['test', config]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/config\.yaml:4:43 processors\.attributes\.actions\[0\]/);

  expect((await sluice(['test'])).code).toBe(2);
  expect((await sluice(['test', join(folder, 'nowhere.yaml')])).stderr).toContain('there is no such file');
});
