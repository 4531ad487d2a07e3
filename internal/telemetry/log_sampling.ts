import type { Clock } from '../core/clock.ts';
import type { LogSampling } from '../core/resolved.ts';

/** Different texts remembered per round; the ones after are written unthinned. */
const maxTexts = 4096;

interface Seen {
  count: number;
  /** Lines left out since the last one written. */
  omitted: number;
}

/** @returns a function that answers -1 to leave a line out, else how many of its kind were left out before it. */
export function logSampler(sampling: LogSampling, clock: Clock): (text: string) => number {
  const seen = new Map<string, Seen>();
  let roundEnds = Number.NEGATIVE_INFINITY;
  return (text) => {
    const now = clock.monotonic();
    if (now >= roundEnds) {
      roundEnds = now + sampling.tickMs;
      for (const [key, entry] of seen) {
        // What was left out is told by the next line of its kind, in whichever round that comes.
        if (entry.omitted === 0) seen.delete(key);
        else entry.count = 0;
      }
    }
    const entry = seen.get(text);
    if (!entry) {
      if (seen.size < maxTexts) seen.set(text, { count: 1, omitted: 0 });
      return 0;
    }
    entry.count += 1;
    const over = entry.count - sampling.initial;
    if (over > 0 && (sampling.thereafter === 0 || over % sampling.thereafter !== 0)) {
      entry.omitted += 1;
      return -1;
    }
    const { omitted } = entry;
    entry.omitted = 0;
    return omitted;
  };
}
