import { letterPairs, threshold } from './letter_pairs.ts';

/** Segments behind this many slashes are left out. */
const maxSegments = 10;
const SLASH = 0x2f;
const STAR = 0x2a;
const SPACE = 0x20;

/**
 * A URL, path or span name with a star for each segment that is no word: `/users/4711` is `/users/*`. What follows `?`,
 * `&` or `#` goes. A word is made of letters, spaces, `-`, `_` and `.`, and of anything in its second place, and its letters
 * follow each other as they do in English.
 *
 * Source: https://github.com/grafana/clusterurl, ClusterURL
 */
export function sanitizedUrl(url: string): string {
  const bytes = Buffer.from(url);
  const out: number[] = [];
  let segment: number[] = [];
  let isWord = true;
  let slashes = 0;
  const close = (judge: boolean) => {
    if (!isWord || (judge && segment.length > 0 && !soundsLikeWord(segment))) out.push(STAR);
    else out.push(...segment);
  };
  for (const byte of bytes) {
    if (byte === 0x3f || byte === 0x26 || byte === 0x23) {
      close(false);
      return Buffer.from(out).toString();
    }
    if (byte === SLASH) {
      slashes++;
      if (slashes === maxSegments) return last(out, segment, isWord);
      close(true);
      out.push(SLASH);
      segment = [];
      isWord = true;
    } else if (isWord) {
      segment.push(byte);
      isWord = isPlain(byte) || segment.length === 2;
    }
  }
  close(true);
  return Buffer.from(out).toString();
}

/** Upstream judges the last segment twice, what is left of it after the first time once more. */
function last(out: number[], segment: readonly number[], isWord: boolean): string {
  if (!isWord) out.push(STAR, STAR);
  else if (segment.length > 0 && !soundsLikeWord(segment)) {
    const rest = segment.slice(1);
    out.push(STAR);
    if (rest.length > 0) out.push(...(soundsLikeWord(rest) ? rest : [STAR]));
  } else out.push(...segment);
  return Buffer.from(out).toString();
}

/** Nothing but stars between slashes, at least one. */
export function isFullyStarred(url: string): boolean {
  return url.includes('*') && url.split('/').every((segment) => segment === '' || segment === '*');
}

const isLetter = (byte: number) => (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a);
const isPlain = (byte: number) => isLetter(byte) || byte === 0x2d || byte === 0x5f || byte === 0x2e || byte === SPACE;

function soundsLikeWord(bytes: readonly number[]): boolean {
  let before = -1;
  let sum = 0;
  let pairs = 0;
  for (const byte of bytes) {
    if (!isLetter(byte) && byte !== SPACE) continue;
    const letter = byte === SPACE ? 26 : (byte | 0x20) - 0x61;
    if (before >= 0) {
      sum -= letterPairs[before]![letter]! / 1e6;
      pairs++;
    }
    before = letter;
  }
  return Math.exp(sum / Math.max(1, pairs)) > threshold;
}
