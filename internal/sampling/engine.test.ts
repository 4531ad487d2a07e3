import { expect, test } from 'vitest';
import { idOf, rig, TestDecider } from './test/rig.ts';

const keepErrors = () =>
  new TestDecider((trace, _trigger, into) => {
    into.verdict = trace.hasError ? 'sampled' : 'not_sampled';
    into.policy = trace.hasError ? 0 : -1;
  });

test('a trace is decided once its wait is over, with all its spans from several batches', async () => {
  const { put, names, clock, account, decider, memory } = rig();
  expect((await put({ trace: 'a', name: 'a1' })).status).toBe('accepted');
  await put({ trace: 'b', name: 'b1' }, { trace: 'a', name: 'a2' });
  await clock.advance(999);
  expect(account.held).toBe(3);
  expect(names()).toEqual([]);
  await clock.advance(1);
  expect(names().sort()).toEqual(['a1', 'a2', 'b1']);
  expect(decider.asked).toEqual([
    { id: idOf('a'), trigger: 'decision_wait', spans: 2, gathered: 2 },
    { id: idOf('b'), trigger: 'decision_wait', spans: 1, gathered: 1 },
  ]);
  expect(account).toMatchObject({ held: 0, handedOn: 3, left: 0 });
  expect(memory.used).toBe(0);
});

test('what is not sampled is filtered, and stays in the ledger as that', async () => {
  const { put, names, clock, account, observer } = rig({}, keepErrors());
  await put({ trace: 'a', name: 'a1' }, { trace: 'b', name: 'b1', error: true }, { trace: 'b', name: 'b2' });
  await clock.advance(1000);
  expect(names()).toEqual(['b1', 'b2']);
  expect(account).toMatchObject({ held: 0, handedOn: 2, left: 1 });
  expect(observer).toMatchObject({
    new: 2,
    decisions: { 'sampled decision_wait': 1, 'not_sampled decision_wait': 1 },
    removals: 2,
  });
});
