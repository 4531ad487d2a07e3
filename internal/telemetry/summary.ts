import type { LedgerBranch, LedgerSnapshot } from '../core/ledger.ts';
import type { Logger } from '../core/telemetry.ts';

/** One line per branch at the end of the process; a warning where something was lost or is unaccounted for. */
export function logSummary(logger: Logger, ledger: LedgerSnapshot): void {
  for (const branch of ledger.branches) {
    const only = ledger.branches.filter((other) => other.pipeline === branch.pipeline).length === 1;
    const line = summaryLine(branch, only);
    if (lost(branch) > 0 || branch.held > 0 || branch.difference !== 0) logger.warn(line);
    else logger.info(line);
  }
}

/** `traces: received 1,234,567, sent 1,234,000, dropped 567 (retries_exhausted 567), held 0` */
function summaryLine(branch: LedgerBranch, onlyBranch: boolean): string {
  const reasons = Object.entries(branch.dropped)
    .filter(([, items]) => items > 0)
    .map(([reason, items]) => `${reason} ${count(items)}`);
  const parts = [
    `received ${count(branch.received)}`,
    ...seldom('taken twice', branch.surplus),
    `sent ${count(branch.sent)}`,
    ...seldom('filtered', branch.filtered),
    ...seldom('refused', branch.refused),
    `dropped ${count(lost(branch))}${reasons.length > 0 ? ` (${reasons.join(', ')})` : ''}`,
    `held ${count(branch.held)}`,
    ...seldom('unaccounted for', branch.difference),
  ];
  return `${branch.pipeline}${onlyBranch ? '' : ` → ${branch.exporter}`}: ${parts.join(', ')}`;
}

function lost(branch: LedgerBranch): number {
  return Object.values(branch.dropped).reduce((sum, items) => sum + items, 0);
}

function seldom(what: string, items: number): string[] {
  return items === 0 ? [] : [`${what} ${count(items)}`];
}

function count(items: number): string {
  return items.toLocaleString('en-US');
}
