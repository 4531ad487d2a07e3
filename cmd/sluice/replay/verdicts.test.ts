import { expect, test } from 'vitest';
import type { Explanation } from '../../../internal/core/explain.ts';
import { seededRandom } from '../../../internal/otlp/sample.ts';
import { TraceTable } from './traces.ts';
import { Verdicts } from './verdicts.ts';

type Answer = Pick<Explanation, 'decision' | 'policy' | 'trigger' | 'votes'> | undefined;

/** Verdicts on three traces of one sampler, whose answers the test sets. */
function rig() {
  const traces = new TraceTable(seededRandom(1));
  const answers = new Map<string, Answer>();
  const rows = [1, 2, 3].map((n) => traces.row(Buffer.alloc(16, n), true));
  const explain = (traceId: string): Explanation | undefined => {
    const answer = answers.get(traceId);
    return answer && { component: 'tail', pipeline: 'traces', traceId, spans: 1, lateSpans: 0, ...answer };
  };
  const verdicts = new Verdicts(
    [{ kind: 'processor', id: 'tail', pipelines: ['traces'], component: { explain } }],
    traces,
  );
  verdicts.began(0, 3);
  return { traces, verdicts, set: (row: number, answer: Answer) => answers.set(traces.id(rows[row]!), answer) };
}

const pending: Answer = { decision: 'pending', votes: [] };
const kept: Answer = {
  decision: 'sampled',
  policy: 'errors',
  trigger: 'decision_wait',
  votes: [{ policy: 'errors', type: 'status_code', vote: 'sampled', compared: '' }],
};
const left: Answer = {
  decision: 'not_sampled',
  trigger: 'eviction',
  votes: [{ policy: 'errors', type: 'status_code', vote: 'not_sampled', compared: '' }],
};

test('each trace is counted once, when it is decided, by the policy that settled it', () => {
  const { traces, verdicts, set } = rig();
  set(0, kept);
  set(1, pending);
  set(2, pending);
  verdicts.collect(false);
  verdicts.collect(false);
  expect(verdicts.counts()[0]!.policies).toEqual([
    { policy: 'errors', type: 'status_code', kept: 1, leftOut: 0, votesFor: 1, votesAgainst: 0 },
  ]);
  set(1, left);
  set(2, kept);
  verdicts.collect(false);
  verdicts.collect(true);
  expect(verdicts.counts()).toEqual([
    {
      component: 'tail',
      pipeline: 'traces',
      policies: [
        { policy: 'errors', type: 'status_code', kept: 2, leftOut: 0, votesFor: 2, votesAgainst: 1 },
        { policy: undefined, type: undefined, kept: 0, leftOut: 1, votesFor: 0, votesAgainst: 0 },
      ],
      triggers: { decision_wait: 2, eviction: 1 },
      unknown: 0,
    },
  ]);
  expect([0, 1, 2].map((row) => verdicts.names.list[traces.policy(row)])).toEqual([
    'errors',
    '(not sampled)',
    'errors',
  ]);
});

test('a trace that comes to the sampler later is asked for again, and one that never comes is unknown and holds nobody up', () => {
  const { verdicts, set } = rig();
  set(1, kept);
  set(2, kept);
  verdicts.collect(false);
  expect(verdicts.counts()[0]).toMatchObject({ policies: [{ kept: 2 }], unknown: 0 });
  set(0, left);
  verdicts.collect(true);
  expect(verdicts.counts()[0]).toMatchObject({ policies: [{ kept: 2 }, { leftOut: 1 }], unknown: 0 });
  const { verdicts: others } = rig();
  others.collect(false);
  others.collect(true);
  expect(others.counts()[0]).toMatchObject({ policies: [], unknown: 3 });
});

test('a trace that waits longer than later ones does not hold them up', () => {
  const { verdicts, set } = rig();
  set(0, pending);
  set(1, kept);
  set(2, kept);
  verdicts.collect(false);
  expect(verdicts.counts()[0]).toMatchObject({ policies: [{ kept: 2 }] });
  set(1, undefined); // forgotten by now
  set(0, left);
  verdicts.collect(false);
  expect(verdicts.counts()[0]).toMatchObject({ policies: [{ kept: 2 }, { leftOut: 1 }], unknown: 0 });
});

test('what is still pending at the very end is unknown', () => {
  const { verdicts, set } = rig();
  set(0, pending);
  set(1, kept);
  set(2, pending);
  verdicts.collect(true);
  expect(verdicts.counts()[0]).toMatchObject({ policies: [{ kept: 1 }], unknown: 2 });
});
