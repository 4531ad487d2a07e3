import type { CharSet, Re2 } from './re2_ast.ts';

const assertions = {
  textStart: '^',
  textEnd: '$',
  lineStart: '(?:^|(?<=\\n))',
  lineEnd: '(?:$|(?=\\n))',
  word: '\\b',
  noWord: '\\B',
};

/** The pattern as JavaScript writes it, for a RegExp with the flag `u`. */
export function sourceOf(node: Re2): string {
  switch (node.kind) {
    case 'set':
      return setSource(node);
    case 'assert':
      return assertions[node.what];
    case 'concat':
      return node.parts.map((part) => (part.kind === 'alternate' ? `(?:${sourceOf(part)})` : sourceOf(part))).join('');
    case 'alternate':
      return node.parts.map(sourceOf).join('|');
    case 'capture':
      return `(${sourceOf(node.inner)})`;
    case 'repeat': {
      const { min, max } = node;
      const count = max === Infinity ? `{${min},}` : `{${min},${max}}`;
      return `${atomSource(node.inner)}${count}${node.greedy ? '' : '?'}`;
    }
  }
}

function atomSource(node: Re2): string {
  return node.kind === 'set' || node.kind === 'capture' ? sourceOf(node) : `(?:${sourceOf(node)})`;
}

/** One set, as a class; in a group of its own where case does not matter. */
export function setSource(set: CharSet): string {
  let items = '';
  for (let i = 0; i < set.ranges.length; i += 2) {
    const from = set.ranges[i]!;
    const to = set.ranges[i + 1]!;
    items += from === to ? code(from) : `${code(from)}-${code(to)}`;
  }
  const source = `[${set.negated ? '^' : ''}${items}${set.properties.join('')}]`;
  return set.fold ? `(?i:${source})` : source;
}

function code(point: number): string {
  const letter = String.fromCharCode(point);
  return point < 0x80 && /[\w/ ]/.test(letter) ? letter : `\\u{${point.toString(16)}}`;
}
