/**
 * Code lengths of RFC 7541 appendix B by symbol, the last being EOS. The code is canonical: within a length
 * codes ascend with the symbol, so that the lengths alone define it.
 */
// biome-ignore format: a table
const lengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
];

const EOS = 256;
const EMITS = 0x100;
const ACCEPTS = 0x200;
const FAILS = 0x400;

/** For state × next four bits: the next state << 16, flags, and the symbol that those bits complete. */
const machine = buildMachine();

/**
 * Decodes a Huffman string (RFC 7541 5.2) into `into`, which must have room for 8 / 5 of the input.
 * @returns the decoded length, or -1 for EOS, or for padding that is longer than 7 bits or not all ones.
 */
export function decodeHuffman(from: Uint8Array, start: number, end: number, into: Uint8Array): number {
  let state = 0;
  let step = ACCEPTS;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = from[at]!;
    step = machine[(state << 4) | (byte >> 4)]!;
    if (step & EMITS) into[length++] = step & 0xff;
    if (step & FAILS) return -1;
    step = machine[((step >>> 16) << 4) | (byte & 15)]!;
    if (step & EMITS) into[length++] = step & 0xff;
    if (step & FAILS) return -1;
    state = step >>> 16;
  }
  return step & ACCEPTS ? length : -1;
}

/** Symbols in the order of their codes, each with its code. */
function codes(): { symbol: number; code: number; length: number }[] {
  const order = [...lengths.keys()].sort((a, b) => lengths[a]! - lengths[b]! || a - b);
  let code = 0;
  let before = 0;
  return order.map((symbol) => {
    const length = lengths[symbol]!;
    code *= 2 ** (length - before);
    before = length;
    return { symbol, code: code++, length };
  });
}

function buildMachine(): Uint32Array {
  // A binary tree as an array: children of node n at 2n and 2n + 1; a leaf is stored as -1 - symbol.
  const tree: number[] = [0, 0];
  for (const { symbol, code, length } of codes()) {
    let node = 0;
    for (let bit = length - 1; bit >= 0; bit--) {
      const slot = node * 2 + (Math.floor(code / 2 ** bit) & 1);
      if (bit === 0) tree[slot] = -1 - symbol;
      else if (!tree[slot]) {
        tree[slot] = tree.length / 2;
        tree.push(0, 0);
      }
      node = tree[slot]!;
    }
  }
  const accepting = new Set([0]);
  for (let node = 0, depth = 0; depth < 7; depth++) accepting.add((node = tree[node * 2 + 1]!));
  const machine = new Uint32Array((tree.length / 2) * 16);
  for (let state = 0; state < tree.length / 2; state++) {
    for (let bits = 0; bits < 16; bits++) machine[state * 16 + bits] = follow(tree, accepting, state, bits);
  }
  return machine;
}

function follow(tree: readonly number[], accepting: ReadonlySet<number>, state: number, bits: number): number {
  let node = state;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = tree[node * 2 + ((bits >> bit) & 1)]!;
    if (next >= 0) {
      node = next;
      continue;
    }
    const symbol = -1 - next;
    if (symbol === EOS) return FAILS;
    emitted = EMITS | symbol; // the shortest code has five bits: at most one symbol in four bits
    node = 0;
  }
  return ((node << 16) | emitted | (accepting.has(node) ? ACCEPTS : 0)) >>> 0;
}
