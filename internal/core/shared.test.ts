import { expect, test } from 'vitest';
import { Shared } from './shared.ts';

/** Makes things, and tells how many are made and not closed. */
function maker() {
  const made = { count: 0, open: 0 };
  const make = async () => {
    made.count++;
    made.open++;
    return { number: made.count, close: () => void made.open-- };
  };
  return { made, make };
}

test('those who ask for one key have one thing, those who ask for another have another', async () => {
  const { made, make } = maker();
  const shared = new Shared();
  const [first, second, other] = await Promise.all([
    shared.hold('a', make),
    shared.hold('a', make),
    shared.hold('b', make),
  ]);
  expect([first.thing, other.thing.number, made.count]).toEqual([second.thing, 2, 2]);
});

test('the last who lets go closes it, however often the others say so, and it is made anew', async () => {
  const { made, make } = maker();
  const shared = new Shared();
  const [first, second] = await Promise.all([shared.hold('a', make), shared.hold('a', make)]);
  first.release();
  first.release();
  expect(made.open).toBe(1);
  second.release();
  expect(made.open).toBe(0);
  expect((await shared.hold('a', make)).thing.number).toBe(2);
});

test('what cannot be made fails for all who wait for it, and the next one tries again', async () => {
  const { make } = maker();
  const shared = new Shared();
  const fail = () => Promise.reject(new Error('no such file'));
  const both = [shared.hold('a', fail), shared.hold('a', fail)];
  for (const one of both) await expect(one).rejects.toThrow('no such file');
  expect((await shared.hold('a', make)).thing.number).toBe(1);
});
