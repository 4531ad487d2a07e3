import { expect, test } from 'vitest';
import type { LedgerBranch } from '../core/ledger.ts';
import type { Logger } from '../core/telemetry.ts';
import { logSummary } from './summary.ts';

const nothing: LedgerBranch = {
  pipeline: 'traces',
  exporter: 'otlp',
  received: 0,
  surplus: 0,
  sent: 0,
  filtered: 0,
  refused: 0,
  dropped: {},
  held: 0,
  balanced: true,
  difference: 0,
};

function summary(...branches: Partial<LedgerBranch>[]): string[] {
  const lines: string[] = [];
  const add = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const logger: Logger = {
    debug: add('debug'),
    info: add('info'),
    warn: add('warn'),
    error: add('error'),
    with: () => logger,
  };
  logSummary(logger, {
    balanced: true,
    branches: branches.map((branch) => ({ ...nothing, ...branch })),
    connectors: [],
  });
  return lines;
}

test('a pipeline that lost nothing ends with one line of information', () => {
  expect(summary({ received: 1_234_567, sent: 1_234_567 })).toEqual([
    'info traces: received 1,234,567, sent 1,234,567, dropped 0, held 0',
  ]);
});

test('losses are told with their reasons, as a warning', () => {
  const dropped = { retries_exhausted: 500, shutdown: 67, queue_full: 0 };
  expect(summary({ received: 1_234_567, sent: 1_234_000, dropped })).toEqual([
    'warn traces: received 1,234,567, sent 1,234,000, dropped 567 (retries_exhausted 500, shutdown 67), held 0',
  ]);
});

test('each exporter of a pipeline has its line, and seldom outcomes appear only where they happened', () => {
  expect(
    summary(
      { received: 10, sent: 6, filtered: 3, refused: 1 },
      { exporter: 'file', received: 10, surplus: 2, sent: 11, held: 1 },
      { pipeline: 'logs', received: 2, sent: 1, difference: 1 },
    ),
  ).toEqual([
    'info traces → otlp: received 10, sent 6, filtered 3, refused 1, dropped 0, held 0',
    'warn traces → file: received 10, taken twice 2, sent 11, dropped 0, held 1',
    'warn logs: received 2, sent 1, dropped 0, held 0, unaccounted for 1',
  ]);
});
