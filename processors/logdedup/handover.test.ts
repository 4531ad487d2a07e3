import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { walkLogs } from '../../internal/otlp/view/walk.ts';
import { generatePayload } from '../../internal/testkit/generate.ts';
import {
  deferred,
  RecordingConsumer,
  TestAccount,
  type TestSettings,
  testSettings,
} from '../../internal/testkit/settings.ts';
import { idsOf, stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const never = () => new AbortController().signal;

interface Given {
  readonly predecessor?: TestSettings;
  readonly next?: RecordingConsumer;
  readonly account?: TestAccount;
  readonly signal?: 'logs' | 'traces';
}

function make(config: object = {}, given: Given = {}) {
  const { next = new RecordingConsumer(), account = new TestAccount(), signal = 'logs' } = given;
  const settings = { ...(given.predecessor ?? testSettings({ id: 'logdedup', kind: 'processor', signal })), account };
  const dedup = factory.create(settings, schema.parse(config), next);
  const send = (...ids: string[]) => dedup.consume(stamped('logs', ids), noContext);
  const successor = (other: object = config, more: Given = {}) =>
    make(other, { ...given, predecessor: settings, ...more });
  return { dedup, next, account, settings, clock: settings.clock, memory: settings.memory, send, successor };
}

/** What came out: ids with the count of each. */
function counts(next: RecordingConsumer): Record<string, number> {
  const found: Record<string, number> = {};
  for (const batch of next.taken) {
    const walk = walkLogs(batch);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const count = walk.record.attributes.find(Buffer.from('log_count'))!.value.intValue;
          found[walk.record.severityText] = (found[walk.record.severityText] ?? 0) + Number(count);
        }
      }
    }
  }
  return found;
}

test('what is kept goes to the successor with the rest of its interval: merged on, passed on once', async () => {
  const before = make();
  await before.send('a', 'a', 'b');
  await before.clock.advance(6000);
  const after = before.successor();
  expect(before.dedup.handOver!(after.dedup)).toBe(true);
  expect(before.account).toMatchObject({ held: 0, movedOn: 2 });
  expect(after.account).toMatchObject({ held: 2, adopted: 2 });
  await before.dedup.shutdown!(never());
  await after.send('a', 'c');
  await before.clock.advance(3999);
  expect(after.next.calls).toEqual([]);
  await before.clock.advance(1);
  expect(before.next.calls).toEqual([]);
  expect(counts(after.next)).toEqual({ a: 3, b: 1, c: 1 });
  expect(after.account).toMatchObject({ held: 0, handedOn: 3 });
  expect(before.memory.used).toBe(0);
  expect(before.clock.timers).toBe(0);
});

test('another interval counts from the first record, smaller limits hold at once', async () => {
  const before = make({ interval: '60s' });
  await before.send('a', 'b', 'c');
  await before.clock.advance(5000);
  const after = before.successor({ interval: '8s' });
  before.dedup.handOver!(after.dedup);
  await before.clock.advance(2999);
  expect(after.next.calls).toEqual([]);
  await before.clock.advance(1);
  expect(counts(after.next)).toEqual({ a: 1, b: 1, c: 1 });

  await after.send('d', 'e', 'f');
  const small = after.successor({ interval: '8s', max_entries: 2 });
  after.dedup.handOver!(small.dedup);
  expect(counts(small.next)).toEqual({ d: 1, e: 1, f: 1 });
});

test('if other fields are compared, what is kept goes out with the predecessor', async () => {
  const before = make();
  await before.send('a', 'a');
  const after = before.successor({ exclude_fields: ['attributes.x'] });
  expect(before.dedup.handOver!(after.dedup)).toBe(false);
  await before.dedup.shutdown!(never());
  expect([counts(before.next), after.next.calls]).toEqual([{ a: 2 }, []]);
  expect(before.account).toMatchObject({ held: 0, handedOn: 1 });
});

test('a batch under way at the handover is neither lost nor merged twice, and one on its way out stays there', async () => {
  const answer = deferred<Outcome>();
  const slow = new RecordingConsumer(() => answer.promise);
  const before = make({ interval: '1s', conditions: ['log.severity_text != "now"'] }, { next: slow });
  await before.send('out');
  await before.clock.advance(1000);
  const underWay = before.send('now', 'a', 'a');
  const after = before.successor(undefined, { next: new RecordingConsumer() });
  before.dedup.handOver!(after.dedup);
  const stopped = before.dedup.shutdown!(never());
  answer.resolve({ status: 'accepted' });
  await underWay;
  await stopped;
  await before.clock.advance(5000);
  expect(slow.taken.flatMap(idsOf).toSorted()).toEqual(['a', 'now', 'out']);
  expect(after.next.calls).toEqual([]);
  expect(before.account).toMatchObject({ held: 0, left: 1, handedOn: 2 });
  expect(before.memory.used).toBe(0);
});

test('in the same pipeline the account is the same: nothing is moved', async () => {
  const account = new TestAccount();
  const before = make({}, { account });
  await before.send('a');
  before.dedup.handOver!(before.successor({}, { account }).dedup);
  expect(account).toMatchObject({ held: 1, movedOn: 0, adopted: 0 });
});

const spans = (config: object) => make(config, { signal: 'traces' });

test.each([
  ['the same window', { spans_window: '10s', max_spans: 1000 }, 20_000],
  ['another window and room', { spans_window: '5s', max_spans: 200 }, 10_000],
])('spans that were seen before a reload are left out after it: %s', async (_, config, forgotten) => {
  const before = spans({ spans_window: '10s', max_spans: 1000 });
  const batch: Payload = generatePayload('traces', { items: 50 });
  await before.dedup.consume(batch, noContext);
  const after = before.successor(config);
  const apart = before.memory.apart;
  expect(before.dedup.handOver!(after.dedup)).toBe(true);
  expect(before.memory.apart).toBeLessThan(apart);
  await after.dedup.consume(batch, noContext);
  expect([after.next.items, after.account.left]).toEqual([0, 50]);
  // What still comes to the one before is known to both.
  const late = generatePayload('traces', { items: 20, seed: 9 });
  await before.dedup.consume(late, noContext);
  await after.dedup.consume(late, noContext);
  expect([before.next.items, after.next.items]).toEqual([70, 0]);
  await before.clock.advance(forgotten);
  await after.dedup.consume(batch, noContext);
  expect(after.next.items).toBe(50);
  await before.dedup.shutdown!(never());
  await after.dedup.shutdown!(never());
  expect(before.memory.apart).toBe(0);
});
