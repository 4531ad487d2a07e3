/** A longer word is no slip of the pen, and costs too much to compare. */
const longest = 64;

/** @returns the candidate that `word` most likely meant, or nothing if none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > longest) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  // A third of the letters may be wrong; a one-letter word resembles everything.
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = squash(wanted) === squash(candidate) ? 0 : editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `sendBatchSize`, `send-batch-size` and `send_batch_size` are the same but for spelling. */
function squash(word: string): string {
  return word.toLowerCase().replace(/[_\-\s]/g, '');
}

/** Levenshtein's distance with swaps of neighbours counted once. */
export function editDistance(a: string, b: string): number {
  if (a.length > longest || b.length > longest) return a === b ? 0 : longest;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
