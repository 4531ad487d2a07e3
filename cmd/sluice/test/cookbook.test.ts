import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig } from '../../../internal/config/load.ts';
import { components } from '../components.ts';
import { sluice } from './command.ts';

const folder = 'configs/cookbook';
const names = readdirSync(folder)
  .filter((name) => !name.endsWith('.test.yaml'))
  .map((name) => name.replace(/\.yaml$/, ''));

test('each recipe of the cookbook does what its cases say', async () => {
  const { code, stdout, stderr } = await sluice(['test', '--json', folder]);
  const { cases, failed } = JSON.parse(stdout);
  expect({ stderr, failures: cases.filter((one: any) => !one.passed) }).toEqual({ stderr: '', failures: [] });
  expect({ code, failed }).toEqual({ code: 0, failed: 0 });
  const proven = new Set(cases.map(({ file }: any) => file));
  expect(names.filter((name) => !proven.has(`${folder}/${name}.test.yaml`))).toEqual([]);
});

test('the page lists each recipe once', () => {
  const page = readFileSync('docs/cookbook.md', 'utf8');
  const listed = [...page.matchAll(/\(\.\.\/configs\/cookbook\/(\w+)\.yaml\)/g)].map(([, name]) => name);
  expect(names.length).toBeGreaterThanOrEqual(20);
  expect(listed.toSorted()).toEqual(names.toSorted());
});

test.each(names)('%s is valid without a warning', async (name) => {
  const surroundings = { env: {}, cwd: process.cwd(), memoryBytes: 2 ** 33 };
  const loaded = await loadConfig([`${folder}/${name}.yaml`], components, surroundings);
  expect(loaded).toMatchObject({ ok: true, warnings: [] });
});
