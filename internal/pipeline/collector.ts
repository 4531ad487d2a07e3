import type { Host, RunningComponent, System } from '../core/component.ts';
import type { LedgerSnapshot } from '../core/ledger.ts';
import type { ResolvedConfig, ResolvedPipeline } from '../core/resolved.ts';
import { Shared } from '../core/shared.ts';
import type { Tappable } from '../core/tap.ts';
import { buildGraph } from './builder.ts';
import type { Lease } from './edges.ts';
import type { Graph } from './graph.ts';
import { Ledger } from './ledger.ts';
import { start, startOrder, stop, stopInOrder } from './lifecycle.ts';
import { type Environment, keyOf, type Node } from './node.ts';
import { Statuses } from './status.ts';
import { Taps } from './taps.ts';

export type { Environment } from './node.ts';

/** A whole collector: several can run in one process. */
export interface Collector {
  /** @throws an Error that names the component which did not start; what had started is stopped again */
  start(): Promise<void>;
  /** Stops receivers, then drains downstream until `abort` fires. Safe twice, and without `start`. */
  shutdown(abort: AbortSignal): Promise<void>;
  /**
   * Replaces what differs. Resolves when the new configuration runs; what was replaced may still be ending its work.
   *
   * @throws an Error that says what did not start; the old configuration runs on
   */
  reload(config: ResolvedConfig): Promise<void>;
  readonly system: System;
  /** Looks at what passes; reloads change nothing about it. */
  readonly taps: Tappable;
  ledger(): LedgerSnapshot;
  topology(): readonly ResolvedPipeline[];
  /** All that run now, and what a reload has replaced and is still ending its work. Ask again after a reload. */
  components(): readonly RunningComponent[];
}

/** @throws an Error that names the component which could not be set up */
export function buildCollector(config: ResolvedConfig, env: Environment): Collector {
  return new RunningCollector(config, env);
}

class RunningCollector implements Collector {
  readonly #env: Environment;
  readonly #statuses: Statuses;
  readonly #ledger: Ledger;
  readonly taps = new Taps();
  readonly #shared = new Shared();
  /** Fires with the deadline of the shutdown: ends whatever is still draining. */
  readonly #deadline = new AbortController();
  readonly #stopping = Promise.withResolvers<void>();
  /** What reloads have replaced and what is still ending its work. */
  readonly #retiring = new Set<Promise<void>>();
  /** Of these, the processors: they may still send into exporters that stayed. */
  readonly #draining = new Set<Node>();
  #graph: Graph;
  /** One change at a time. */
  #busy: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(config: ResolvedConfig, env: Environment) {
    this.#env = env;
    this.#statuses = new Statuses(env.clock);
    this.#ledger = new Ledger(env.meter);
    this.#graph = this.#build(config, undefined, []);
  }

  get system(): System {
    return this.#statuses;
  }

  ledger(): LedgerSnapshot {
    return this.#ledger.snapshot();
  }

  topology(): readonly ResolvedPipeline[] {
    return [...this.#graph.config.service.pipelines.values()];
  }

  components(): readonly RunningComponent[] {
    // Whose work was handed over would tell the successor's answer again.
    const leaving = [...this.#draining].filter((node) => !node.handedOver);
    return [...this.#graph.nodes.values(), ...leaving];
  }

  start(): Promise<void> {
    return this.#alone(async () => {
      const graph = this.#graph;
      for (const swap of graph.swaps) swap();
      const order = startOrder(graph);
      // All of them, before the first one runs: a health check that is up early must not call the rest healthy.
      for (const node of order) this.#statuses.set(node, 'starting');
      try {
        for (const node of order) await this.#start(node, graph);
      } catch (error) {
        await this.#bounded((abort) => stopInOrder(graph, (node) => this.#stop(node, abort)));
        throw error;
      }
    });
  }

  reload(config: ResolvedConfig): Promise<void> {
    return this.#alone(async () => {
      if (this.#stopped) throw new Error('the collector is stopping');
      const old = this.#graph;
      const before = old.nodes.size;
      try {
        await this.#change(config);
      } catch (cause) {
        if (this.#graph !== old || old.nodes.size < before) await this.#goBack(old.config, cause);
        throw cause;
      }
    });
  }

  shutdown(abort: AbortSignal): Promise<void> {
    this.#stopped ??= this.#alone(async () => {
      const end = () => this.#deadline.abort();
      if (abort.aborted) end();
      else abort.addEventListener('abort', end, { once: true });
      this.#stopping.resolve();
      await stopInOrder(this.#graph, async (node) => {
        if (node.kind === 'exporter' || node.kind === 'connector') await this.#drained();
        await this.#stop(node, this.#deadline.signal);
      });
      await Promise.all(this.#retiring);
      abort.removeEventListener('abort', end);
    });
    return this.#stopped;
  }

  /** New parts first; only what listens must give its address up before its successor can have it. */
  async #change(config: ResolvedConfig): Promise<void> {
    const old = this.#graph;
    const next = await this.#prepare(config, old);
    const leaving = [...old.nodes.values()].filter((node) => next.nodes.get(node.key) !== node);
    const leases = leasesOf(old, leaving);
    await this.#bounded((abort) =>
      Promise.all(leaving.filter(({ kind }) => kind === 'receiver').map((node) => this.#leave(node, abort))),
    );
    for (const swap of next.swaps) swap();
    this.#graph = next;
    handOver(leaving, leases, next);
    this.#retire(old, leaving, leases);
    for (const node of startOrder(next)) {
      if (node.kind === 'receiver' && next.fresh.includes(node)) await this.#startReceiver(node, next);
    }
  }

  /** Builds the next graph and starts all that is new in it but the receivers. Leaves nothing behind if that fails. */
  async #prepare(config: ResolvedConfig, old: Graph): Promise<Graph> {
    const made: Node[] = [];
    try {
      const next = this.#build(config, old, made);
      for (const node of startOrder(next)) {
        if (node.kind === 'receiver' || !made.includes(node)) continue;
        if (node.kind === 'extension') await this.#startExtension(node, next, old);
        else await this.#start(node, next);
      }
      return next;
    } catch (error) {
      await this.#bounded((abort) => Promise.all(made.map((node) => this.#leave(node, abort))));
      throw error;
    }
  }

  /** Beside the one it replaces if it can, else in its stead: both may want the same port. */
  async #startExtension(node: Node, next: Graph, old: Graph): Promise<void> {
    const before = old.nodes.get(node.key);
    if (!before) return this.#start(node, next);
    try {
      await this.#start(node, next);
    } catch {
      await this.#bounded(async (abort) => {
        await node.component.shutdown?.(abort);
        await this.#leave(before, abort);
      });
      old.nodes.delete(node.key);
      node.make();
      await this.#start(node, next);
    }
  }

  async #startReceiver(node: Node, graph: Graph): Promise<void> {
    try {
      await this.#start(node, graph);
    } catch (error) {
      for (const other of graph.fresh) {
        if (other.kind !== 'receiver' || this.#statuses.of(other) === 'ok') continue;
        graph.nodes.delete(other.key);
        await this.#bounded((abort) => this.#leave(other, abort));
      }
      throw error;
    }
  }

  /** The way back is a change like any other, from whatever runs now. */
  async #goBack(config: ResolvedConfig, cause: unknown): Promise<void> {
    try {
      await this.#change(config);
    } catch (error) {
      const text = (of: unknown) => (of instanceof Error ? of.message : String(of));
      const both = new Error(`reload failed (${text(cause)}), and so did the way back (${text(error)})`, { cause });
      this.#env.fatal?.(both);
      throw both;
    }
  }

  /** In the background: what left ends its work, processors into what is after them, exporters until they hold nothing. */
  #retire(old: Graph, leaving: readonly Node[], leases: ReadonlyMap<Node, readonly Lease[]>): void {
    const members = new Set(leaving.filter(({ kind }) => kind !== 'receiver'));
    for (const node of members) {
      this.#forget(node);
      if (node.kind === 'processor') this.#draining.add(node);
    }
    const done = stopInOrder(old, async (node) => {
      if (!members.has(node)) return;
      const ends = node.handedOver ? [] : leases.get(node)!.map((lease) => lease.done());
      await Promise.race([Promise.all([node.edge?.calls.idle(), ...ends]), this.#stopping.promise]);
      await this.#stop(node, this.#deadline.signal);
      this.#draining.delete(node);
    });
    this.#retiring.add(done);
    void done.then(() => this.#retiring.delete(done));
  }

  async #drained(): Promise<void> {
    await Promise.all([...this.#draining].map((node) => node.stopped.promise));
  }

  async #leave(node: Node, abort: AbortSignal): Promise<void> {
    this.#forget(node);
    await this.#stop(node, abort);
  }

  #forget(node: Node): void {
    node.gone = true;
    this.#statuses.forget(node);
  }

  #start(node: Node, graph: Graph): Promise<void> {
    return start(node, this.#hostFor(node, graph), this.#statuses);
  }

  async #stop(node: Node, abort: AbortSignal): Promise<void> {
    await Promise.all(node.predecessors.map((before) => before.stopped.promise));
    await stop(node, abort, this.#statuses, this.#env.logger);
  }

  #hostFor(node: Node, graph: Graph): Host {
    return {
      extension: (id) => {
        node.asked.add(id);
        return graph.nodes.get(keyOf({ kind: 'extension', id }))?.component;
      },
      fatal: (error) => this.#env.fatal?.(error),
      system: this.#statuses,
      shared: this.#shared,
    };
  }

  /** Runs with a signal that fires after the configured time for a shutdown, or with the collector's own deadline. */
  async #bounded(run: (abort: AbortSignal) => Promise<unknown>): Promise<void> {
    const late = new AbortController();
    const timer = this.#env.clock.after(this.#graph.config.service.shutdownTimeoutMs, () => late.abort());
    try {
      await run(AbortSignal.any([late.signal, this.#deadline.signal]));
    } finally {
      timer.cancel();
    }
  }

  #build(config: ResolvedConfig, before: Graph | undefined, made: Node[]): Graph {
    const { taps } = this;
    return buildGraph(config, { env: this.#env, ledger: this.#ledger, statuses: this.#statuses, taps }, before, made);
  }

  #alone<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#busy.then(run);
    this.#busy = done.catch(() => {});
    return done;
  }
}

/** What exporters and connectors that leave still have to end. Taken before the swap gives their branches to others. */
function leasesOf(graph: Graph, leaving: readonly Node[]): ReadonlyMap<Node, readonly Lease[]> {
  const leases = [...graph.lines.values()].flatMap((line) => [...line.branches.values()].map(({ lease }) => lease));
  const own = (node: Node) => leases.filter(({ target }) => target === node.component);
  return new Map(leaving.map((node) => [node, [...node.inherited, ...own(node)]]));
}

/** A corrected endpoint gets what the wrong one could not take. */
function handOver(leaving: readonly Node[], leases: ReadonlyMap<Node, readonly Lease[]>, next: Graph): void {
  for (const node of leaving) {
    const successor = next.nodes.get(node.key);
    if (!successor || !node.component.handOver?.(successor.component)) continue;
    node.handedOver = true;
    successor.predecessors.push(node);
    successor.inherited.push(...leases.get(node)!);
  }
}
