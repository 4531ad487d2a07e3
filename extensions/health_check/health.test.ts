import { expect, test } from 'vitest';
import type { ComponentStatus, Kind, Status } from '../../internal/core/component.ts';
import { collectorHealth, httpCode, legacyCode, type Rules } from './health.ts';

const none: Rules = { include_permanent_errors: false, include_recoverable_errors: false, recovery_duration: 300_000 };
const permanent: Rules = { ...none, include_permanent_errors: true };
const recoverable: Rules = { ...none, include_recoverable_errors: true };
const both: Rules = { ...permanent, include_recoverable_errors: true };

function row(status: Status, part: Partial<ComponentStatus> = {}): ComponentStatus {
  return { id: 'otlp', kind: 'exporter', pipelines: ['traces'], status, since: 1000, ...part };
}

test.each<[Status, Rules, number, number]>([
  ['starting', none, 0, 503],
  ['ok', none, 0, 200],
  ['recoverable_error', none, 1e9, 200],
  ['recoverable_error', recoverable, 300_999, 200],
  ['recoverable_error', recoverable, 301_000, 500],
  ['recoverable_error', permanent, 1e9, 200],
  ['permanent_error', none, 0, 200],
  ['permanent_error', recoverable, 1e9, 200],
  ['permanent_error', permanent, 0, 500],
  ['fatal_error', none, 0, 500],
  ['stopping', both, 0, 503],
  ['stopped', both, 0, 503],
])('v2: %s under %o at %i ms is %i', (status, rules, now, want) => {
  expect(httpCode(collectorHealth([row(status)], rules, 1), rules, now)).toBe(want);
});

test.each<[Status, number]>([
  ['starting', 503],
  ['ok', 200],
  ['recoverable_error', 200],
  ['permanent_error', 200],
  ['fatal_error', 503],
  ['stopping', 503],
  ['stopped', 503],
])('v1: %s is %i', (status, want) => {
  expect(legacyCode(collectorHealth([row(status)], none, 1))).toBe(want);
});

test.each<[string, Status[], Rules, Status]>([
  ['nothing reported yet', [], none, 'starting'],
  ['all stopped', ['stopped', 'stopped'], none, 'stopped'],
  ['some stopped', ['stopped', 'ok'], none, 'stopping'],
  ['one still starting', ['ok', 'starting', 'permanent_error'], none, 'starting'],
  ['fatal above all', ['starting', 'stopping', 'fatal_error', 'permanent_error'], none, 'fatal_error'],
  ['permanent over recoverable', ['recoverable_error', 'permanent_error', 'ok'], none, 'permanent_error'],
  ['permanent over recoverable, both included', ['recoverable_error', 'permanent_error'], both, 'permanent_error'],
  [
    'recoverable first where only it counts',
    ['permanent_error', 'recoverable_error'],
    recoverable,
    'recoverable_error',
  ],
])('%s: %o is told as one', (_, statuses, rules, want) => {
  const rows = statuses.map((status, i) => row(status, { id: `c${i}` }));
  expect(collectorHealth(rows, rules, 1).status).toBe(want);
});

test('a recovery is measured from the first error, though others follow', () => {
  const rows = [1000, 250_000].map((since, i) => row('recoverable_error', { id: `c${i}`, since, error: `e${i}` }));
  const health = collectorHealth(rows, recoverable, 1);
  expect(health).toMatchObject({ since: 1000, error: 'e0' });
  expect(httpCode(health, recoverable, 301_000)).toBe(500);
});

test('a component of several pipelines is told in each, an extension in a group of its own', () => {
  const component = (kind: Kind, id: string, pipelines: string[], status: Status = 'ok') =>
    row(status, { kind, id, pipelines });
  const health = collectorHealth(
    [
      component('receiver', 'otlp', ['traces', 'logs']),
      component('exporter', 'otlp', ['traces'], 'recoverable_error'),
      component('exporter', 'file', ['logs']),
      component('extension', 'health_check', []),
    ],
    none,
    1,
  );
  const names = Array.from(health.parts, ([name, { status, parts }]) => [name, status, [...parts.keys()]]);
  expect(names).toEqual([
    ['pipeline:traces', 'recoverable_error', ['receiver:otlp', 'exporter:otlp']],
    ['pipeline:logs', 'ok', ['receiver:otlp', 'exporter:file']],
    ['extensions', 'ok', ['extension:health_check']],
  ]);
  expect(health.status).toBe('recoverable_error');
});
