import type { Path, Place } from './issues.ts';

export type Scalar = string | number | boolean | null;

/**
 * `original` is the text that replaced the `${…}` that made up the whole value, before YAML gave it a type: a field
 * that wants text gets it unchanged.
 */
export type Node = MapNode | ListNode | ScalarNode;

export interface MapNode {
  readonly kind: 'map';
  readonly at: Place;
  readonly entries: ReadonlyMap<string, Entry>;
  readonly original?: string;
}

export interface Entry {
  /** Where the key stands. */
  readonly at: Place;
  readonly value: Node;
}

export interface ListNode {
  readonly kind: 'list';
  readonly at: Place;
  readonly items: readonly Node[];
  readonly original?: string;
}

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly at: Place;
  readonly value: Scalar;
  /** Length in the source, so that a `${…}` inside can be found. */
  readonly length: number;
  readonly original?: string;
}

export function child(node: Node | undefined, key: string | number): Node | undefined {
  if (node?.kind === 'map') return node.entries.get(String(key))?.value;
  if (node?.kind === 'list') return node.items[Number(key)];
  return undefined;
}

export function children(node: Node): [string | number, Node][] {
  if (node.kind === 'map') return Array.from(node.entries, ([key, entry]) => [key, entry.value]);
  if (node.kind === 'list') return node.items.map((item, index) => [index, item]);
  return [];
}

/** The node at `path`, or nothing. */
export function nodeAt(root: Node | undefined, path: Path): Node | undefined {
  let node = root;
  for (const key of path) node = child(node, key);
  return node;
}

/**
 * The best spot to show for `path`: the value; where it is a map or empty, its key; where it is missing, the nearest
 * thing around it.
 */
export function placeOf(root: Node, path: Path): Place {
  let place = root.at;
  let node: Node | undefined = root;
  for (const key of path) {
    const entry: Entry | undefined = node.kind === 'map' ? node.entries.get(String(key)) : undefined;
    node = entry?.value ?? child(node, key);
    if (!node) return place;
    const showsKey = entry && (node.kind === 'map' || (node.kind === 'scalar' && node.length === 0));
    place = showsKey ? entry.at : node.at;
  }
  return place;
}

/** The spot of the key at `path`, as far as it exists. */
export function keyPlaceOf(root: Node, path: Path): Place {
  const parent = nodeAt(root, path.slice(0, -1));
  const entry = parent?.kind === 'map' ? parent.entries.get(String(path.at(-1))) : undefined;
  return entry?.at ?? placeOf(root, path);
}

/** The plain value, without positions. */
export function plain(node: Node): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plain);
  return Object.fromEntries(Array.from(node.entries, ([key, entry]) => [key, plain(entry.value)]));
}

/** Text that is equal exactly if two parts are set up the same: keys sorted, no positions. */
export function canonical(node: Node | undefined): string {
  if (!node) return 'null';
  const original = node.original === undefined ? '' : `${JSON.stringify(node.original)}=`;
  if (node.kind === 'scalar') return original + JSON.stringify(node.value);
  if (node.kind === 'list') return `${original}[${node.items.map(canonical).join(',')}]`;
  const keys = [...node.entries.keys()].sort();
  return `${original}{${keys.map((key) => `${JSON.stringify(key)}:${canonical(child(node, key))}`).join(',')}}`;
}
