import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  type ScalarTag,
  type YAMLError,
  type YAMLMap,
  type Node as YamlNode,
  type Scalar as YamlScalar,
} from 'yaml';
import { type Issue, issueAt, type Path, type Place, type Source } from './issues.ts';
import type { Entry, MapNode, Node } from './tree.ts';

/** More nodes than any sensible configuration has: where aliases multiply, reading stops here. */
const maxNodes = 100_000;
const maxDepth = 200;

/** `100_000`: the Go collector's reader takes it for a number, and upstream's examples write it. */
const grouped: ScalarTag = {
  tag: 'tag:yaml.org,2002:int',
  default: true,
  test: /^[-+]?[0-9]+(?:_+[0-9]+)+$/,
  resolve: (text) => Number(text.replaceAll('_', '')),
};

/** Reads one YAML document, keeping where everything stands. Anchors, aliases and merge keys (`<<`) are resolved. */
export function parseYaml(source: Source): { node: Node } | { issues: Issue[] } {
  const documents = parseAllDocuments(source.text, {
    prettyErrors: false,
    merge: true,
    logLevel: 'silent',
    customTags: (tags) => [grouped, ...tags],
  });
  const errors = documents.flatMap((document: Document) => document.errors);
  if (errors.length > 0) return { issues: syntaxIssues(source, errors) };
  const [first, second] = documents as Document.Parsed[];
  if (!first) return { node: nothing({ source, offset: 0 }) };
  if (second) {
    const at = { source, offset: second.range[0] };
    return { issues: [issueAt(at, [], 'expected one YAML document, got a second one: give each its own --config')] };
  }
  const reader = new Reader(source);
  const node = reader.read(first.contents as YamlNode | null, [], { source, offset: 0 });
  return reader.issues.length > 0 ? { issues: reader.issues } : { node };
}

/** The parser's word for it, where ours says more about what to do. */
const advice: readonly (readonly [RegExp, string])[] = [
  [/^Map keys must be unique/, 'expected each key once, got a duplicate: merge the two parts, or name one type/name'],
  [/^Tabs are not allowed/, 'expected spaces, got a tab as indentation: YAML forbids tabs there'],
  [/^All .* items must start at the same column/, 'expected the same indentation as the lines around it'],
  [
    /^Nested mappings are not allowed/,
    'expected one value after the colon: put quotes around text that has ": " in it',
  ],
  [/^Maximum call stack/, `expected at most ${maxDepth} levels, got more`],
];

/** One issue per spot, and only the first few: what follows a syntax error is often an echo of it. */
function syntaxIssues(source: Source, errors: readonly YAMLError[]): Issue[] {
  const byMessage = new Map<string, Issue>();
  const spots = new Set<number>();
  for (const error of errors) {
    const offset = Math.min(error.pos[0], source.text.length);
    const known = advice.find(([pattern]) => pattern.test(error.message))?.[1];
    const message = known ?? `expected valid YAML: ${error.message.replace(/\.$/, '')}`;
    const key = message.startsWith('expected at most') ? message : `${offset} ${message}`;
    if (spots.has(offset) || byMessage.has(key) || byMessage.size === 10) continue;
    spots.add(offset);
    byMessage.set(key, issueAt({ source, offset }, [], message));
  }
  return [...byMessage.values()];
}

const mergeKey = Symbol('<<');

/** Turns the parser's nodes into ours. */
class Reader {
  readonly issues: Issue[] = [];
  readonly #source: Source;
  /** Anchored nodes being read: meeting one again is a circle. */
  readonly #open = new Set<YamlNode>();
  readonly #anchors = new Map<string, YamlNode>();
  #aliases = 0;
  #nodes = 0;

  constructor(source: Source) {
    this.#source = source;
  }

  read(node: YamlNode | null, path: Path, at: Place): Node {
    const place = node?.range ? { source: this.#source, offset: node.range[0] } : at;
    if (!this.#affordable(path, place)) return nothing(place);
    if (isAlias(node)) return this.#alias(node.source, path, place);
    // What an alias repeats has been seen; a later anchor of the same name stays in force.
    if (node?.anchor && this.#aliases === 0) this.#anchors.set(node.anchor, node);
    if (isMap(node)) return this.#guard(node, path, place, () => this.#map(node, path, place));
    if (isSeq(node)) {
      return this.#guard(node, path, place, () => ({
        kind: 'list',
        at: place,
        items: node.items.map((item, index) => this.read(item as YamlNode, [...path, index], place)),
      }));
    }
    if (!isScalar(node)) return nothing(place);
    return this.#scalar(node, path, place);
  }

  #affordable(path: Path, place: Place): boolean {
    this.#nodes++;
    if (this.#nodes <= maxNodes && path.length <= maxDepth) return true;
    const what = path.length > maxDepth ? `at most ${maxDepth} levels` : `at most ${maxNodes} values, aliases counted`;
    // One such issue says it all.
    if (this.issues.length === 0) this.issues.push(issueAt(place, path.slice(0, 3), `expected ${what}, got more`));
    return false;
  }

  #guard(node: YamlNode, path: Path, place: Place, read: () => Node): Node {
    if (this.#open.has(node)) {
      this.issues.push(issueAt(place, path, 'expected a tree, got an alias to a part that it stands in itself'));
      return nothing(place);
    }
    this.#open.add(node);
    const result = read();
    this.#open.delete(node);
    return result;
  }

  #alias(name: string, path: Path, place: Place): Node {
    const target = this.#anchors.get(name);
    if (!target) {
      this.issues.push(issueAt(place, path, `expected an anchor &${name} before this alias`));
      return nothing(place);
    }
    this.#aliases++;
    const result = this.read(target, path, place);
    this.#aliases--;
    return result;
  }

  #scalar(node: YamlScalar, path: Path, place: Place): Node {
    const { value } = node;
    const length = node.range ? node.range[1] - node.range[0] : 0;
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) {
      return { kind: 'scalar', at: place, value: value as string | number | boolean | null, length };
    }
    this.issues.push(
      issueAt(place, path, `expected text, a number, true, false or null, got ${node.tag ?? typeof value}`),
    );
    return nothing(place);
  }

  #map(node: YAMLMap, path: Path, place: Place): MapNode {
    const entries = new Map<string, Entry>();
    const merged: Node[] = [];
    for (const pair of node.items) {
      const keyNode = pair.key as YamlNode | null;
      const at = keyNode?.range ? { source: this.#source, offset: keyNode.range[0] } : place;
      const key = this.#key(keyNode);
      if (key === undefined) {
        this.issues.push(issueAt(at, path, 'expected text as a key'));
        continue;
      }
      const name = key === mergeKey ? '<<' : key;
      const value = this.read(pair.value as YamlNode | null, [...path, name], at);
      if (key === mergeKey) merged.push(value);
      else if (entries.has(key))
        this.issues.push(issueAt(at, [...path, key], 'expected each key once, got a duplicate'));
      else entries.set(key, { at, value });
    }
    for (const value of merged) this.#merge(entries, value, path);
    return { kind: 'map', at: place, entries };
  }

  /** Numbers and booleans as keys keep their spelling. */
  #key(node: YamlNode | null): string | typeof mergeKey | undefined {
    if (node && 'anchor' in node && node.anchor) this.#anchors.set(node.anchor, node);
    const key = isAlias(node) ? this.#anchors.get(node.source) : node;
    if (!isScalar(key)) return undefined;
    // The parser gives an unquoted << as a symbol.
    if (typeof key.value === 'symbol') return mergeKey;
    if (key.value === null || typeof key.value === 'object') return undefined;
    return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
  }

  /** YAML 1.1's merge key: keys written in the map itself win, then the first of several merged maps. */
  #merge(entries: Map<string, Entry>, value: Node, path: Path): void {
    if (value.kind === 'list') {
      for (const item of value.items) this.#merge(entries, item, path);
    } else if (value.kind === 'map') {
      for (const [key, entry] of value.entries) if (!entries.has(key)) entries.set(key, entry);
    } else {
      this.issues.push(issueAt(value.at, [...path, '<<'], 'expected a map or a list of maps to merge'));
    }
  }
}

function nothing(at: Place): Node {
  return { kind: 'scalar', at, value: null, length: 0 };
}
