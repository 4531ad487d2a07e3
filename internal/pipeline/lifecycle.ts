import type { Host } from '../core/component.ts';
import type { Logger } from '../core/telemetry.ts';
import type { Graph } from './graph.ts';
import { keyOf, type Node } from './node.ts';
import type { Statuses } from './status.ts';

/** @throws an Error that names the component and says why it did not start */
export async function start(node: Node, host: Host, statuses: Statuses): Promise<void> {
  statuses.set(node, 'starting');
  try {
    await node.component.start?.(host);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    statuses.set(node, 'fatal_error', reason);
    throw new Error(`${node.label} did not start: ${reason}`, { cause });
  }
  if (statuses.of(node) === 'starting') statuses.set(node, 'ok');
}

export async function stop(node: Node, abort: AbortSignal, statuses: Statuses, logger: Logger): Promise<void> {
  if (!node.gone) statuses.set(node, 'stopping');
  try {
    await node.component.shutdown?.(abort);
  } catch (error) {
    logger.error(`a bug in ${node.label}: its shutdown failed`, { error });
  }
  if (!node.gone) statuses.set(node, 'stopped');
  node.stopped.resolve();
}

/** Nodes in the order of their start: each after those that it sends to or asks. */
export function startOrder(graph: Graph): Node[] {
  const of = (kind: Node['kind']) => [...graph.nodes.values()].filter((node) => node.kind === kind);
  // A pipeline's processors stand in the graph from the last to the first already.
  return [...of('extension'), ...of('exporter'), ...of('connector'), ...of('processor'), ...of('receiver')];
}

/**
 * Runs `stopOne` for each node once those that send to it have stopped; extensions last, the first one started at the very end.
 * Pipelines do not wait for one another unless a connector joins them.
 */
export async function stopInOrder(graph: Graph, stopOne: (node: Node) => Promise<void>): Promise<void> {
  const senders = sendersOf(graph);
  const stopped = new Map<Node, Promise<void>>();
  const stopAfterSenders = (node: Node): Promise<void> => {
    const known = stopped.get(node);
    if (known) return known;
    const done = Promise.all([...(senders.get(node) ?? [])].map(stopAfterSenders)).then(() => stopOne(node));
    stopped.set(node, done);
    return done;
  };
  const nodes = [...graph.nodes.values()];
  await Promise.all(nodes.filter((node) => node.kind !== 'extension').map(stopAfterSenders));
  for (const node of nodes.filter(({ kind }) => kind === 'extension').reverse()) await stopOne(node);
}

/** Who must have stopped before each node may. */
function sendersOf(graph: Graph): Map<Node, Set<Node>> {
  const senders = new Map<Node, Set<Node>>();
  const { connectors } = graph.config;
  const add = (to: Node, from: readonly Node[]) => {
    const all = senders.get(to) ?? new Set();
    senders.set(to, all);
    for (const node of from) all.add(node);
  };
  for (const line of graph.lines.values()) {
    let before = [...graph.nodes.values()].filter(({ kind, id }) => {
      return (kind === 'receiver' || kind === 'connector') && line.spec.receivers.includes(id);
    });
    for (const node of line.processors) {
      add(node, before);
      before = [node];
    }
    for (const id of line.spec.exporters) {
      const kind = connectors.has(id) ? 'connector' : 'exporter';
      const end = graph.nodes.get(keyOf({ kind, id, signal: line.spec.signal }));
      if (end) add(end, before);
    }
  }
  return senders;
}
