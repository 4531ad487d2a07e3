import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { convertersOf, editors } from './functions/index.ts';
import { missing } from './functions/missing.ts';
import { pointConverters } from './functions/points.ts';

test('docs/ottl.md lists every function that is there, and every one that is missing', () => {
  const text = readFileSync(new URL('../../docs/ottl.md', import.meta.url), 'utf8');
  const [there = '', absent = ''] = text.split('## Functions')[1]!.split('## Beside')[0]!.split('Missing,');
  const named = (part: string, name: string) => new RegExp(`\\b${name}\\b`).test(part);
  const known = Object.keys({ ...editors, ...convertersOf('span'), ...pointConverters });
  expect(known.filter((name) => !named(there, name))).toEqual([]);
  expect(Object.keys(missing).filter((name) => !named(absent, name))).toEqual([]);
  expect(Object.keys(missing).filter((name) => known.includes(name))).toEqual([]);
});
