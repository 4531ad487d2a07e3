import type { Payload, Signal } from '../../../internal/otlp/payload.ts';
import { type Seen, scan } from './scan.ts';
import type { TraceTable } from './traces.ts';

/** Further services share the last row: a column holds 16 bits. */
const maxServices = 60_000;
/** Bits in the trace table; further exporters share the last. */
const maxExporters = 32;

/** Names by number, in the order in which they came up. */
export class Names {
  readonly list: string[] = [];
  readonly #index = new Map<string, number>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  index(name: string): number {
    const known = this.#index.get(name);
    if (known !== undefined) return known;
    if (this.list.length === this.#most) return this.#most - 1;
    const index = this.list.push(this.list.length === this.#most - 1 ? '(others)' : name) - 1;
    this.#index.set(name, index);
    return index;
  }
}

/** What one exporter got of one signal. */
export class Arrived {
  requests = 0;
  items = 0;
  /** Bytes of OTLP protobuf, before an exporter compresses them. */
  bytes = 0;
  readonly itemsByService: number[] = [];
}

/** What went into the pipelines and what reached the sinks. */
export class Book {
  readonly traces: TraceTable;
  readonly services = new Names(maxServices);
  readonly exporters = new Names(maxExporters);
  /** Spans of traces beyond the table's limit. */
  spansNotFollowed = 0;
  readonly entered: Record<Signal, Arrived> = { traces: new Arrived(), metrics: new Arrived(), logs: new Arrived() };
  /** By exporter and signal. */
  readonly arrived = new Map<string, { readonly exporter: string; readonly signal: Signal; readonly row: Arrived }>();
  #service = 0;

  constructor(traces: TraceTable) {
    this.traces = traces;
  }

  /** @returns rows of the traces that began with this batch: from the first to before the second */
  enter(batch: Payload): readonly [number, number] {
    const { traces } = this;
    const before = traces.size;
    const row = this.entered[batch.signal];
    this.#add(row, batch, (traceId, isRoot, isError) => {
      const size = traces.size;
      const trace = traces.row(traceId, true);
      if (trace < 0) this.spansNotFollowed += 1;
      else traces.sawSpan(trace, this.#service, isRoot, isError, traces.size > size);
    });
    return [before, traces.size];
  }

  arrive(exporter: string, signal: Signal, batch: Payload): void {
    const key = `${exporter} ${signal}`;
    let known = this.arrived.get(key);
    if (!known) {
      known = { exporter, signal, row: new Arrived() };
      this.arrived.set(key, known);
    }
    const bit = this.exporters.index(exporter);
    this.#add(known.row, batch, (traceId) => {
      const trace = this.traces.row(traceId, false);
      if (trace >= 0) this.traces.keep(trace, bit);
    });
  }

  #add(row: Arrived, batch: Payload, onSpan: Seen['span']): void {
    row.requests += 1;
    row.items += batch.itemCount;
    row.bytes += batch.byteLength;
    const count = (items: number) => {
      row.itemsByService[this.#service] = (row.itemsByService[this.#service] ?? 0) + items;
    };
    scan(batch, {
      service: (name) => {
        this.#service = this.services.index(name);
      },
      span: (traceId, isRoot, isError) => {
        count(1);
        onSpan(traceId, isRoot, isError);
      },
      items: count,
    });
  }
}
