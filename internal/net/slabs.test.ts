import { expect, test } from 'vitest';
import { MemoryBudget } from '../core/memory.ts';
import { FakeClock } from '../testkit/clock.ts';
import { Slabs } from './slabs.ts';

const kibibyte = 1024;
const budget = () => new MemoryBudget(64 * kibibyte * kibibyte);

test('a slab that came back is given out again for any size it fits', () => {
  const slabs = new Slabs(new FakeClock(), budget());
  const slab = slabs.take(200 * kibibyte);
  expect(slab.length).toBeGreaterThanOrEqual(200 * kibibyte);
  slabs.give(slab);
  expect(slabs.take(130 * kibibyte)).toBe(slab);
  expect(slabs.take(130 * kibibyte)).not.toBe(slab);
});

test('chunks are gathered one after the other, behind the room asked for', () => {
  const slabs = new Slabs(new FakeClock(), budget());
  const slab = slabs.gather([Buffer.from('ab'), Buffer.from('c')], 3, 2);
  expect(slab.toString('utf8', 2, 5)).toBe('abc');
});

test('small and huge buffers are not kept', () => {
  const slabs = new Slabs(new FakeClock(), budget());
  for (const bytes of [1, 5000, 17 * kibibyte * kibibyte]) {
    const slab = slabs.take(bytes);
    expect(slab.length).toBeGreaterThanOrEqual(bytes);
    slabs.give(slab);
  }
  expect(slabs.freeBytes).toBe(0);
});

test('no more than 16 MiB are kept', () => {
  const slabs = new Slabs(new FakeClock(), budget());
  const taken = Array.from({ length: 100 }, () => slabs.take(kibibyte * kibibyte));
  for (const slab of taken) slabs.give(slab);
  expect(slabs.freeBytes).toBe(16 * kibibyte * kibibyte);
});

test('what nobody needs is let go within twenty seconds, what is used stays, and no timer is left in the end', async () => {
  const clock = new FakeClock();
  const slabs = new Slabs(clock, budget());
  const [used, idle] = [slabs.take(100_000), slabs.take(100_000)];
  slabs.give(idle);
  slabs.give(used);
  for (let i = 0; i < 4; i++) {
    await clock.advance(5000);
    slabs.give(slabs.take(100_000));
  }
  expect(slabs.take(100_000)).toBe(used);
  expect(slabs.freeBytes).toBe(0);
  slabs.give(used);
  await clock.advance(60_000);
  expect(slabs.freeBytes).toBe(0);
  expect(clock.timers).toBe(0);
});

test('what is out counts in the memory budget, at its real size, until it is given or dropped', () => {
  const memory = budget();
  const slabs = new Slabs(new FakeClock(), memory);
  const [small, large, huge] = [slabs.take(10), slabs.take(100 * kibibyte), slabs.take(20 * kibibyte * kibibyte)];
  expect(memory.copies).toBe(10 + 128 * kibibyte + 20 * kibibyte * kibibyte);
  slabs.drop(huge);
  slabs.give(large);
  expect([memory.copies, slabs.freeBytes]).toEqual([10, 128 * kibibyte]);
  slabs.give(small);
  expect(memory.copies).toBe(0);
});
