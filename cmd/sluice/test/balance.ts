import { expect } from 'vitest';
import type { LedgerBranch } from '../../../internal/core/ledger.ts';
import { ledger, type Running, until } from './running.ts';

/** What arrived against what was promised: all empty where each id came as often as it was accepted. */
export interface Differences {
  readonly missing: readonly string[];
  readonly tooOften: readonly string[];
}

export function differences(accepted: readonly string[], arrived: readonly string[]): Differences {
  const count = new Map<string, number>();
  for (const id of accepted) count.set(id, (count.get(id) ?? 0) + 1);
  for (const id of arrived) count.set(id, (count.get(id) ?? 0) - 1);
  const where = (fits: (left: number) => boolean) => [...count].filter(([, left]) => fits(left)).map(([id]) => id);
  return { missing: where((left) => left > 0), tooOften: where((left) => left < 0) };
}

/** Waits until everything accepted is there, then holds that nothing came twice or from nowhere. */
export async function arrivesOnce(accepted: readonly string[], arrived: readonly string[]): Promise<void> {
  const isThere = () => arrived.length >= accepted.length && differences(accepted, arrived).missing.length === 0;
  await until('everything accepted has arrived', isThere);
  expect(differences(accepted, arrived)).toEqual({ missing: [], tooOften: [] });
}

/** Branches out of balance, by our own arithmetic and not by the word of `/ledger`. */
export function unbalanced(branches: readonly LedgerBranch[]): LedgerBranch[] {
  return branches.filter((branch) => {
    const dropped = Object.values(branch.dropped).reduce((sum, items) => sum + items, 0);
    const ends = branch.sent + branch.filtered + branch.refused + dropped + branch.held;
    return branch.received + branch.surplus !== ends;
  });
}

/** The branches now, each of which must balance. */
export async function balanced(sluice: Running): Promise<readonly LedgerBranch[]> {
  const { branches, balanced } = await ledger(sluice);
  expect(unbalanced(branches)).toEqual([]);
  expect(balanced).toBe(true);
  return branches;
}

/** Waits until nothing is held, and returns the branches, each of which must balance. */
export async function settled(sluice: Running): Promise<readonly LedgerBranch[]> {
  await until('nothing is held', async () => {
    const branches = await balanced(sluice);
    return branches.every(({ held }) => held === 0);
  });
  return balanced(sluice);
}

/** The one branch of a pipeline, or the one to this exporter. */
export function branchOf(branches: readonly LedgerBranch[], pipeline: string, exporter?: string): LedgerBranch {
  const found = branches.filter((it) => it.pipeline === pipeline && (!exporter || it.exporter === exporter));
  expect(found).toHaveLength(1);
  return found[0]!;
}
