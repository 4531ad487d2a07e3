import type { Consumer } from '../core/consumer.ts';
import type { ResolvedConfig, ResolvedPipeline } from '../core/resolved.ts';
import type { Signal } from '../otlp/payload.ts';
import type { BranchEdge, Entry, Gate } from './edges.ts';
import type { Page } from './ledger.ts';
import type { Node } from './node.ts';

/** One pipeline as it stands. */
export interface Line {
  readonly spec: ResolvedPipeline;
  readonly entry: Entry;
  readonly page: Page;
  /** By exporter or connector id. */
  readonly branches: ReadonlyMap<string, BranchEdge>;
  /** Where batches go after the last processor. */
  readonly end: Consumer;
  readonly processors: readonly Node[];
  /** The first processor, or the end. */
  readonly head: Consumer;
}

/** All component instances and how they are connected: a value, of which a reload makes a new one. */
export interface Graph {
  readonly config: ResolvedConfig;
  readonly nodes: Map<string, Node>;
  readonly lines: ReadonlyMap<string, Line>;
  /** Of receivers, by node key. */
  readonly gates: ReadonlyMap<string, ReadonlyMap<Signal, Gate>>;
  /** Nodes that were made for this graph; the others were taken over. */
  readonly fresh: readonly Node[];
  /** Points what was taken over at what is new. Happens at once, between two events. */
  readonly swaps: readonly (() => void)[];
}
