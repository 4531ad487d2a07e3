import type { Replayed } from './run.ts';

/** What another configuration did differently with the same capture. */
export interface Difference {
  /** Traces that reached an exporter in one and none in the other. */
  readonly fates: readonly FateChange[];
}

export interface FateChange {
  /** Absent: any exporter. */
  readonly exporter?: string;
  /** Kept by the first, not by the second. */
  readonly lost: number;
  readonly lostWithError: number;
  /** The reverse. */
  readonly gained: number;
  readonly gainedWithError: number;
  readonly lostExamples: readonly Example[];
  readonly gainedExamples: readonly Example[];
}

export interface Example {
  readonly traceId: string;
  readonly service: string;
  readonly error: boolean;
  /** The policy that settled it in the first and in the second configuration, where a sampler told. */
  readonly before: string;
  readonly after: string;
}

const examples = 5;

/** Both must be replays of the same capture: then a row is the same trace in both. */
export function compare(before: Replayed, after: Replayed): Difference {
  const common = before.book.exporters.list.filter((id) => after.book.exporters.list.includes(id));
  const fates = [fateChange(before, after, undefined)];
  const isMore = common.length > 1 || before.book.exporters.list.length > 1 || after.book.exporters.list.length > 1;
  if (isMore) for (const id of common.sort()) fates.push(fateChange(before, after, id));
  return { fates };
}

function fateChange(before: Replayed, after: Replayed, exporter: string | undefined): FateChange {
  const mask = ({ book }: Replayed) => (exporter === undefined ? -1 : 1 << book.exporters.index(exporter));
  const beforeMask = mask(before);
  const afterMask = mask(after);
  const change = { lost: 0, lostWithError: 0, gained: 0, gainedWithError: 0 };
  const lostExamples: Example[] = [];
  const gainedExamples: Example[] = [];
  const { traces } = before.book;
  for (let row = 0; row < traces.size; row++) {
    const was = (traces.kept(row) & beforeMask) !== 0;
    const is = (after.book.traces.kept(row) & afterMask) !== 0;
    if (was === is) continue;
    const way = was ? 'lost' : 'gained';
    change[way] += 1;
    if (traces.hasError(row)) change[`${way}WithError`] += 1;
    const list = was ? lostExamples : gainedExamples;
    if (list.length < examples) list.push(exampleOf(row, before, after));
  }
  return { ...(exporter !== undefined && { exporter }), ...change, lostExamples, gainedExamples };
}

function exampleOf(row: number, before: Replayed, after: Replayed): Example {
  const { traces, services } = before.book;
  return {
    traceId: traces.id(row),
    service: services.list[traces.service(row)]!,
    error: traces.hasError(row),
    before: before.verdicts?.names.list[traces.policy(row)] ?? '',
    after: after.verdicts?.names.list[after.book.traces.policy(row)] ?? '',
  };
}
