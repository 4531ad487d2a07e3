import { expect, test } from 'vitest';
import { DELTA, gauge, metrics, sum, T0 } from '../../internal/prometheus/test/metrics.ts';
import { FakeClock } from '../../internal/testkit/clock.ts';
import { schema } from './config.ts';
import { preview } from './preview.ts';

test('the preview tells series, types and what is left out, as the configuration has it', () => {
  const config = schema.parse({ endpoint: 'http://localhost/', namespace: 'ns', external_labels: { cluster: 'c' } });
  const count = (ms: number) =>
    metrics({ metrics: [sum('hits', [{ at: ms, start: 0, value: '2' }], { temporality: DELTA })] });
  const { series, skipped } = preview([count(1), count(2), metrics({ metrics: [gauge('')] })], config, new FakeClock());
  expect(
    series.map(({ name, labels, type, value, timeMs, startMs }) => ({ name, labels, type, value, timeMs, startMs })),
  ).toEqual(
    [1, 2].map((ms) => ({
      name: 'ns_hits_total',
      labels: [
        ['cluster', 'c'],
        ['job', 'shop'],
      ],
      type: 'counter',
      value: 2 * ms,
      timeMs: T0 + ms,
      startMs: T0,
    })),
  );
  expect([...skipped]).toEqual([['no_name', 1]]);
});
