import { textOf } from '../otlp/view/raw.ts';
import type { OttlProblem } from './problem.ts';
import { Refusal } from './problem.ts';
import type { Re2 } from './re2_ast.ts';
import { isNullable, safeLength } from './re2_cost.ts';
import { LinearMatcher } from './re2_linear.ts';
import { parseRe2 } from './re2_parser.ts';
import { sourceOf } from './re2_source.ts';
import { type Window, type Windows, windowsOf } from './re2_window.ts';
import { Sieve } from './sieve.ts';

export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  /** By index, 0 the whole match; undefined for a group that took no part. */
  readonly groups: readonly (string | undefined)[];
}

/**
 * A regular expression of Go's dialect (RE2). Texts up to a length for which a backtracking engine is sure to end soon
 * are matched by JavaScript's own; longer texts, and every text where loops stand inside loops, by a linear-time matcher.
 */
export class Regex {
  readonly ok = true;
  readonly source: string;
  /** By index; 0 is the whole match. */
  readonly groupNames: readonly (string | undefined)[];
  readonly #root: Re2;
  readonly #native: RegExp;
  readonly #global: RegExp;
  readonly #safeLength: number;
  /** Whether JavaScript agrees with Go on which groups took part. */
  readonly #sameGroups: boolean;
  /** Whether it may match nothing: there JavaScript and Go part. */
  readonly #nullable: boolean;
  #linear: LinearMatcher | undefined;
  /** Null where every text may match. */
  #sieve: Sieve | null | undefined;

  constructor(source: string) {
    const { root, names } = parseRe2(source);
    this.source = source;
    this.groupNames = names;
    this.#root = root;
    const native = sourceOf(root);
    this.#native = new RegExp(native, 'u');
    this.#global = new RegExp(native, 'gu');
    this.#nullable = isNullable(root);
    this.#safeLength = safeLength(root);
    this.#sameGroups = !losesGroups(root, false);
  }

  /** Whether the text has a match anywhere. */
  test(text: string): boolean {
    if (text.length <= this.#safeLength) return this.#native.test(text);
    return this.#matcher().match(text, 0, true) !== undefined;
  }

  /** Whether the text in these bytes may have a match, by a look at the bytes alone: where false, `test` is sure to be. */
  mayMatch(buf: Uint8Array, start: number, end: number): boolean {
    if (this.#sieve === undefined) this.#sieve = sieveOf([this]) ?? null;
    return this.#sieve === null || this.#sieve.mayMatch(buf, start, end);
  }

  /** The same as `test` of the text in these bytes. */
  testBytes(buf: Uint8Array, start: number, end: number): boolean {
    return this.mayMatch(buf, start, end) && this.test(textOf(buf, start, end));
  }

  /** One of these stands in every text that matches; undefined where nothing is known. */
  windows(): Windows | undefined {
    return windowsOf(this.#root);
  }

  /** The leftmost match at or behind `from`. */
  exec(text: string, from = 0): RegexMatch | undefined {
    if (text.length > this.#safeLength || !this.#sameGroups) return this.#linearExec(text, from);
    this.#global.lastIndex = from;
    const found = this.#global.exec(text);
    return found ? { start: found.index, end: found.index + found[0].length, groups: [...found] } : undefined;
  }

  /**
   * Where the first match and its groups lie: two offsets each, by group index; -1 for a group that took no part.
   * Always linear in the length of the text.
   */
  places(text: string): ArrayLike<number> | undefined {
    return this.#matcher().match(text, 0, false);
  }

  /** All matches, as Go finds them: an empty one directly behind another does not count. */
  *matches(text: string): Generator<RegexMatch> {
    let behind = -1;
    for (let from = 0; from <= text.length; ) {
      const found = this.exec(text, from);
      if (!found) return;
      if (found.end > found.start || found.start !== behind) yield found;
      behind = found.end;
      from = found.end > found.start ? found.end : found.end + widthAt(text, found.end);
    }
  }

  /** Every match replaced by what `by` makes of it. */
  replaceAll(text: string, by: (match: RegexMatch) => string): string {
    let out = '';
    let done = 0;
    for (const match of this.matches(text)) {
      out += text.slice(done, match.start) + by(match);
      done = match.end;
    }
    return done === 0 && out === '' ? text : out + text.slice(done);
  }

  /** Every match replaced by `template`, which may name groups as `expandTemplate` has it. */
  replace(text: string, template: string): string {
    const plain = !this.#nullable && !template.includes('$') && text.length <= this.#safeLength;
    if (plain) return text.replace(this.#global, template);
    return this.replaceAll(text, (match) => expandTemplate(template, match, this.groupNames));
  }

  #linearExec(text: string, from: number): RegexMatch | undefined {
    const ends = this.#matcher().match(text, from, false);
    if (!ends) return undefined;
    const groups = this.groupNames.map((_, i) =>
      ends[2 * i + 1]! < 0 ? undefined : text.slice(ends[2 * i], ends[2 * i + 1]),
    );
    return { start: ends[0]!, end: ends[1]!, groups };
  }

  #matcher(): LinearMatcher {
    return (this.#linear ??= new LinearMatcher(this.#root, this.groupNames.length));
  }
}

/** Tells texts that none of these can match; undefined where there is one that may match anything. */
export function sieveOf(all: readonly Regex[]): Sieve | undefined {
  const windows: Window[] = [];
  for (const regex of all) {
    const own = regex.windows();
    if (!own) return undefined;
    windows.push(...own);
  }
  return new Sieve(windows);
}

/** Compiles a regular expression of Go's dialect, https://pkg.go.dev/regexp/syntax; the problem's place is one in `source`. */
export function compileRegex(source: string): Regex | { readonly ok: false; readonly problem: OttlProblem } {
  try {
    return new Regex(source);
  } catch (thrown) {
    if (thrown instanceof Refusal) return { ok: false, problem: thrown.problem };
    throw thrown;
  }
}

/** One that the configuration's check let through. @throws Error for any other */
export function regexOf(source: string): Regex {
  const regex = compileRegex(source);
  if (!regex.ok) throw new Error(`pattern ${source}: ${regex.problem.message}`);
  return regex;
}

/** `$1`, `${1}`, `${name}` and `$$` in a replacement, as Go expands them: the longest name, nothing for an unknown one. */
export function expandTemplate(template: string, match: RegexMatch, names: readonly (string | undefined)[]): string {
  if (!template.includes('$')) return template;
  return template.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole, bare?: string, braced?: string) => {
    const name = bare ?? braced;
    if (name === undefined) return '$';
    const index = /^\d+$/.test(name) ? Number(name) : names.indexOf(name);
    return whole === '' || index < 0 ? '' : (match.groups[index] ?? '');
  });
}

/** A group inside a loop: JavaScript forgets at each turn what Go keeps, and differs on turns that match nothing. */
function losesGroups(node: Re2, looped: boolean): boolean {
  switch (node.kind) {
    case 'capture':
      return looped || losesGroups(node.inner, looped);
    case 'concat':
    case 'alternate':
      return node.parts.some((part) => losesGroups(part, looped));
    case 'repeat':
      return losesGroups(node.inner, looped || node.max > 1) || (node.max > node.min && isNullable(node.inner));
    default:
      return false;
  }
}

function widthAt(text: string, pos: number): number {
  return (text.codePointAt(pos) ?? 0) > 0xffff ? 2 : 1;
}
