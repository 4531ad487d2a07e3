import type {
  ConnectorFactory,
  ConnectorOutputs,
  ExporterFactory,
  ExtensionFactory,
  Outputs,
  ProcessorFactory,
  ReceiverFactory,
} from '../core/component.ts';
import type { Consumer } from '../core/consumer.ts';
import type { ResolvedConfig, ResolvedPipeline } from '../core/resolved.ts';
import type { Signal } from '../otlp/payload.ts';
import { BranchEdge, Entry, FanOut, Gate, joined, OutgoingEdge, ProcessorEdge } from './edges.ts';
import type { Graph, Line } from './graph.ts';
import type { Ledger, Page } from './ledger.ts';
import { bugHandler, type Environment, keyOf, Node, type Place, settingsFor } from './node.ts';
import type { Statuses } from './status.ts';
import type { Taps } from './taps.ts';

export interface Surroundings {
  readonly env: Environment;
  readonly ledger: Ledger;
  readonly statuses: Statuses;
  readonly taps: Taps;
}

/**
 * Makes the graph of a configuration, with every instance of `before` that need not change.
 * Nothing is started, and nothing of `before` is touched until the swaps run.
 *
 * @throws what a factory throws; `made` then holds the instances to be disposed of
 */
export function buildGraph(
  config: ResolvedConfig,
  around: Surroundings,
  before: Graph | undefined,
  made: Node[],
): Graph {
  return new Builder(config, around, before, made).build();
}

class Builder {
  readonly #config: ResolvedConfig;
  readonly #around: Surroundings;
  readonly #before: Graph | undefined;
  readonly #fresh: Node[];
  readonly #nodes = new Map<string, Node>();
  readonly #lines = new Map<string, Line>();
  readonly #gates = new Map<string, ReadonlyMap<Signal, Gate>>();
  readonly #swaps: (() => void)[] = [];
  readonly #entries = new Map<string, Entry>();
  readonly #changedExtensions: ReadonlySet<string>;

  constructor(config: ResolvedConfig, around: Surroundings, before: Graph | undefined, made: Node[]) {
    this.#config = config;
    this.#around = around;
    this.#before = before;
    this.#fresh = made;
    this.#changedExtensions = changedExtensions(config, before);
  }

  build(): Graph {
    const { service, connectors } = this.#config;
    for (const id of service.extensions) this.#extension(id);
    for (const spec of service.pipelines.values()) this.#openEntry(spec);
    for (const spec of service.pipelines.values()) {
      for (const id of spec.exporters) {
        if (connectors.has(id)) this.#connector(id, spec.signal);
        else this.#exporter(id, spec.signal);
      }
    }
    for (const spec of service.pipelines.values()) this.#line(spec);
    const receivers = new Set([...service.pipelines.values()].flatMap((spec) => spec.receivers));
    for (const id of receivers) if (!connectors.has(id)) this.#receiver(id);
    return {
      config: this.#config,
      nodes: this.#nodes,
      lines: this.#lines,
      gates: this.#gates,
      fresh: this.#fresh,
      swaps: this.#swaps,
    };
  }

  /** The instance from before, if it can stay; else a new one, made by `create`. */
  #node(
    place: Place,
    pipelines: readonly string[],
    wiring: string,
    create: (node: Node) => void,
    canStay = true,
  ): Node {
    const part = this.#part(place);
    const old = this.#before?.nodes.get(keyOf(place));
    const same = old?.part.fingerprint === part.fingerprint && old.wiring === wiring;
    if (old && canStay && same && ![...old.asked].some((id) => this.#changedExtensions.has(id))) {
      this.#nodes.set(old.key, old);
      if (String(old.pipelines) !== String(pipelines)) this.#swaps.push(() => this.#serves(old, pipelines));
      return old;
    }
    const node = new Node(place, part, wiring, pipelines, create);
    this.#nodes.set(node.key, node);
    this.#fresh.push(node);
    return node;
  }

  #serves(node: Node, pipelines: readonly string[]): void {
    const { statuses } = this.#around;
    node.pipelines = pipelines;
    statuses.set(node, statuses.of(node) ?? 'ok');
  }

  #part({ kind, id }: Place) {
    const parts = this.#config[`${kind}s`];
    const part = parts.get(id);
    if (!part) throw new Error(`${kind} ${id} is used but not configured`);
    return part;
  }

  #settings(node: Node, signal?: Signal, account?: Parameters<typeof settingsFor>[4]) {
    return settingsFor(node, this.#around.env, this.#around.statuses, signal, account);
  }

  #extension(id: string): void {
    this.#node({ kind: 'extension', id }, [], '', (node) => {
      node.component = (node.part.factory as ExtensionFactory).create(this.#settings(node), node.part.config);
    });
  }

  #exporter(id: string, signal: Signal): void {
    const place: Place = { kind: 'exporter', id, signal };
    if (this.#nodes.has(keyOf(place))) return;
    this.#node(place, this.#pipelinesEndingAt(id, signal), '', (node) => {
      node.component = (node.part.factory as ExporterFactory).create(this.#settings(node), node.part.config);
    });
  }

  #connector(id: string, signal: Signal): void {
    const place: Place = { kind: 'connector', id, signal };
    if (this.#nodes.has(keyOf(place))) return;
    const fed = this.#pipelinesFedBy(id);
    const wiring = JSON.stringify(fed.map((spec) => spec.id).sort());
    const pipelines = [...this.#pipelinesEndingAt(id, signal), ...fed.map((spec) => spec.id)];
    this.#node(place, pipelines, wiring, (node) => {
      const account = this.#around.ledger.connector(id, signal);
      const factory = node.part.factory as ConnectorFactory;
      node.component = factory.create(
        this.#settings(node, signal, account),
        node.part.config,
        this.#connectorOutputs(fed),
      );
    });
  }

  #connectorOutputs(fed: readonly ResolvedPipeline[]): ConnectorOutputs {
    const select = (fits: (id: string) => boolean) => {
      const outputs: Partial<Record<Signal, Consumer>> = {};
      const some = this.#entriesBySignal(fed.filter(({ id }) => fits(id)));
      for (const [signal, entries] of some) outputs[signal] = joined(entries, this.#around.env);
      return outputs;
    };
    const byId = new Map(fed.map((spec) => [spec.id, this.#entries.get(spec.id)!]));
    return { all: select(() => true), pipeline: (id) => byId.get(id), select };
  }

  #receiver(id: string): void {
    const fed = this.#pipelinesFedBy(id);
    const bySignal = this.#entriesBySignal(fed);
    const wiring = JSON.stringify([...bySignal.keys()].sort());
    const place: Place = { kind: 'receiver', id };
    const pipelines = fed.map((spec) => spec.id);
    const gates = new Map<Signal, Gate>();
    const node = this.#node(place, pipelines, wiring, (made) => {
      const outputs: Partial<Record<Signal, Consumer>> = {};
      for (const [signal, entries] of bySignal) {
        const gate = new Gate(
          joined(entries, this.#around.env),
          this.#around.taps.slot({ kind: 'receiver', id, signal }),
        );
        gates.set(signal, gate);
        outputs[signal] = gate;
      }
      const factory = made.part.factory as ReceiverFactory;
      made.component = factory.create(this.#settings(made), made.part.config, outputs as Outputs);
    });
    const kept = this.#fresh.includes(node) ? undefined : this.#before?.gates.get(node.key);
    this.#gates.set(node.key, kept ?? gates);
    for (const [signal, gate] of kept ?? []) {
      const target = joined(bySignal.get(signal)!, this.#around.env);
      this.#swaps.push(() => gate.point(target));
    }
  }

  /** Entries outlive reloads, so that receivers and connectors of before lead into the pipeline of now. */
  #openEntry({ id }: ResolvedPipeline): void {
    this.#entries.set(id, this.#before?.lines.get(id)?.entry ?? new Entry());
  }

  #line(spec: ResolvedPipeline): void {
    const old = this.#before?.lines.get(spec.id);
    const kept = old && sameSet(old.spec.exporters, spec.exporters) && this.#sameKinds(old) ? old : undefined;
    const { page, branches, end } = kept ? this.#keepBranches(kept) : this.#newBranches(spec);
    const { processors, head } = this.#processors(spec, page, end, kept);
    const entry = this.#entries.get(spec.id)!;
    this.#swaps.push(() => entry.point(page, head));
    this.#lines.set(spec.id, { spec, entry, page, branches, end, processors, head });
  }

  /** A connector has become an exporter of the same id, or the reverse: not the same branch. */
  #sameKinds(old: Line): boolean {
    const { connectors } = this.#config;
    return old.spec.exporters.every((id) => this.#before!.config.connectors.has(id) === connectors.has(id));
  }

  #target(id: string, signal: Signal): Node {
    const kind = this.#config.connectors.has(id) ? 'connector' : 'exporter';
    return this.#nodes.get(keyOf({ kind, id, signal }))!;
  }

  #newBranches(spec: ResolvedPipeline) {
    const page = this.#around.ledger.open(spec.id, spec.exporters);
    const branches = new Map<string, BranchEdge>();
    for (const id of spec.exporters) {
      const node = this.#target(id, spec.signal);
      const onBug = bugHandler(node, this.#around.env);
      const tap = this.#around.taps.slot({ kind: node.kind, id, signal: spec.signal, pipeline: spec.id });
      branches.set(id, new BranchEdge(page.branch(id), node.kind === 'connector', node.consumer, onBug, tap));
    }
    const edges = [...branches.values()];
    const end =
      edges.length === 1
        ? edges[0]!
        : new FanOut(
            edges,
            this.#around.env,
            edges.map((edge) => edge.book),
          );
    return { page, branches, end };
  }

  #keepBranches(old: Line) {
    for (const [id, edge] of old.branches) {
      const node = this.#target(id, old.spec.signal);
      if (edge.lease.target === node.component) continue;
      const onBug = bugHandler(node, this.#around.env);
      this.#swaps.push(() => edge.point(node.consumer, onBug));
    }
    return old;
  }

  /**
   * From the last one to the first. One may stay only if all after it stay: what it holds must not
   * skip a processor or pass one twice. The others end what they have into the ones that stay.
   */
  #processors(spec: ResolvedPipeline, page: Page, end: Consumer, kept: Line | undefined) {
    const processors: Node[] = [];
    let head = end;
    let allStayed = kept !== undefined;
    let following = 'end';
    for (const id of [...spec.processors].reverse()) {
      const next = head;
      const place: Place = { kind: 'processor', id, pipeline: spec.id };
      const node = this.#node(
        place,
        [spec.id],
        following,
        (made) => this.#processor(made, spec, page, next),
        allStayed,
      );
      allStayed &&= kept!.processors.includes(node);
      processors.unshift(node);
      head = node.edge!;
      following = `${id} ${following}`;
    }
    return { processors, head };
  }

  #processor(node: Node, spec: ResolvedPipeline, page: Page, next: Consumer): void {
    const { env } = this.#around;
    const labels = { processor: node.id, 'otel.signal': spec.signal };
    const of = (name: string, help: string) =>
      env.meter.counter({ name: `otelcol_processor_${name}_items`, help, labels });
    const outgoing = of('outgoing', 'Items that the component after the processor took.');
    const incoming = of('incoming', 'Items passed to the processor.');
    const settings = this.#settings(node, spec.signal, page.processors);
    const factory = node.part.factory as ProcessorFactory;
    const component = factory.create(settings, node.part.config, new OutgoingEdge(next, outgoing));
    node.component = component;
    const tap = this.#around.taps.slot({ kind: 'processor', id: node.id, signal: spec.signal, pipeline: spec.id });
    node.edge = new ProcessorEdge(component, incoming, bugHandler(node, env), tap);
  }

  #pipelinesFedBy(id: string): ResolvedPipeline[] {
    return [...this.#config.service.pipelines.values()].filter((spec) => spec.receivers.includes(id));
  }

  #pipelinesEndingAt(id: string, signal: Signal): string[] {
    const specs = [...this.#config.service.pipelines.values()];
    return specs.filter((spec) => spec.signal === signal && spec.exporters.includes(id)).map((spec) => spec.id);
  }

  #entriesBySignal(specs: readonly ResolvedPipeline[]): Map<Signal, Entry[]> {
    const bySignal = new Map<Signal, Entry[]>();
    for (const spec of specs) {
      const entries = bySignal.get(spec.signal) ?? [];
      bySignal.set(spec.signal, entries);
      entries.push(this.#entries.get(spec.id)!);
    }
    return bySignal;
  }
}

/** Those that a component may have asked for and that will not be the same instance. */
function changedExtensions(config: ResolvedConfig, before: Graph | undefined): ReadonlySet<string> {
  const used = (of: ResolvedConfig | undefined, id: string) =>
    of?.service.extensions.includes(id) ? of.extensions.get(id)?.fingerprint : undefined;
  const runs = (id: string) => before?.nodes.has(keyOf({ kind: 'extension', id }));
  const ids = [...config.service.extensions, ...(before?.config.service.extensions ?? [])];
  return new Set(ids.filter((id) => !runs(id) || used(config, id) !== used(before?.config, id)));
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}
