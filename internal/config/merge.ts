import { type Issue, issueAt } from './issues.ts';
import type { Entry, MapNode, Node } from './tree.ts';

/**
 * Merges as the Collector's confmap does: maps key by key, anything else (lists, and null too) is replaced by what
 * comes later. Places stay those of the part that won.
 */
export function merge(base: Node, over: Node): Node {
  if (base.kind !== 'map' || over.kind !== 'map') return over;
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const old = entries.get(key);
    entries.set(key, old ? { at: entry.at, value: merge(old.value, entry.value) } : entry);
  }
  return { kind: 'map', at: base.at, entries };
}

/** Spreads top-level keys such as `processors::batch::timeout` into maps. */
export function spreadKeys(node: MapNode, issues: Issue[]): MapNode {
  if (!Array.from(node.entries.keys()).some((key) => key.includes('::'))) return node;
  let result: MapNode = { ...node, entries: new Map() };
  for (const [key, entry] of node.entries) {
    const parts = key.split('::').map((part) => part.trim());
    if (parts.includes('')) {
      issues.push(issueAt(entry.at, [key], 'expected a name on each side of "::"'));
      continue;
    }
    let nested: Entry = entry;
    for (const part of parts.slice(1).reverse()) {
      nested = { at: entry.at, value: { kind: 'map', at: entry.at, entries: new Map([[part, nested]]) } };
    }
    result = merge(result, { ...node, entries: new Map([[parts[0]!, nested]]) }) as MapNode;
  }
  return result;
}
