import type { Assertion, CharSet, Re2 } from './re2_ast.ts';
import { setSource } from './re2_source.ts';

// What a step of the program does.
const CHAR = 0;
const SPLIT = 1;
const JUMP = 2;
const SAVE = 3;
const ASSERT = 4;
const MATCH = 5;

/** A character's test: by table for ASCII, by JavaScript for the rest. */
class Member {
  readonly #ascii = new Uint8Array(128);
  readonly #pattern: RegExp;

  constructor(set: CharSet) {
    this.#pattern = new RegExp(setSource(set), 'u');
    for (let i = 0; i < 128; i++) this.#ascii[i] = this.#pattern.test(String.fromCharCode(i)) ? 1 : 0;
  }

  has(code: number): boolean {
    return code < 128 ? this.#ascii[code] === 1 : this.#pattern.test(String.fromCodePoint(code));
  }
}

/**
 * Matches in time proportional to the text, whatever the pattern: all ways are followed at once, the preferred first.
 * Source: https://swtch.com/~rsc/regexp/regexp2.html
 */
export class LinearMatcher {
  readonly #op: number[] = [];
  readonly #x: number[] = [];
  readonly #y: number[] = [];
  readonly #members: Member[] = [];
  readonly #assertions: Assertion[] = [];
  readonly #slots: number;
  #current: Threads;
  #next: Threads;
  /** Whether it matters where the groups lie. */
  #saves = true;
  /** What `#add` has yet to follow: a step and its captures, in turn. */
  readonly #work: (number | Int32Array)[] = [];

  constructor(root: Re2, groups: number) {
    this.#slots = groups * 2;
    this.#compile({ kind: 'capture', index: 0, inner: root }, new Map());
    this.#emit(MATCH);
    this.#current = new Threads(this.#op.length);
    this.#next = new Threads(this.#op.length);
  }

  /** The ends of the groups, in pairs, -1 for none, of the leftmost match from `from` on. */
  match(text: string, from: number, anyMatch: boolean): Int32Array | undefined {
    const start = new Int32Array(this.#slots).fill(-1);
    this.#saves = !anyMatch;
    let found: Int32Array | undefined;
    this.#current.clear();
    for (let pos = from; ; ) {
      if (!found) this.#add(this.#current, 0, text, pos, start);
      if (this.#current.count === 0 && found) return found;
      const code = pos < text.length ? text.codePointAt(pos)! : -1;
      const after = pos + (code > 0xffff ? 2 : 1);
      this.#next.clear();
      for (let i = 0; i < this.#current.count; i++) {
        const step = this.#current.steps[i]!;
        if (this.#op[step] === MATCH) {
          found = this.#current.captures(i);
          if (anyMatch) return found;
          break;
        }
        if (code >= 0 && this.#members[this.#x[step]!]!.has(code)) {
          this.#add(this.#next, step + 1, text, after, this.#current.captures(i));
        }
      }
      if (code < 0) return found;
      const swap = this.#current;
      this.#current = this.#next;
      this.#next = swap;
      pos = after;
    }
  }

  /** Follows all that needs no character, in order of preference, without recursion. */
  #add(threads: Threads, first: number, text: string, pos: number, captures: Int32Array): void {
    const work = this.#work;
    work.push(first, captures);
    while (work.length > 0) {
      const caps = work.pop() as Int32Array;
      const step = work.pop() as number;
      if (!threads.enter(step)) continue;
      switch (this.#op[step]) {
        case SPLIT:
          work.push(this.#y[step]!, caps, this.#x[step]!, caps);
          break;
        case JUMP:
          work.push(this.#x[step]!, caps);
          break;
        case SAVE: {
          const saved = this.#saves ? caps.slice() : caps;
          if (this.#saves) saved[this.#x[step]!] = pos;
          work.push(step + 1, saved);
          break;
        }
        case ASSERT:
          if (holds(this.#assertions[this.#x[step]!]!, text, pos)) work.push(step + 1, caps);
          break;
        default:
          threads.push(step, caps);
      }
    }
  }

  #emit(op: number, x = 0, y = 0): number {
    this.#op.push(op);
    this.#x.push(x);
    this.#y.push(y);
    return this.#op.length - 1;
  }

  #compile(node: Re2, members: Map<CharSet, number>): void {
    switch (node.kind) {
      case 'set': {
        if (!members.has(node)) members.set(node, this.#members.push(new Member(node)) - 1);
        this.#emit(CHAR, members.get(node)!);
        return;
      }
      case 'assert':
        this.#emit(ASSERT, this.#assertions.push(node.what) - 1);
        return;
      case 'concat':
        for (const part of node.parts) this.#compile(part, members);
        return;
      case 'capture':
        this.#emit(SAVE, node.index * 2);
        this.#compile(node.inner, members);
        this.#emit(SAVE, node.index * 2 + 1);
        return;
      case 'alternate': {
        const exits: number[] = [];
        node.parts.forEach((part, index) => {
          const last = index === node.parts.length - 1;
          const split = last ? -1 : this.#emit(SPLIT);
          if (!last) this.#x[split] = this.#op.length;
          this.#compile(part, members);
          if (last) return;
          exits.push(this.#emit(JUMP));
          this.#y[split] = this.#op.length;
        });
        for (const exit of exits) this.#x[exit] = this.#op.length;
        return;
      }
      case 'repeat':
        this.#repeat(node, members);
    }
  }

  #repeat(node: Re2 & { kind: 'repeat' }, members: Map<CharSet, number>): void {
    const { inner, min, max, greedy } = node;
    // The last of the required ones is the body of the loop: an empty pass leaves it at once.
    const plain = max === Infinity && min > 0 ? min - 1 : min;
    for (let i = 0; i < plain; i++) this.#compile(inner, members);
    if (max === Infinity) {
      const split = min > 0 ? -1 : this.#emit(SPLIT);
      const body = this.#op.length;
      this.#compile(inner, members);
      const back = this.#emit(SPLIT);
      this.#branch(back, body, this.#op.length, greedy);
      if (split >= 0) this.#branch(split, body, this.#op.length, greedy);
      return;
    }
    const splits: number[] = [];
    for (let i = min; i < max; i++) {
      splits.push(this.#emit(SPLIT));
      this.#compile(inner, members);
    }
    for (const split of splits) this.#branch(split, split + 1, this.#op.length, greedy);
  }

  #branch(split: number, into: number, past: number, greedy: boolean): void {
    this.#x[split] = greedy ? into : past;
    this.#y[split] = greedy ? past : into;
  }
}

/** The steps that are reached at one place of the text, in order of preference, each with its captures. */
class Threads {
  count = 0;
  readonly steps: Int32Array;
  readonly #captures: Int32Array[] = [];
  readonly #seen: Int32Array;
  #round = 1;

  constructor(size: number) {
    this.steps = new Int32Array(size);
    this.#seen = new Int32Array(size);
  }

  clear(): void {
    this.count = 0;
    this.#round++;
  }
  /** False where the step was reached already. */
  enter(step: number): boolean {
    if (this.#seen[step] === this.#round) return false;
    this.#seen[step] = this.#round;
    return true;
  }
  push(step: number, captures: Int32Array): void {
    this.steps[this.count] = step;
    this.#captures[this.count++] = captures;
  }
  captures(index: number): Int32Array {
    return this.#captures[index]!;
  }
}

function holds(what: Assertion, text: string, pos: number): boolean {
  switch (what) {
    case 'textStart':
      return pos === 0;
    case 'textEnd':
      return pos === text.length;
    case 'lineStart':
      return pos === 0 || text[pos - 1] === '\n';
    case 'lineEnd':
      return pos === text.length || text[pos] === '\n';
    default:
      return (isWord(text, pos - 1) !== isWord(text, pos)) === (what === 'word');
  }
}

function isWord(text: string, pos: number): boolean {
  const code = text.charCodeAt(pos);
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122);
}
