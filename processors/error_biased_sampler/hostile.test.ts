import { expect, test } from 'vitest';
import { accepted } from '../../internal/core/outcome.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { TEST_TIME, type TestSpan, tracesOf } from '../../internal/testkit/traces.ts';
import { Trial } from './test/trial.ts';

const cases: [string, Signal][] = [
  ['head', 'traces'],
  ['head', 'logs'],
  ['tail', 'traces'],
];

test.each(cases)(
  '%s mode, %s with fields in any order, unknown and oddly written ones: what is passed on is sound',
  async (mode, signal) => {
    const trial = new Trial(
      { mode, sampling_percentage: 50, decision_wait: '1s', max_buffer_mib: 64, num_traces: 5000 },
      signal,
    );
    let items = 0;
    for (let seed = 0; seed < 200; seed++) {
      const batch = asPayload(
        signal,
        randomRequest(signal, seed, { unknown: true, disorder: true, padded: seed % 2 === 0 }),
      );
      items += batch.itemCount;
      expect(await trial.put(batch)).toBe(accepted);
      await trial.advance(50);
    }
    await trial.advance(2000);
    await trial.stop();
    for (const batch of trial.next.taken) {
      const counted = batch.chunks.reduce((sum, chunk) => sum + asPayload(signal, chunk).itemCount, 0);
      expect(counted).toBe(batch.itemCount);
    }
    expect(trial.next.items).toBeGreaterThan(0);
    expect(trial.next.items + trial.account.left).toBe(items);
    expect(trial.settings.logger.warnings()).toEqual([]);
  },
);

const huge = 'n'.repeat(100_000);
const odd: [string, TestSpan][] = [
  ['an end before its start', { trace: 1, start: TEST_TIME, end: TEST_TIME - 3_600_000_000_000n }],
  ['the first and the last moment there is', { trace: 1, start: 0n, end: (1n << 64n) - 1n }],
  ['a name without end', { trace: 1, name: huge, attributes: { 'http.response.status_code': 10n ** 18n } }],
  ['a status nobody knows', { trace: 1, status: 2_000_000_000 }],
  ['a tracestate without end', { trace: 1, traceState: `a=${huge}` }],
];

test.each(odd)('a span with %s is judged in both modes', async (_, span) => {
  for (const mode of ['head', 'tail']) {
    const trial = new Trial({ mode, sampling_percentage: 100, decision_wait: '1s', max_buffer_mib: 64 });
    for (let i = 0; i < 3; i++) await trial.put(tracesOf({ resource: { 'service.name': huge }, spans: [span, span] }));
    await trial.advance(3000);
    await trial.stop();
    expect(trial.next.items + trial.account.left).toBe(6);
    expect(trial.account.held).toBe(0);
  }
});
