import { expect, test } from 'vitest';
import { MemoryBudget } from './memory.ts';

test('at the door a reservation fits whole or fails', () => {
  const budget = new MemoryBudget(10);
  expect(budget.tryReserve(6)).toBe(true);
  expect(budget.tryReserve(5)).toBe(false);
  expect(budget.tryReserve(4)).toBe(true);
  expect([budget.used, budget.free, budget.peak]).toEqual([10, 0, 10]);
  budget.release(6);
  expect([budget.used, budget.peak]).toEqual([4, 10]);
});

test('what changes hands is counted twice for a moment, also in a full budget', () => {
  const budget = new MemoryBudget(10);
  budget.tryReserve(10);
  expect(budget.takeOver(6)).toBe(true);
  budget.release(6);
  expect(budget.used).toBe(10);
  expect(budget.takeOver(6)).toBe(true);
  expect(budget.takeOver(1)).toBe(false);
  expect(budget.peak).toBe(16);
});

test('copies close the door the sooner, are never refused, and are not held besides', () => {
  const budget = new MemoryBudget(10);
  budget.tryReserve(8);
  budget.addCopy(6);
  expect([budget.used, budget.peak, budget.copies, budget.free]).toEqual([8, 8, 6, 0]);
  expect([budget.tryReserve(1), budget.takeOver(1)]).toEqual([false, true]);
  let woken = 0;
  budget.onRelease(() => woken++);
  budget.dropCopy(6);
  expect([woken, budget.copies, budget.tryReserve(1)]).toEqual([1, 0, true]);
});

test('who waits for a release is woken once, and may change his mind', () => {
  const budget = new MemoryBudget(10);
  budget.tryReserve(10);
  let woken = 0;
  budget.onRelease(() => woken++);
  budget.onRelease(() => woken++)();
  budget.release(1);
  budget.release(1);
  expect(woken).toBe(1);
});

test('what is held apart is told, and no part of what is used', () => {
  const budget = new MemoryBudget(100);
  let bytes = 5;
  const end = budget.addApart(() => bytes);
  budget.addApart(() => 7);
  bytes = 50;
  expect([budget.apart, budget.used, budget.free]).toEqual([57, 0, 100]);
  end();
  expect(budget.apart).toBe(7);
});

test('who watches the flow is called after so many bytes, however they come, until he leaves', () => {
  const budget = new MemoryBudget(100);
  let called = 0;
  const leave = budget.every(10, () => called++);
  const comes = (bytes: number) => {
    budget.tryReserve(bytes);
    budget.release(bytes);
    return called;
  };
  expect([comes(6), comes(4), comes(9), comes(30), comes(9)]).toEqual([0, 1, 1, 2, 2]);
  expect([budget.tryReserve(101), called]).toEqual([false, 2]);
  leave();
  expect(comes(90)).toBe(2);
});
