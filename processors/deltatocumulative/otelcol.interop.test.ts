import { expect, test } from 'vitest';
import { differencesFromOtelcol } from '../../bench/peers/beside_otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import type { ProcessorFactory } from '../../internal/core/component.ts';
import { evolvingRequests, exponentialAsLine } from '../../internal/testkit/evolving.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import deltatocumulative from './index.ts';

/*
 * Beside the Go collector's: thousands of points of all kinds through both, in the same order, and the same totals come
 * out. It hands on exemplars of a series' first point with every later one, and does not look at flags: neither is here.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const configs = [{}, { max_stale: '1h' }, { max_streams: 1000 }, { max_streams: 40 }];

interop.each([1, 2, 3, 4])(
  'the same totals as the Go collector, whatever comes late or twice: seed %i',
  async (seed) => {
    const oracle = await loadOracle();
    const begin = 1_700_000_000_000_000_000n;
    const disorder = seed > 1;
    const sent = evolvingRequests(oracle, { temporality: 'delta', seed, requests: 60, begin, disorder });
    const factory = deltatocumulative as ProcessorFactory;
    const line = (bytes: Uint8Array) => exponentialAsLine(oracle, bytes);
    expect(await differencesFromOtelcol(oracle, 'metrics', factory, configs, sent, line)).toBe('');
  },
);
