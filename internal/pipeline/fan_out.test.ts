import { expect, test } from 'vitest';
import { noContext } from '../core/consumer.ts';
import { accepted, permanent, retryable } from '../core/outcome.ts';
import { FakeClock } from '../testkit/clock.ts';
import { RecordingConsumer } from '../testkit/settings.ts';
import { stamped } from '../testkit/stamped.ts';
import { FanOut } from './edges.ts';
import { BranchBook } from './ledger.ts';

const batch = stamped('traces', ['a', 'b']);

function fanOut(...branches: RecordingConsumer[]) {
  const clock = new FakeClock();
  const books = branches.map(() => new BranchBook());
  return { clock, books, node: new FanOut(branches, { clock, random: () => 0.5 }, books) };
}

test('a persistent caller waits for the branch that refuses, and the others get the batch once', async () => {
  const healthy = new RecordingConsumer();
  const busy = new RecordingConsumer((_, call) => (call < 3 ? retryable('queue full') : accepted));
  const { clock, books, node } = fanOut(healthy, busy);
  const answer = node.consume(batch, { persistent: true });
  await clock.advance(30_000);
  expect(await answer).toEqual(accepted);
  expect(healthy.calls).toHaveLength(1);
  expect(busy.calls).toHaveLength(4);
  expect(books.map((book) => book.surplus)).toEqual([0, 0]);
});

test('any other caller is told to retry at once, and what a branch has taken is surplus', async () => {
  const healthy = new RecordingConsumer();
  const { clock, books, node } = fanOut(healthy, new RecordingConsumer(() => retryable('queue full')));
  expect((await node.consume(batch, noContext)).status).toBe('retryable');
  expect(clock.timers).toBe(0);
  expect(books.map((book) => book.surplus)).toEqual([2, 0]);
});

test('the end of a persistent caller ends the waiting', async () => {
  const { clock, node } = fanOut(new RecordingConsumer(), new RecordingConsumer(() => retryable('queue full')));
  const end = new AbortController();
  const answer = node.consume(batch, { persistent: true, abort: end.signal });
  await clock.advance(1000);
  end.abort();
  expect((await answer).status).toBe('retryable');
  expect(clock.timers).toBe(0);
});

test('a refusal for good is not waited for', async () => {
  const { clock, node } = fanOut(new RecordingConsumer(), new RecordingConsumer(() => permanent('rejected', 'no')));
  expect(await node.consume(batch, { persistent: true })).toMatchObject({ status: 'permanent' });
  expect(clock.timers).toBe(0);
});
