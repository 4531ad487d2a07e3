import { expect, test } from 'vitest';
import { z } from 'zod';
import { object } from '../config/fields.ts';
import { testSettings } from '../testkit/settings.ts';
import { Judge } from './judge.ts';
import { type QualityConfig, qualityFields } from './rules.ts';
import { batchOf } from './test/batches.ts';

const schema = object(qualityFields(z.enum(['count', 'tag', 'drop', 'route']).default('count')));
const cart = { 'service.name': 'cart' };
const user = (u: string) => batchOf('traces', cart, { attributes: { u } });
const users = { name: 'users', max_cardinality: { attribute: 'u', limit: 2 } };
const owner = { name: 'owner', required: ['owner'] };

function make(rules: readonly object[], settings = testSettings({ kind: 'processor' }), more: object = {}) {
  const judge = new Judge(settings, schema.parse({ rules, presets: [], ...more }) satisfies QualityConfig);
  const pass = (u: string) => judge.count(judge.judge(user(u)));
  const violations = () =>
    Object.fromEntries(judge.report().services[0]?.violations.map(({ rule, count }) => [rule, count]) ?? []);
  return { judge, settings, pass, violations };
}

test('the successor goes on with what was counted and with the values and the interval of cardinality rules', async () => {
  const before = make([owner, users]);
  for (const u of ['a', 'b', 'c']) before.pass(u);
  await before.settings.clock.advance(3_000_000);
  // Their order is no matter.
  const after = make([users, owner], before.settings);
  const apart = before.settings.memory.apart;
  before.judge.handOver(after.judge);
  expect(before.settings.memory.apart).toBeLessThan(apart + 1);
  after.pass('a');
  after.pass('d');
  expect(after.judge.report()).toMatchObject({
    since: before.settings.clock.now() - 3_000_000,
    services: [{ service: 'cart', items: 5 }],
  });
  expect(after.violations()).toEqual({ owner: 5, users: 2 });
  // The hour began before the reload.
  await before.settings.clock.advance(600_000);
  after.pass('e');
  expect([after.violations().users, after.judge.remembered]).toEqual([2, 1]);
});

test('a rule that differs begins anew, a new one from nothing, one that is gone is gone', () => {
  const before = make([owner, users, { name: 'old', required: ['x'] }]);
  for (const u of ['a', 'b', 'c']) before.pass(u);
  const after = make([{ ...owner, impact: 'critical' }, users, { name: 'new', required: ['y'] }], before.settings);
  before.judge.handOver(after.judge);
  after.pass('d');
  expect(after.violations()).toEqual({ owner: 1, users: 2, new: 1 });
});

test('a batch that was under way counts with the successor, by the rules that both have', () => {
  const before = make([owner, users]);
  const underWay = before.judge.judge(user('a'));
  const after = make([users, { name: 'new', required: ['y'] }], before.settings);
  before.judge.handOver(after.judge);
  before.judge.count(underWay);
  expect(after.judge.report().services).toMatchObject([{ items: 1, score: 100 }]);
  expect(before.judge.report().services).toEqual([]);
});

test('fewer services have a row of their own, the others are added up', () => {
  const settings = testSettings({ kind: 'processor' });
  const before = make([owner], settings);
  for (const name of ['a', 'b', 'c', 'd'])
    before.judge.count(before.judge.judge(batchOf('traces', { 'service.name': name }, {})));
  const after = make([owner], settings, { max_services: 2 });
  before.judge.handOver(after.judge);
  expect(after.judge.report().services.map(({ service, items }) => [service, items])).toEqual([
    ['a', 1],
    ['b', 1],
    ['(other)', 2],
  ]);
});
