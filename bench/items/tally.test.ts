import { expect, test } from 'vitest';
import { type Body, bodyPool, stampRequest } from './body.ts';
import { type Account, ExactTally, PoolTally, type Tally } from './tally.ts';
import { eachField } from './walk.ts';

const ITEMS = 600;
const NOTHING: Account = {
  sent: 0,
  accepted: 0,
  refused: 0,
  delivered: 0,
  duplicates: 0,
  lost: 0,
  unasked: 0,
  unknown: 0,
  altered: 0,
};

function sent(tally: Tally, body: Body, accepted: boolean): Buffer {
  const bytes = Buffer.from(body.bytes);
  const request = tally.send(body);
  if (!body.gzip) stampRequest(bytes, body.marks, request);
  tally.answer(request, body, accepted);
  return bytes;
}

/** Both kinds must agree on the books of these; `check` gets a fresh tally and its pool. */
function withBoth(check: (tally: Tally, pool: readonly Body[]) => void): void {
  const plain = bodyPool({ signal: 'traces', items: ITEMS }, 2);
  check(new ExactTally(plain), plain);
  const gzipped = bodyPool({ signal: 'traces', items: ITEMS, gzip: true }, 2);
  check(new PoolTally(gzipped), gzipped);
}

test('what was accepted and arrived once is delivered', () => {
  withBoth((tally, pool) => {
    const first = sent(tally, pool[0]!, true);
    const second = sent(tally, pool[1]!, true);
    expect(tally.mayBeComplete()).toBe(false);
    expect(tally.arrive(Buffer.concat([second, first]))).toBe(2 * ITEMS);
    expect(tally.mayBeComplete()).toBe(true);
    expect(tally.account()).toEqual({ ...NOTHING, sent: 2 * ITEMS, accepted: 2 * ITEMS, delivered: 2 * ITEMS });
  });
});

test('what was accepted and did not arrive is lost, to the item', () => {
  withBoth((tally, pool) => {
    const bytes = sent(tally, pool[0]!, true);
    const oneLess = withoutLastSpan(bytes, pool[0]!);
    expect(tally.arrive(oneLess)).toBe(ITEMS - 1);
    expect(tally.account()).toEqual({ ...NOTHING, sent: ITEMS, accepted: ITEMS, delivered: ITEMS - 1, lost: 1 });
  });
});

test('what arrives twice is a duplicate', () => {
  withBoth((tally, pool) => {
    const bytes = sent(tally, pool[0]!, true);
    tally.arrive(bytes);
    tally.arrive(bytes);
    expect(tally.account()).toMatchObject({ delivered: ITEMS, duplicates: ITEMS, lost: 0 });
  });
});

test('a duplicate does not make up for a loss of another request', () => {
  const pool = bodyPool({ signal: 'logs', items: ITEMS }, 1);
  const tally = new ExactTally(pool);
  const first = sent(tally, pool[0]!, true);
  sent(tally, pool[0]!, true);
  tally.arrive(first);
  tally.arrive(first);
  expect(tally.account()).toMatchObject({ delivered: ITEMS, duplicates: ITEMS, lost: ITEMS });
});

test('what arrives although it was refused is told apart', () => {
  withBoth((tally, pool) => {
    tally.arrive(sent(tally, pool[0]!, false));
    expect(tally.account()).toEqual({ ...NOTHING, sent: ITEMS, refused: ITEMS, delivered: ITEMS, unasked: ITEMS });
  });
});

test('items that were never sent are unknown', () => {
  const pool = bodyPool({ signal: 'metrics', items: 4 }, 2);
  const tally = new ExactTally(pool.slice(0, 1));
  tally.arrive(pool[1]!.bytes); // a body of another pool
  const future = Buffer.from(pool[0]!.bytes);
  stampRequest(future, pool[0]!.stamps, 77);
  tally.arrive(future);
  expect(tally.account()).toEqual({ ...NOTHING, unknown: 8 });
});

test('an item whose bytes have changed on the way is found, one with its fields in another order is not', () => {
  const pool = bodyPool({ signal: 'traces', items: ITEMS }, 1);
  const changed = (edit: (span: Buffer) => void): Account => {
    const tally = new ExactTally(pool);
    const bytes = sent(tally, pool[0]!, true);
    for (let i = 0; i < ITEMS; i++) edit(bytes.subarray(pool[0]!.ranges[2 * i]!, pool[0]!.ranges[2 * i + 1]!));
    tally.arrive(bytes);
    return tally.account();
  };
  expect(changed(() => {})).toMatchObject({ altered: 0, delivered: ITEMS });
  expect(changed((span) => void (span[3]! ^= 1))).toMatchObject({ altered: 1, delivered: ITEMS });
  // trace_id comes first with 18 bytes; moved to the end it is the same span.
  const moved = (span: Buffer) => span.set(Buffer.concat([span.subarray(18), span.subarray(0, 18)]));
  expect(changed(moved)).toMatchObject({ altered: 0, delivered: ITEMS });
});

test('the books grow with the load', () => {
  const pool = bodyPool({ signal: 'traces', items: 3 }, 1);
  const tally = new ExactTally(pool);
  for (let i = 0; i < 5000; i++) tally.arrive(sent(tally, pool[0]!, true));
  expect(tally.account()).toEqual({ ...NOTHING, sent: 15_000, accepted: 15_000, delivered: 15_000 });
});

test('the arrival of a request is told once, with its last item', () => {
  const pool = bodyPool({ signal: 'traces', items: 5 }, 1);
  const arrived: number[] = [];
  const tally = new ExactTally(pool, (request) => arrived.push(request));
  const first = sent(tally, pool[0]!, true);
  const second = sent(tally, pool[0]!, true);
  tally.arrive(withoutLastSpan(second, pool[0]!));
  expect(arrived).toEqual([]);
  tally.arrive(Buffer.concat([first, second]));
  tally.arrive(first);
  expect(arrived).toEqual([1, 2]);
});

/** The template holds one resource with one scope, so the last span ends where both end: cut it, shorten both. */
function withoutLastSpan(bytes: Buffer, body: Body): Buffer {
  const lastStart = body.ranges.at(-2)!;
  const tagged = lastStart - 3; // tag, and the two bytes of a length from 128 to 16383
  const cut = bytes.length - tagged;
  const shorter = Buffer.from(bytes.subarray(0, tagged));
  const lengths = [1, 4 + lengthAfterResource(bytes)];
  for (const at of lengths) writePadded(shorter, at, varintWidth(shorter, at), varint(shorter, at) - cut);
  return shorter;
}

/** From after ResourceSpans' tag and three bytes of length: where ScopeSpans' length starts. */
function lengthAfterResource(bytes: Buffer): number {
  const width = varintWidth(bytes, 1);
  const resourceAt = 1 + width + 1;
  const resourceEnd = resourceAt + varintWidth(bytes, resourceAt) + varint(bytes, resourceAt);
  return resourceEnd + 1 - 4;
}

function varintWidth(bytes: Buffer, at: number): number {
  let width = 1;
  while (bytes[at + width - 1]! >= 0x80) width++;
  return width;
}

function varint(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = 0; i < varintWidth(bytes, at); i++) value += (bytes[at + i]! & 0x7f) * 2 ** (7 * i);
  return value;
}

/** Keeps the width, so that nothing moves. */
function writePadded(bytes: Buffer, at: number, width: number, value: number): void {
  for (let i = 0; i < width; i++) bytes[at + i] = ((value >>> (7 * i)) & 0x7f) | (i + 1 < width ? 0x80 : 0);
}

test('of whole traces, each request has its own, and what arrives is compared all the same', () => {
  const pool = bodyPool({ signal: 'traces', items: ITEMS, spansPerTrace: 8 }, 1);
  const tally = new ExactTally(pool);
  for (let i = 0; i < 5; i++) tally.arrive(sent(tally, pool[0]!, true));
  expect(tally.account()).toMatchObject({ delivered: 5 * ITEMS, altered: 0 });
  for (let i = 0; i < 5; i++) {
    const text = sent(tally, pool[0]!, true).toString('latin1');
    tally.arrive(Buffer.from(text.replaceAll('Mozilla', 'Nozilla'), 'latin1'));
  }
  expect(tally.account().altered).toBeGreaterThan(0);
});

test.each([{ services: 10 }, { services: 10, spansPerTrace: 8 }])(
  'items of many resources are told apart and compared: %o',
  (layout) => {
    const pool = bodyPool({ signal: 'traces', items: ITEMS, ...layout }, 3);
    const tally = new ExactTally(pool);
    const requests = [...pool, ...pool].map((body) => sent(tally, body, true));
    tally.arrive(Buffer.concat(requests));
    expect(tally.account()).toEqual({ ...NOTHING, sent: 6 * ITEMS, accepted: 6 * ITEMS, delivered: 6 * ITEMS });
    tally.arrive(requests[4]!);
    expect(tally.account()).toMatchObject({ delivered: 6 * ITEMS, duplicates: ITEMS, altered: 0 });
    const changed = sent(tally, pool[1]!, true).toString('latin1').replaceAll('Mozilla', 'Nozilla');
    tally.arrive(Buffer.from(changed, 'latin1'));
    expect(tally.account().altered).toBeGreaterThan(0);
  },
);

test('of many resources, one that is left out is lost', () => {
  const [body] = bodyPool({ signal: 'traces', items: 512, services: 10 }, 1);
  const tally = new ExactTally([body!]);
  const bytes = sent(tally, body!, true);
  let kept = 0;
  eachField(bytes, 0, bytes.length, 1, (_start, end) => (kept ||= end));
  tally.arrive(bytes.subarray(kept));
  expect(tally.account()).toMatchObject({ delivered: 461, lost: 51, unknown: 0 });
});

test('a trace of which a part arrived is counted', () => {
  const pool = bodyPool({ signal: 'traces', items: ITEMS, spansPerTrace: 8 }, 1);
  const tally = new ExactTally(pool);
  tally.arrive(withoutLastSpan(sent(tally, pool[0]!, true), pool[0]!));
  tally.arrive(sent(tally, pool[0]!, true));
  expect(tally.brokenTraces(ITEMS / 8)).toBe(1);
});
