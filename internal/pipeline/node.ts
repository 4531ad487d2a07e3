import type { Clock } from '../core/clock.ts';
import type { BuildInfo, Component, Kind, Settings, Status } from '../core/component.ts';
import type { Consumer } from '../core/consumer.ts';
import { type Account, noAccount } from '../core/ledger.ts';
import type { MemoryBudget } from '../core/memory.ts';
import { Notice } from '../core/notice.ts';
import { type Outcome, permanent } from '../core/outcome.ts';
import type { ResolvedComponent } from '../core/resolved.ts';
import type { Logger, Meter } from '../core/telemetry.ts';
import type { Signal } from '../otlp/payload.ts';
import type { Lease, ProcessorEdge } from './edges.ts';
import type { Statuses } from './status.ts';

/** What the process gives to a collector. */
export interface Environment {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly memory: MemoryBudget;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly build: BuildInfo;
  /** A component cannot go on: end the process in an orderly way. */
  fatal?(error: Error): void;
}

/** One component instance and its place. */
export class Node {
  /** Names the place: equal in two graphs means the same role. */
  readonly key: string;
  readonly kind: Kind;
  readonly id: string;
  readonly signal: Signal | undefined;
  readonly part: ResolvedComponent;
  /** What it is connected to, as far as a change of it needs a new instance. */
  readonly wiring: string;
  pipelines: readonly string[];
  /** Extensions that it asked the host for. */
  readonly asked = new Set<string>();
  component: Component = {};
  readonly stopped = Promise.withResolvers<void>();
  readonly #make: (node: Node) => void;
  /** A processor's. */
  edge: ProcessorEdge | undefined;
  /** Instances that have handed their work over to this one, and may still be at it with their last try. */
  readonly predecessors: Node[] = [];
  /** What these owed. */
  readonly inherited: Lease[] = [];
  /** Its successor has its work. */
  handedOver = false;
  /** Replaced: its status is nobody's concern any more. */
  gone = false;

  constructor(
    place: Place,
    part: ResolvedComponent,
    wiring: string,
    pipelines: readonly string[],
    make: (node: Node) => void,
  ) {
    this.key = keyOf(place);
    this.kind = place.kind;
    this.id = place.id;
    this.signal = place.signal;
    this.part = part;
    this.wiring = wiring;
    this.pipelines = pipelines;
    this.#make = make;
    this.make();
  }

  /** Sets `component` to a new instance. @throws an Error that names the component */
  make(): void {
    try {
      this.#make(this);
    } catch (cause) {
      throw new Error(`${this.label} could not be set up: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
    }
  }

  /** As messages name it. */
  get label(): string {
    const where = this.kind === 'processor' ? this.pipelines[0] : this.signal;
    return `${this.kind} ${this.id}${where ? ` (${where})` : ''}`;
  }

  /** An exporter's, connector's or processor's input. */
  get consumer(): Component & Consumer {
    return this.component as Component & Consumer;
  }
}

export interface Place {
  readonly kind: Kind;
  readonly id: string;
  /** An exporter's or connector's. */
  readonly signal?: Signal;
  /** A processor's. */
  readonly pipeline?: string;
}

export function keyOf({ kind, id, signal, pipeline }: Place): string {
  return [kind, pipeline ?? signal ?? '', id].join(' ');
}

export function settingsFor(
  node: Node,
  env: Environment,
  statuses: Statuses,
  signal = node.signal,
  account: Account = noAccount,
): Settings {
  const { id, kind } = node;
  const pipeline = kind === 'processor' ? node.pipelines[0] : undefined;
  return {
    id,
    kind,
    signal,
    pipeline,
    logger: env.logger.with({
      'otelcol.component.id': id,
      'otelcol.component.kind': kind,
      ...(signal && { 'otelcol.signal': signal }),
      ...(pipeline && { 'otelcol.pipeline.id': pipeline }),
    }),
    meter: env.meter,
    clock: env.clock,
    random: env.random,
    memory: env.memory,
    account,
    build: env.build,
    report(status: Status, error?: string) {
      if (!node.gone) statuses.set(node, status, error);
    },
  };
}

/** A throw at a component's edge: counted each time, told at times. */
export function bugHandler(node: Node, env: Environment): (error: unknown) => Outcome {
  const { id, kind } = node;
  const bugs = env.meter.counter({
    name: 'sluice_component_bugs_total',
    help: 'Throws that reached the edge of a component instead of an answer. Please report them.',
    labels: { kind, id },
  });
  const notice = new Notice(env.clock);
  return (error) => {
    bugs.add(1);
    notice.event((leftOut) => {
      env.logger.error(`a bug in ${node.label}: it threw instead of answering; the batch is refused`, {
        error,
        left_out_before: leftOut,
      });
    });
    return permanent('bug', `${node.label} failed: ${error instanceof Error ? error.message : error}`, error);
  };
}
