import { expect, test } from 'vitest';
import { schema } from './config.ts';

test.each<[object, string]>([
  [{}, 'expected a budget: one of target_traces_per_second, target_spans_per_second, sampling_percentage'],
  [{ target_traces_per_second: 1, sampling_percentage: 1 }, 'target_traces_per_second is the budget already'],
  [{ mode: 'head', target_traces_per_second: 1 }, 'head mode sees spans, not traces'],
  [{ target_traces_per_second: 1, fair_share: { floor_spans_per_second: 1 } }, 'use floor_traces_per_second'],
  [{ target_spans_per_second: 1, fair_share: { ceiling_traces_per_second: 1 } }, 'use ceiling_spans_per_second'],
  [{ target_spans_per_second: 1, adjustment_interval: '1ms' }, 'expected at least 100ms'],
  [{ target_spans_per_second: 1, slow: { half_life: '1ms' } }, 'expected at least 1s'],
])('%j is refused: %s', (config, message) => {
  const result = schema.safeParse(config);
  expect(result.error?.issues.map((issue) => issue.message).join()).toContain(message);
});

test('a budget is all that is needed', () => {
  expect(schema.parse({ target_traces_per_second: 100 })).toMatchObject({
    mode: 'tail',
    adjustment_interval: 5000,
    over_budget_errors: 'thin',
    over_budget_factor: 2,
    max_keys: 5000,
    slow: { quantile: 0.99, min_samples: 200 },
    rare: { max_per_minute: 1 },
  });
});
