import { type Issue, issueAt, type Path, type Place, type Source, warningAt } from './issues.ts';
import { isUnreadable, readLocation, type Surroundings } from './providers.ts';
import type { Entry, Node, ScalarNode } from './tree.ts';
import { parseYaml } from './yaml.ts';

/** A value may bring in further `${…}`: this deep, as upstream allows a hundred rounds in all. */
const maxDepth = 20;
const maxReplacements = 10_000;
const maxTextLength = 1024 * 1024;

/**
 * Replaces `${env:NAME}`, `${NAME}`, `${env:NAME:-default}`, `${file:path}`, `${yaml:…}` and `${https:…}` in all values,
 * also nested in each other, and `$$` by `$`. A scalar that is one `${…}` takes the type that YAML gives the text (its
 * `original` is kept); amid other text the text itself goes in. Keys are left alone. Rules:
 * https://opentelemetry.io/docs/collector/configuration/#environment-variables
 */
export async function substitute(root: Node, from: Surroundings, issues: Issue[]): Promise<Node> {
  return new Substitution(from, issues).tree(root, [], 0);
}

/** What stands for a `${…}`: its text, and the tree if YAML reads a map or a list in it. */
interface Found {
  readonly text: string;
  readonly tree?: Node | undefined;
}

/** Where a text stands that is being replaced, and how deep. */
interface Spot {
  readonly node: ScalarNode;
  readonly path: Path;
  readonly depth: number;
  /** The reference is the whole value, so that a map or a list may take its place. */
  readonly alone: boolean;
}

class Substitution {
  readonly #from: Surroundings;
  readonly #issues: Issue[];
  #replacements = 0;

  constructor(from: Surroundings, issues: Issue[]) {
    this.#from = from;
    this.#issues = issues;
  }

  async tree(node: Node, path: Path, depth: number): Promise<Node> {
    if (node.kind === 'scalar') return this.#scalar({ node, path, depth, alone: true });
    if (node.kind === 'list') {
      const items: Node[] = [];
      for (const [index, item] of node.items.entries()) items.push(await this.tree(item, [...path, index], depth));
      return { ...node, items };
    }
    const entries = new Map<string, Entry>();
    for (const [key, entry] of node.entries) {
      entries.set(key, { at: entry.at, value: await this.tree(entry.value, [...path, key], depth) });
    }
    return { ...node, entries };
  }

  async #scalar(spot: Spot): Promise<Node> {
    const { node } = spot;
    if (typeof node.value !== 'string' || !node.value.includes('$')) return node;
    const text = node.value;
    const whole = text.startsWith('${') && closingBrace(text, 2) === text.length - 1;
    if (!whole) {
      const found = await this.#text(text, spot);
      return found === undefined ? { ...node, value: text } : { ...node, value: found };
    }
    const at = placeWithin(node, 0);
    const found = await this.#reference(text.slice(2, -1), at, spot);
    if (found === undefined) return { ...node, at, value: null };
    if (found.tree) return { ...found.tree, original: found.text };
    return typed(found.text, { ...node, at });
  }

  /** Text with each `${…}` in it replaced; undefined after an issue. */
  async #text(text: string, around: Spot): Promise<string | undefined> {
    const spot = { ...around, alone: false };
    let result = '';
    let index = 0;
    while (index < text.length) {
      const dollar = text.indexOf('$', index);
      if (dollar < 0) break;
      result += text.slice(index, dollar);
      const end = text[dollar + 1] === '{' ? closingBrace(text, dollar + 2) : -1;
      if (end < 0) {
        result += '$';
        index = dollar + (text[dollar + 1] === '$' ? 2 : 1);
        if (index === dollar + 1) this.#hintAtBraces(text.slice(index), spot);
        continue;
      }
      const at = placeWithin(spot.node, dollar);
      const found = await this.#reference(text.slice(dollar + 2, end), at, spot);
      if (found === undefined) return undefined;
      result += found.text;
      if (result.length > maxTextLength) return this.#fail(at, spot, 'expected at most 1 MiB after substitution');
      index = end + 1;
    }
    return result + text.slice(index);
  }

  /** Finds what `env:NAME:-default` stands for. */
  async #reference(written: string, at: Place, spot: Spot): Promise<Found | undefined> {
    this.#replacements++;
    if (spot.depth >= maxDepth || this.#replacements > maxReplacements) {
      return this.#fail(
        at,
        spot,
        `expected an end of substitutions, got more than ${maxDepth} levels: does one refer to itself?`,
      );
    }
    const inner = { ...spot, depth: spot.depth + 1 };
    const reference = written.includes('$') ? await this.#text(written, inner) : written;
    if (reference === undefined) return undefined;
    if (/^env:|^\w*:-|^[^:]*$/.test(reference)) {
      return this.#variable(reference.replace(/^env:/, ''), at, inner);
    }
    const source = await readLocation(reference, this.#from);
    if (isUnreadable(source)) return this.#fail(at, spot, source.unreadable);
    // One line break at the end is the editor's, not the secret's.
    return this.#again(
      { ...source, text: source.text.replace(/\r?\n$/, '') },
      at,
      inner,
      !reference.startsWith('yaml:'),
    );
  }

  async #variable(reference: string, at: Place, spot: Spot): Promise<Found | undefined> {
    const [, name, byDefault] = /^(.*?)(?::-(.*))?$/s.exec(reference)!;
    if (!/^[A-Za-z_]\w*$/.test(name!)) {
      const advice = `write $$\{${reference}} for the text itself, as in a regular expression's replacement`;
      return this.#fail(
        at,
        spot,
        `expected the name of an environment variable, got ${JSON.stringify(name)}: ${advice}`,
      );
    }
    const value = this.#from.env[name!] ?? byDefault;
    if (value === undefined) {
      const advice = `set it, or give a default: \${env:${name}:-value}`;
      this.#issues.push(
        warningAt(at, spot.path, `the environment variable ${name} is not set, so it is empty here: ${advice}`),
      );
    }
    return this.#again({ ...at.source, text: value ?? '' }, at, spot, false);
  }

  /** Whatever came in may be a tree, if it stands alone, and may hold references itself, and `$$`. */
  async #again(source: Source, at: Place, spot: Spot, ownPlaces: boolean): Promise<Found | undefined> {
    const { text } = source;
    if (spot.alone) {
      const parsed = parseYaml(source);
      if ('node' in parsed && parsed.node.kind !== 'scalar') {
        const tree = ownPlaces ? parsed.node : movedTo(parsed.node, at);
        return { text, tree: await this.tree(tree, spot.path, spot.depth) };
      }
    }
    if (!text.includes('$')) return { text };
    const replaced = await this.#text(text, { ...spot, node: { kind: 'scalar', at, value: text, length: 0 } });
    return replaced === undefined ? undefined : { text: replaced };
  }

  /** `$NAME` is text, as upstream since 0.104; where such a variable is set, it was most likely meant. */
  #hintAtBraces(rest: string, { node, path }: Spot): void {
    const name = /^[A-Za-z_]\w*/.exec(rest)?.[0];
    if (name === undefined || this.#from.env[name] === undefined) return;
    const advice = `write \${env:${name}} for the variable's value, or $$${name} for the text`;
    this.#issues.push(warningAt(node.at, path, `$${name} is not replaced without braces: ${advice}`));
  }

  #fail(at: Place, spot: Spot, message: string): undefined {
    this.#issues.push(issueAt(at, spot.path, message));
    return undefined;
  }
}

/** The index of the brace that closes the one before `start`, or -1. */
function closingBrace(text: string, start: number): number {
  let open = 1;
  for (let index = start; index < text.length; index++) {
    if (text.startsWith('${', index)) {
      open++;
      index++;
    } else if (text[index] === '}' && --open === 0) return index;
  }
  return -1;
}

/** The spot of the `${` at `index` of a scalar's value, which in the source may be quoted, folded or indented. */
function placeWithin(node: ScalarNode, index: number): Place {
  if (node.length === 0) return node.at;
  const written = node.at.source.text.slice(node.at.offset, node.at.offset + node.length);
  const before = String(node.value).slice(0, index).split('${').length - 1;
  let found = written.indexOf('${');
  for (let skipped = 0; skipped < before && found >= 0; skipped++) found = written.indexOf('${', found + 2);
  return found < 0 ? node.at : { source: node.at.source, offset: node.at.offset + found };
}

/** A scalar as YAML types the text; text that is no YAML stays text. */
function typed(text: string, node: ScalarNode): ScalarNode {
  const parsed = parseYaml({ ...node.at.source, text });
  const value = 'node' in parsed && parsed.node.kind === 'scalar' ? parsed.node.value : text;
  return { ...node, value: typeof value === 'string' ? text : value, original: text };
}

/** A tree read from a variable shows the spot of the `${…}`: the variable has no lines that an editor could open. */
function movedTo(node: Node, at: Place): Node {
  if (node.kind === 'scalar') return { ...node, at, length: 0 };
  if (node.kind === 'list') return { ...node, at, items: node.items.map((item) => movedTo(item, at)) };
  const entries = Array.from(node.entries, ([key, entry]) => [key, { at, value: movedTo(entry.value, at) }] as const);
  return { ...node, at, entries: new Map(entries) };
}
