import { expect, test } from 'vitest';
import { differencesFromOtelcol } from '../../bench/peers/beside_otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import type { ProcessorFactory } from '../../internal/core/component.ts';
import { evolvingRequests, exponentialAsLine } from '../../internal/testkit/evolving.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import cumulativetodelta from './index.ts';

/*
 * Beside the Go collector's: thousands of points of all kinds through both, in the same order, and the same deltas come
 * out. It does not look at the order of times, so that points are in order here.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const configs = [
  {},
  { initial_value: 'keep', max_staleness: '0s' },
  { initial_value: 'drop', max_staleness: '24h' },
  { initial_value: 'keep', include: { metric_types: ['Sum', 'histogram'] } },
  { initial_value: 'keep', exclude: { metric_types: ['sum'] } },
  { include: { match_type: 'strict', metrics: ['sum.1', 'histogram.2'] } },
  {
    include: { match_type: 'regexp', metrics: ['^sum', '\\.[01]$'] },
    exclude: { match_type: 'regexp', metrics: ['1'] },
  },
];
const longAgo = 1_600_000_000_000_000_000n;
const afterNow = 4_000_000_000_000_000_000n;

interop.each([
  [1, longAgo, false],
  [2, afterNow, false],
  [3, longAgo, true],
  [4, afterNow, true],
  [5, afterNow, true],
] as const)('the same deltas as the Go collector: seed %i', async (seed, begin, disorder) => {
  const oracle = await loadOracle();
  const sent = evolvingRequests(oracle, { temporality: 'cumulative', seed, requests: 60, begin, disorder });
  const factory = cumulativetodelta as ProcessorFactory;
  const line = (bytes: Uint8Array) => exponentialAsLine(oracle, bytes);
  expect(await differencesFromOtelcol(oracle, 'metrics', factory, configs, sent, line)).toBe('');
});
