import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { catalogue, metricsPage } from './catalogue.ts';

const root = new URL('../../', import.meta.url).pathname;

/** Names of metrics in the code, a `${…}` in one as a wildcard. */
function namesInCode(): Map<string, string> {
  const files = globSync('{internal,receivers,processors,exporters,connectors,extensions}/**/*.ts', { cwd: root });
  const names = new Map<string, string>();
  for (const file of files) {
    if (/\.(test|bench)\.ts$|^internal\/(testkit|telemetry\/(catalogue|page|system_status))/.test(file)) continue;
    const text = readFileSync(`${root}${file}`, 'utf8');
    for (const [, name] of text.matchAll(/['`]((?:otelcol|sluice)_[\w${}.[\]]+)['`]/g)) names.set(name!, file);
  }
  return names;
}

const pattern = (name: string) => new RegExp(`^${name.replace(/\$\{[^}]*\}/g, '\\w+')}$`);

test('every metric that the code names is in the catalogue', () => {
  const missing = [...namesInCode()].filter(([name]) => !catalogue.some((entry) => pattern(name).test(entry.name)));
  expect(missing).toEqual([]);
});

test('every metric of the catalogue is one that the code names', () => {
  const patterns = [...namesInCode().keys()].map(pattern);
  expect(catalogue.filter((entry) => !patterns.some((each) => each.test(entry.name)))).toEqual([]);
});

test('no name stands twice, and each is on the page', () => {
  const names = catalogue.map((entry) => entry.name);
  expect(new Set(names).size).toBe(names.length);
  const text = metricsPage();
  for (const name of names) expect(text).toContain(`| \`${name}\` |`);
});
