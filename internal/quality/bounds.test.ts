import { expect, test } from 'vitest';
import { testSettings } from '../testkit/settings.ts';
import { Judge } from './judge.ts';
import { batchOf } from './test/batches.ts';

const rule = (name: string, check: object) =>
  ({ name, on: 'item', signals: ['traces'], action: 'count', impact: 'normal', ...check }) as const;

function make(rules: readonly object[], max_services: number) {
  const settings = testSettings({ kind: 'processor' });
  const config = { presets: [], rules: rules as never, tag_attribute: 'tag', max_services };
  return { judge: new Judge(settings, config), settings };
}

test('a million different values: a rule remembers as many as it may, and counts the others', () => {
  const { judge, settings } = make(
    [rule('users', { max_cardinality: { attribute: 'u', limit: 100_000, interval: 3_600_000 } })],
    10,
  );
  let most = 0;
  for (let i = 0; i < 200; i++) {
    const items = Array.from({ length: 5000 }, (_, j) => ({ attributes: { u: `user ${i * 5000 + j}` } }));
    judge.count(judge.judge(batchOf('traces', { 'service.name': 'cart' }, ...items)));
    most = Math.max(most, judge.remembered);
  }
  expect(most).toBe(100_000);
  expect(judge.report().services).toMatchObject([{ items: 1_000_000, violations: [{ count: 900_000 }] }]);
  expect(settings.memory.apart).toBeGreaterThan(100_000 * 20);
  expect(settings.memory.apart).toBeLessThan(100_000 * 200);
  judge.end();
  expect(settings.memory.apart).toBe(0);
});

test('a hundred thousand services, each with an example of a megabyte: as many rows as there may be, of a few bytes each', () => {
  const { judge, settings } = make(
    [rule('u', { forbidden: ['u'] }), rule('v', { allowed: { attribute: 'v', values: [] } })],
    50,
  );
  for (let i = 0; i < 100_000; i++) {
    const v = i % 1000 === 0 ? 'x'.repeat(1_000_000) : 'y';
    judge.count(judge.judge(batchOf('traces', { 'service.name': `s${i}` }, { attributes: { u: 1n, v } })));
  }
  const { services } = judge.report();
  expect(services).toHaveLength(51);
  for (const { violations } of services) {
    for (const { example } of violations) expect(example.length).toBeLessThanOrEqual(200);
  }
  expect(settings.memory.apart).toBeLessThan(51 * 1000);
});
