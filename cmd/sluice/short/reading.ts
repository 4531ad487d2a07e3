import { type Issue, issueAt, type Path } from '../../../internal/config/issues.ts';
import { didYouMean } from '../../../internal/config/suggest.ts';
import type { Entry, ListNode, MapNode, Node } from '../../../internal/config/tree.ts';
import type { Frame } from './frame.ts';
import { Matcher, type Value } from './values.ts';

/**
 * How records are read. `input`: what is not said has its default; `part`: it is left out. `exact` and `subset` are the
 * same for expectations, in which matchers are allowed.
 */
export type Mode = 'input' | 'part' | 'exact' | 'subset';

/** Reading one document: where it is, and what was wrong with it. */
export class Reading {
  readonly frame: Frame;
  readonly issues: Issue[];
  readonly mode: Mode;
  readonly #path: Path;

  constructor(frame: Frame, issues: Issue[], mode: Mode, path: Path) {
    this.frame = frame;
    this.issues = issues;
    this.mode = mode;
    this.#path = path;
  }

  in(key: string | number): Reading {
    return new Reading(this.frame, this.issues, this.mode, [...this.#path, key]);
  }

  as(mode: Mode): Reading {
    return new Reading(this.frame, this.issues, mode, this.#path);
  }

  wrong(node: { readonly at: Node['at'] }, message: string): undefined {
    if (this.issues.length < 20) this.issues.push(issueAt(node.at, this.#path, message));
    return undefined;
  }

  map(node: Node, wanted: string): MapNode | undefined {
    return node.kind === 'map' ? node : this.wrong(node, `expected ${wanted}, got ${said(node)}`);
  }

  list(node: Node, wanted: string): ListNode | undefined {
    return node.kind === 'list' ? node : this.wrong(node, `expected ${wanted}, got ${said(node)}`);
  }

  text(node: Node, wanted: string): string | undefined {
    if (node.kind === 'scalar' && typeof node.value === 'string') return node.value;
    return this.wrong(node, `expected ${wanted}, got ${said(node)}`);
  }

  unknown(key: string, { at }: Entry, known: readonly string[]): undefined {
    return this.in(key).wrong({ at }, `unknown key${didYouMean(key, known) || `: there are ${known.join(', ')}`}`);
  }

  /** The keys of a map, each read by its own reader; an unknown one is an issue. */
  keys(node: Node, wanted: string, readers: Readonly<Record<string, (value: Node, at: Reading) => void>>): void {
    for (const [key, entry] of this.map(node, wanted)?.entries ?? []) {
      if (Object.hasOwn(readers, key)) readers[key]!(entry.value, this.in(key));
      else this.unknown(key, entry, Object.keys(readers));
    }
  }

  /** `$any`, `$absent` or `$matches` in the place of a value. */
  matcher(node: Node): Matcher | undefined {
    if (this.mode === 'input' || this.mode === 'part' || node.kind !== 'map' || node.entries.size !== 1)
      return undefined;
    const [key, { value }] = [...node.entries][0]!;
    if (key === '$any' || key === '$absent') return new Matcher(key.slice(1) as 'any' | 'absent');
    if (key !== '$matches') return undefined;
    const source = this.text(value, 'a regular expression') ?? '';
    try {
      return new Matcher('matches', new RegExp(source, 'u'));
    } catch (error) {
      this.wrong(value, (error as Error).message);
      return new Matcher('any');
    }
  }
}

/** A node as messages show it. */
export function said(node: Node): string {
  if (node.kind === 'scalar') return JSON.stringify(node.value);
  return node.kind === 'map' ? 'a map' : 'a list';
}

/** How a value is read from YAML, and what it is in OTLP/JSON. */
export interface Codec {
  read(node: Node, at: Reading): Value | undefined;
  toJson(value: Value, frame: Frame): unknown;
  /** @param json undefined where the record has none */
  fromJson(json: any, frame: Frame): Value | undefined;
  /** The value without what goes without saying; absent: all of it says something. */
  lean?(value: Value): Value;
}
