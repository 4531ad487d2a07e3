import { expect, test } from 'vitest';
import type { Explanation } from '../../../internal/core/explain.ts';
import { explanationText } from './text.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const explanation: Explanation = {
  component: 'tail_sampling',
  pipeline: 'traces',
  traceId,
  decision: 'sampled',
  policy: 'slow',
  trigger: 'root_received',
  firstSeenAt: 1_700_000_000_000,
  decidedAt: 1_700_000_012_345,
  spans: 42,
  lateSpans: 3,
  threshold: '8',
  votes: [
    { policy: 'errors', type: 'status_code', vote: 'not_sampled', compared: 'no span of status ERROR' },
    { policy: 'slow', type: 'latency', vote: 'sampled', compared: 'duration 812 ms, threshold 500 ms' },
  ],
};
const text = (part: Partial<Explanation>) => explanationText({ traceId, explanations: [{ ...explanation, ...part }] });

test('a decision is told with its time, its reason, its counts and what each policy compared', () => {
  expect(text({})).toBe(`Trace ${traceId}

tail_sampling (traces): kept by policy slow
  first seen  2023-11-14T22:13:20.000Z
  decided     2023-11-14T22:13:32.345Z, 12.3 s after the first span, because the root span had arrived
  spans       42 when decided, 3 later
  stamped     ot=th:8

  policy  type         vote         compared
  errors  status_code  not sampled  no span of status ERROR
  slow    latency      sampled      duration 812 ms, threshold 500 ms  <- decided
`);
});

test('a trace that is still waiting says so, and one of a head sampler needs neither times nor votes', () => {
  expect(text({ decision: 'pending', policy: undefined, decidedAt: undefined, trigger: undefined })).toContain(
    'not decided yet\n  first seen  2023-11-14T22:13:20.000Z\n  spans       42 so far\n',
  );
  const bare: Explanation = {
    component: 'probabilistic_sampler',
    pipeline: 'traces',
    traceId,
    decision: 'not_sampled',
    spans: 1,
    lateSpans: 0,
    votes: [],
  };
  expect(explanationText({ traceId, explanations: [bare] })).toBe(
    `Trace ${traceId}\n\nprobabilistic_sampler (traces): not kept\n  spans       1 when decided, 0 later\n`,
  );
});

test('what telemetry brings cannot steer the terminal', () => {
  const compared = 'http.target "\u001b]0;gotcha\u0007\u009b2J"\nforged line';
  const lines = text({ votes: [{ policy: 'a\u001b[31m', type: 'string_attribute', vote: 'sampled', compared }] });
  expect(lines.replaceAll('\n', '')).toMatch(/^[ -~]*$/);
  expect(lines).not.toContain('\nforged');
});
