import type { LedgerSnapshot } from '../../../internal/core/ledger.ts';
import type { Signal } from '../../../internal/otlp/payload.ts';
import type { Arrived, Book } from './book.ts';
import type { CaptureNotes } from './capture.ts';
import type { SamplerCounts, Verdicts } from './verdicts.ts';

/** What became of a capture in one configuration: equal for equal input, byte by byte. */
export interface Report {
  readonly capture: {
    readonly records: number;
    readonly bytes: number;
    readonly passedOver: number;
    readonly reasons: readonly string[];
    /** Arrival of the first and the last batch, milliseconds since 1970; absent in an empty capture. */
    readonly from?: number;
    readonly to?: number;
    /** Batches with an item that is an hour ahead of the others, and batches an hour older than one before. */
    readonly outliers: number;
    readonly behind: number;
    readonly items: Readonly<Record<Signal, number>>;
    readonly traces: number;
    readonly errorTraces: number;
    /** Spans of traces beyond those that can be followed. */
    readonly spansNotFollowed: number;
  };
  readonly samplers: readonly SamplerCounts[];
  readonly exporters: readonly ExporterReport[];
  /** By service name. */
  readonly services: readonly ServiceReport[];
  readonly ledger: LedgerSnapshot;
  /** Batches that a pipeline did not take; a real sender would offer those refused for now again. */
  readonly refused: { readonly forNow: number; readonly forGood: number };
  readonly memory: {
    readonly budgetBytes: number;
    readonly peakBytes: number;
    /** Trace buffers, which are bounded by themselves. */
    readonly buffers: readonly { readonly component: string; readonly peakBytes: number }[];
  };
}

export interface ExporterReport {
  readonly exporter: string;
  readonly signal: Signal;
  readonly requests: number;
  readonly items: number;
  /** OTLP protobuf, before compression. */
  readonly bytes: number;
  /** Exporters of traces only: traces of which at least one span arrived. */
  readonly traces?: number;
  /** Traces that hold a span of status ERROR and of which nothing arrived. */
  readonly errorTracesMissed?: number;
  readonly missedExamples?: readonly string[];
}

export interface ServiceReport {
  readonly service: string;
  /** Traces that began here: by the service of the root, or of the first span where no root was seen. */
  readonly traces: number;
  readonly items: Readonly<Partial<Record<Signal, number>>>;
  /** What of that reached each exporter. */
  readonly exporters: readonly {
    readonly exporter: string;
    readonly signal: Signal;
    readonly items: number;
    readonly traces?: number;
    readonly errorTracesMissed?: number;
  }[];
}

export interface Told {
  readonly book: Book;
  readonly verdicts: Verdicts | undefined;
  readonly notes: CaptureNotes;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly ledger: LedgerSnapshot;
  readonly refused: Report['refused'];
  readonly memory: Report['memory'];
}

const examples = 5;

export function reportOf(told: Told): Report {
  const { book, notes, verdicts } = told;
  const fates = fatesOf(book);
  const items = (of: Arrived) => of.items;
  return {
    capture: {
      records: notes.records,
      bytes: notes.bytes,
      passedOver: notes.passedOver,
      reasons: notes.reasons,
      ...(told.from !== undefined && { from: told.from, to: told.to! }),
      outliers: notes.outliers,
      behind: notes.behind,
      items: {
        traces: items(book.entered.traces),
        metrics: items(book.entered.metrics),
        logs: items(book.entered.logs),
      },
      traces: book.traces.size,
      errorTraces: fates.errors,
      spansNotFollowed: book.spansNotFollowed,
    },
    samplers: verdicts?.counts() ?? [],
    exporters: exportersOf(book, fates),
    services: servicesOf(book, fates),
    ledger: told.ledger,
    refused: told.refused,
    memory: told.memory,
  };
}

/** Traces by exporter and service. */
interface Fates {
  errors: number;
  readonly byService: number[];
  readonly byExporter: readonly Fate[];
}

interface Fate {
  kept: number;
  missed: number;
  readonly examples: string[];
  readonly keptByService: number[];
  readonly missedByService: number[];
}

function fatesOf({ traces, exporters }: Book): Fates {
  const byExporter = exporters.list.map(
    (): Fate => ({ kept: 0, missed: 0, examples: [], keptByService: [], missedByService: [] }),
  );
  const fates: Fates = { errors: 0, byService: [], byExporter };
  for (let row = 0; row < traces.size; row++) {
    const service = traces.service(row);
    const isError = traces.hasError(row);
    const kept = traces.kept(row);
    if (isError) fates.errors += 1;
    add(fates.byService, service);
    for (const [exporter, fate] of byExporter.entries()) {
      if ((kept & (1 << exporter)) !== 0) {
        fate.kept += 1;
        add(fate.keptByService, service);
      } else if (isError) {
        fate.missed += 1;
        add(fate.missedByService, service);
        if (fate.examples.length < examples) fate.examples.push(traces.id(row));
      }
    }
  }
  return fates;
}

function add(counts: number[], index: number): void {
  counts[index] = (counts[index] ?? 0) + 1;
}

function sorted(book: Book) {
  const rank = ({ exporter, signal }: { exporter: string; signal: Signal }) => `${exporter} ${signal}`;
  return [...book.arrived.values()].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

function exportersOf(book: Book, fates: Fates): ExporterReport[] {
  return sorted(book).map(({ exporter, signal, row }) => {
    const { requests, items, bytes } = row;
    const fate = signal === 'traces' ? fates.byExporter[book.exporters.index(exporter)] : undefined;
    return {
      exporter,
      signal,
      requests,
      items,
      bytes,
      ...(fate && { traces: fate.kept, errorTracesMissed: fate.missed, missedExamples: fate.examples }),
    };
  });
}

function servicesOf(book: Book, fates: Fates): ServiceReport[] {
  const { services, entered } = book;
  const reports = services.list.map((service, index): ServiceReport => {
    const items: Partial<Record<Signal, number>> = {};
    for (const signal of ['traces', 'metrics', 'logs'] as const) {
      const count = entered[signal].itemsByService[index];
      if (count) items[signal] = count;
    }
    const exporters = sorted(book).flatMap(({ exporter, signal, row }) => {
      const fate = signal === 'traces' ? fates.byExporter[book.exporters.index(exporter)] : undefined;
      const arrived = row.itemsByService[index] ?? 0;
      if (arrived === 0 && !items[signal]) return [];
      const traces = fate?.keptByService[index] ?? 0;
      const errorTracesMissed = fate?.missedByService[index] ?? 0;
      return [{ exporter, signal, items: arrived, ...(fate && { traces, errorTracesMissed }) }];
    });
    return { service, traces: fates.byService[index] ?? 0, items, exporters };
  });
  return reports.sort((a, b) => (a.service < b.service ? -1 : 1));
}
