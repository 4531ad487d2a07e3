import { expect, test } from 'vitest';
import { seededRandom } from '../otlp/sample.ts';
import { ExplainLog, type Logged } from './explain_log.ts';
import { PolicyNames } from './policy_names.ts';
import { TestDecider } from './test/rig.ts';
import { TraceHash, TraceId } from './trace_hash.ts';
import { highHalf, lowHalf, NO_THRESHOLD } from './verdict.ts';

/** Notes are as many bytes as the test says, all of them alike. */
class NotesDecider extends TestDecider {
  notes: Buffer = Buffer.alloc(0);
  override readonly maxNotes: number = 300;
  override takeNotes(into: Uint8Array, at: number): number {
    into.set(this.notes, at);
    return this.notes.length;
  }
  override readNotes(notes: Uint8Array) {
    return [{ policy: 'p', type: 't', vote: 'sampled' as const, compared: `${notes.length} of ${notes[0]}` }];
  }
}

function rig(bytes: number) {
  const log = new ExplainLog(bytes);
  const names = new PolicyNames();
  const decider = new NotesDecider();
  const numbers = names.numbersOf(decider.policies);
  const id = new TraceId(new TraceHash(seededRandom(1)));
  const idOf = (n: number) => {
    id.set(0xffff_ffff, 0xffff_ffff, 0xffff_ffff, n);
    return id;
  };
  log.begin(decider);
  const add = (n: number, notes: Buffer | undefined, over: Partial<Logged> = {}) => {
    decider.notes = notes ?? Buffer.alloc(0);
    const base: Logged = {
      verdict: 'sampled',
      trigger: 'decision_wait',
      policy: numbers[1]!,
      thresholdLow: 0,
      thresholdHigh: NO_THRESHOLD,
      firstSeenAt: 1000 + n,
      decidedAt: 2000 + n,
      spans: n,
    };
    log.add(idOf(n), { ...base, ...over }, notes !== undefined);
  };
  const explain = (n: number) => log.explain(idOf(n), names);
  return { log, names, decider, add, explain, idOf };
}

test('tells all of a decision', () => {
  const { add, explain, log, idOf } = rig(64 * 1024);
  const threshold = (1n << 56n) - (1n << 52n);
  add(7, Buffer.alloc(5, 9), {
    verdict: 'dropped',
    trigger: 'trace_too_large',
    thresholdLow: lowHalf(threshold),
    thresholdHigh: highHalf(threshold),
  });
  log.late(idOf(7), 3);
  expect(explain(7)).toEqual({
    decision: 'dropped',
    policy: 'second',
    trigger: 'trace_too_large',
    firstSeenAt: 1007,
    decidedAt: 2007,
    spans: 7,
    lateSpans: 3,
    threshold: 'f',
    votes: [{ policy: 'p', type: 't', vote: 'sampled', compared: '5 of 9' }],
  });
  log.late(idOf(8), 3);
  expect(explain(8)).toBeUndefined();
});

test('the newest records are there, as many as fit, whatever the sizes; of one trace the last', () => {
  for (const bytes of [4096, 10_000, 65_536, 100_001]) {
    const { add, explain, log } = rig(bytes);
    const random = seededRandom(bytes);
    const newest = new Map<number, { size: number | undefined; step: number }>();
    for (let step = 0; step < 5000; step++) {
      const n = Math.floor(random() * 2000);
      const size = random() < 0.2 ? undefined : Math.floor(random() * 300);
      add(n, size === undefined ? undefined : Buffer.alloc(size, step & 0xff), { decidedAt: step });
      newest.delete(n);
      newest.set(n, { size, step });
      if (step % 97 !== 0) continue;
      // From the newest back: known up to some age, unknown from there on.
      let forgotten = false;
      let known = 0;
      for (const [m, record] of [...newest].reverse()) {
        const told = explain(m);
        if (told) known++;
        else forgotten = true;
        expect(told === undefined).toBe(forgotten);
        if (!told) continue;
        expect(told.decidedAt).toBe(record.step);
        const compared = `${record.size} of ${record.step & 0xff}`;
        expect(told.votes.map((vote) => vote.compared)).toEqual(record.size ? [compared] : []);
      }
      expect(log.size).toBe(known);
    }
    expect(log.size).toBeGreaterThan(bytes / 500);
  }
});

test('after a reload records of before keep their policy and notes, until too many reloads ago', () => {
  const { add, explain, log, names } = rig(64 * 1024);
  add(1, Buffer.alloc(5, 9));
  for (let reload = 0; reload < 15; reload++) {
    const other = new NotesDecider();
    names.numbersOf([{ name: `other ${reload}`, type: 'test' }]);
    log.begin(other);
  }
  expect(explain(1)).toMatchObject({ policy: 'second', votes: [{ compared: '5 of 9' }] });
  log.begin(new NotesDecider());
  expect(explain(1)).toMatchObject({ policy: 'second', votes: [] });
});

test('it says since when it remembers every decision, once it has forgotten one', () => {
  const { log, add, explain } = rig(4096);
  expect(log.since).toBeUndefined();
  let n = 1;
  for (; log.since === undefined && n < 1000; n++) add(n, Buffer.alloc(20, 1));
  for (let more = 0; more < 200; more++, n++) {
    add(n, Buffer.alloc(n % 50, 1));
    const oldest = log.since! - 2000;
    expect([explain(oldest - 1), explain(oldest) !== undefined]).toEqual([undefined, true]);
  }
});
