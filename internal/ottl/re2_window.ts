import type { Re2 } from './re2_ast.ts';
import { membersOf, OTHERS } from './re2_members.ts';

/** Which bytes may stand at one place of a text in UTF-8. */
export interface ByteSet {
  /**
   * 1 for those below 0x80 at their index, and at OTHERS for all others. These are never told apart, so that it does not
   * matter how many bytes a character has, or whether they are UTF-8.
   */
  readonly members: Uint8Array;
  /** How common they are, of 1. */
  readonly share: number;
}

/** Sets of bytes that stand one behind the other. */
export type Window = readonly ByteSet[];

/** One of these stands in every text that matches. */
export type Windows = readonly Window[];

/** Bytes in a window: numbers of so many digits are rare, and such are many patterns. */
const MAX_WIDTH = 8;
/** Alternatives that are looked for apart. */
const MAX_WINDOWS = 8;
/** Where more texts than these have a window, looking for it is not worth it. */
const MAX_ODDS = 0.75;
/** Bytes make words and numbers: one more in a window is met this often where the rest is, or more. */
const MIN_ODDS_OF_NEXT = 0.5;

/** What is known of each match of a node. */
interface Known {
  /** Its first bytes, and its last. */
  readonly head: Window;
  readonly tail: Window;
  /** Whether the one, and the other, is all of it. */
  readonly whole: boolean;
  /** The least likely of what is in it. */
  readonly inside: Windows | undefined;
}

const unknown: Known = { head: [], tail: [], whole: false, inside: undefined };
const empty: Known = { ...unknown, whole: true };

/** What every text must have in it that `root` matches somewhere; undefined where that is nothing worth a look. */
export function windowsOf(root: Re2): Windows | undefined {
  const { inside } = knownOf(root);
  return inside && oddsOf(inside) <= MAX_ODDS ? inside : undefined;
}

function knownOf(node: Re2): Known {
  switch (node.kind) {
    case 'set': {
      const set = setOf(membersOf(node));
      const window = [set];
      return { head: window, tail: window, whole: set.members[OTHERS] === 0, inside: [window] };
    }
    case 'assert':
      return empty;
    case 'capture':
      return knownOf(node.inner);
    case 'concat':
      return node.parts.map(knownOf).reduce(behind, empty);
    case 'alternate':
      return node.parts.map(knownOf).reduce(either);
    case 'repeat': {
      if (node.min === 0) return unknown;
      const inner = knownOf(node.inner);
      let all = inner;
      for (let turn = 1; turn < Math.min(node.min, MAX_WIDTH); turn++) all = behind(all, inner);
      return { ...all, whole: all.whole && node.max === node.min && node.min <= MAX_WIDTH };
    }
  }
}

function behind(a: Known, b: Known): Known {
  const head = a.whole ? [...a.head, ...b.head] : a.head;
  const tail = b.whole ? [...a.tail, ...b.tail] : b.tail;
  return {
    head: head.slice(0, MAX_WIDTH),
    tail: tail.slice(-MAX_WIDTH),
    whole: a.whole && b.whole && head.length <= MAX_WIDTH,
    inside: leastLikely([a.inside, b.inside, ...partsOf([...a.tail, ...b.head], MAX_WIDTH)]),
  };
}

function either(a: Known, b: Known): Known {
  const most = Math.min(a.head.length, b.head.length);
  const last = Math.min(a.tail.length, b.tail.length);
  return {
    head: union(a.head.slice(0, most), b.head),
    tail: union(a.tail.slice(a.tail.length - last), b.tail.slice(b.tail.length - last)),
    whole: a.whole && b.whole && a.head.length === b.head.length,
    inside: a.inside && b.inside && fewer([...a.inside, ...b.inside], MAX_WINDOWS),
  };
}

/** @param b at least as wide as `a` */
function union(a: Window, b: Window): Window {
  return a.map(({ members }, at) => setOf(members.map((member, byte) => member | b[at]!.members[byte]!)));
}

/** At most so many, each instead of a few that stand side by side. */
export function fewer(windows: Windows, most: number): Windows {
  if (windows.length <= most) return windows;
  const size = Math.ceil(windows.length / most);
  const groups = Array.from({ length: Math.ceil(windows.length / size) }, (_, i) =>
    windows.slice(i * size, (i + 1) * size),
  );
  return groups.map((group) => group.reduce((a, b) => (a.length <= b.length ? union(a, b) : union(b, a))));
}

/** The part of a window that says no most often, `width` bytes at most. */
export function narrowed(window: Window, width: number): Window {
  return window.length <= width ? window : leastLikely(partsOf(window, width))![0]!;
}

/** All that can be cut out of a row of bytes. */
function partsOf(row: Window, width: number): Windows[] {
  const all: Windows[] = [];
  for (let at = 0; at < row.length; at++) {
    for (let end = at + 1; end <= Math.min(row.length, at + width); end++) all.push([row.slice(at, end)]);
  }
  return all;
}

function leastLikely(all: readonly (Windows | undefined)[]): Windows | undefined {
  let best: Windows | undefined;
  let least = Infinity;
  for (const windows of all) {
    const odds = windows ? oddsOf(windows) : Infinity;
    if (odds >= least) continue;
    best = windows;
    least = odds;
  }
  return best;
}

/** How often one of them is met at a place of a text, roughly. */
function oddsOf(windows: Windows): number {
  let sum = 0;
  for (const window of windows) {
    let rarest = 1;
    let others = 1;
    for (const { share } of window) {
      others *= Math.max(MIN_ODDS_OF_NEXT, rarest, share);
      rarest = Math.min(rarest, share);
    }
    sum += rarest * others;
  }
  return sum;
}

function setOf(members: Uint8Array): ByteSet {
  let share = 0;
  for (let byte = 0; byte <= OTHERS; byte++) if (members[byte] === 1) share += weights[byte]!;
  return { members, share: share / totalWeight };
}

/** How common bytes are in names, paths, addresses and messages. */
const weights = Array.from({ length: OTHERS + 1 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (byte === OTHERS || /[etaoinsrl ./-]/.test(character)) return 6;
  return /[a-z0-9]/.test(character) ? 3 : 1;
});
const totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
