import { expect, test } from 'vitest';
import { TestMeter } from '../testkit/settings.ts';
import { Ledger } from './ledger.ts';

const series = (meter: TestMeter, exporter: string, outcome: string, reason = '') =>
  meter.value('sluice_pipeline_items_total', { pipeline: 'traces', exporter, outcome, reason });

test('what a processor did counts for every branch, what an exporter did for its own', () => {
  const ledger = new Ledger(new TestMeter());
  const page = ledger.open('traces', ['a', 'b']);
  page.received = 10;
  page.processors.filtered(1);
  page.processors.hold(9);
  page.processors.passed(6);
  page.branch('a').account.hold(6);
  page.branch('a').account.sent(4, true);
  page.branch('b').account.sent(5, false);
  page.branch('b').account.dropped(1, 'rejected', false);
  expect(ledger.snapshot()).toEqual({
    balanced: true,
    connectors: [],
    branches: [
      {
        pipeline: 'traces',
        exporter: 'a',
        received: 10,
        surplus: 0,
        sent: 4,
        filtered: 1,
        refused: 0,
        dropped: {},
        held: 5,
        balanced: true,
        difference: 0,
      },
      {
        pipeline: 'traces',
        exporter: 'b',
        received: 10,
        surplus: 0,
        sent: 5,
        filtered: 1,
        refused: 0,
        dropped: { rejected: 1 },
        held: 3,
        balanced: true,
        difference: 0,
      },
    ],
  });
});

test('items that nobody accounts for show as a difference', () => {
  const ledger = new Ledger(new TestMeter());
  const page = ledger.open('traces', ['a']);
  page.received = 3;
  page.branch('a').account.sent(1, false);
  expect(ledger.snapshot()).toMatchObject({ balanced: false, branches: [{ balanced: false, difference: 2 }] });
});

test('each outcome is a series, each reason for a loss one from the first loss on', () => {
  const meter = new TestMeter();
  const page = new Ledger(meter).open('traces', ['a']);
  page.received = 7;
  page.refused = 2;
  page.processors.hold(5);
  page.processors.dropped(1, 'shutdown', true);
  page.branch('a').account.dropped(2, 'shutdown', false);
  page.branch('a').account.dropped(1, 'invalid', false);
  expect(series(meter, 'a', 'received')).toBe(7);
  expect(series(meter, 'a', 'refused')).toBe(2);
  expect(series(meter, 'a', 'dropped', 'shutdown')).toBe(3);
  expect(series(meter, 'a', 'dropped', 'invalid')).toBe(1);
  expect(meter.value('sluice_pipeline_items_held', { pipeline: 'traces', exporter: 'a' })).toBe(4);
});

test('a branch goes on counting where it was when the pipeline gets another one beside it', () => {
  const meter = new TestMeter();
  const ledger = new Ledger(meter);
  const before = ledger.open('traces', ['a']);
  before.received = 3;
  before.processors.dropped(3, 'shutdown', false);
  const after = ledger.open('traces', ['a', 'b']);
  after.received = 2;
  for (const exporter of ['a', 'b']) after.branch(exporter).account.sent(2, false);
  expect(ledger.snapshot().branches).toMatchObject([
    { exporter: 'a', received: 5, sent: 2, dropped: { shutdown: 3 }, balanced: true },
    { exporter: 'b', received: 2, sent: 2, dropped: {}, balanced: true },
  ]);
  expect(series(meter, 'a', 'received')).toBe(5);
  expect(series(meter, 'b', 'received')).toBe(2);
});

test('a connector that holds items between its pipelines has a line of its own', () => {
  const ledger = new Ledger(new TestMeter());
  const account = ledger.connector('count', 'traces');
  expect(ledger.snapshot().connectors).toEqual([]);
  account.hold(3);
  account.dropped(1, 'shutdown', true);
  expect(ledger.snapshot().connectors).toEqual([
    { connector: 'count (traces)', held: 2, filtered: 0, dropped: { shutdown: 1 } },
  ]);
});

test('a processor that decides later settles what it held: passed on or left out', () => {
  const ledger = new Ledger(new TestMeter());
  const page = ledger.open('traces', ['a']);
  page.received = 5;
  page.processors.hold(5);
  page.processors.filtered(3, true);
  expect(ledger.snapshot()).toMatchObject({ balanced: true, branches: [{ filtered: 3, held: 2 }] });
  page.processors.passed(2);
  page.branch('a').account.sent(2, false);
  expect(ledger.snapshot()).toMatchObject({ balanced: true, branches: [{ filtered: 3, sent: 2, held: 0 }] });
});

test('what a processor’s successor takes on is received again at the branches of now, on no branch twice', () => {
  const ledger = new Ledger(new TestMeter());
  const before = ledger.open('traces', ['a', 'b']);
  before.received = 4;
  before.processors.hold(4);
  const after = ledger.open('traces', ['b', 'c']);
  before.processors.moved(4);
  after.processors.adopt(4);
  expect(ledger.snapshot()).toMatchObject({
    balanced: true,
    branches: [
      { exporter: 'a', received: 4, refused: 4, held: 0 },
      { exporter: 'b', received: 8, refused: 4, held: 4 },
      { exporter: 'c', received: 4, refused: 0, held: 4 },
    ],
  });
});
