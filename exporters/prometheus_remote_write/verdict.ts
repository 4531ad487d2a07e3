import type { PermanentCode } from '../../internal/core/outcome.ts';
import type { HttpEnd } from '../../internal/net/http/post.ts';
import { parseRetryAfter } from '../../internal/net/status.ts';
import type { Wrote } from './request.ts';

/** What a server made of one request. */
export type Verdict =
  /** `lost` samples and histograms were refused: some of a 2.0 request, counted by its headers. */
  | { readonly kind: 'written'; readonly lost: number; readonly reason: string; readonly refusal: Refusal }
  | { readonly kind: 'again'; readonly reason: string; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'refused'; readonly reason: string; readonly refusal: Refusal; readonly code: PermanentCode }
  /** The server has thrown all of it away for the sake of some samples, or its size: the rest goes again in halves. */
  | { readonly kind: 'divide'; readonly reason: string; readonly refusal: Refusal; readonly code: PermanentCode }
  /** The server does not know remote write 2.0, and has written nothing. */
  | { readonly kind: 'old_server'; readonly reason: string };

/** Why a server does not want samples. */
export type Refusal =
  | 'out_of_order'
  | 'too_old'
  | 'duplicate'
  | 'out_of_bounds'
  | 'invalid_labels'
  | 'invalid_histogram'
  | 'too_large'
  | 'limit'
  | 'rejected';

/** The words of Prometheus, Mimir, Cortex and Thanos. */
const words: readonly (readonly [RegExp, Refusal])[] = [
  [/too old sample|sample-timestamp-too-old|too old/i, 'too_old'],
  [/duplicate sample|sample-duplicate-timestamp|same timestamp, but a different value/i, 'duplicate'],
  [/out of bounds|too far in the future|too-far-in-future/i, 'out_of_bounds'],
  [/out[- ]of[- ]order/i, 'out_of_order'],
  [/histogram/i, 'invalid_histogram'],
  [/label|metric name/i, 'invalid_labels'],
  [/limit|too many|max-/i, 'limit'],
];

/**
 * Prometheus 1.0 handling: the first of these ends the request, and everything in it is rolled back. The bare error is
 * the whole body then; stores that keep the rest say more.
 */
const rolledBack =
  /^(out of order sample|out of bounds|duplicate sample for timestamp|too old sample|.*histogram)(?!.*(for series|user=|err-))/i;

export interface Answered {
  readonly version: 1 | 2;
  readonly wrote: Wrote;
  /** The server has shown before that it knows 2.0. */
  readonly confirmed: boolean;
  readonly now: number;
}

export function judge(end: HttpEnd, { version, wrote, confirmed, now }: Answered): Verdict {
  const { status } = end;
  const told = Buffer.from(end.body.subarray(0, 512)).toString('utf8').replace(/\s+/g, ' ').trim();
  const refusal = refusalOf(status, told);
  const reason = `HTTP ${status}: ${told || 'no reason given'}${advice[refusal] ?? ''}`;
  const written = version === 2 ? writtenOf(end) : undefined;
  if (version === 2 && !written && (status < 300 || status === 415 || (status === 400 && !confirmed))) {
    return { kind: 'old_server', reason };
  }
  if (status === 429 || status >= 500) {
    return { kind: 'again', reason, retryAfterMs: parseRetryAfter(end.header('retry-after'), now) };
  }
  if (status < 300 || (written && status === 400)) {
    const lost = written ? Math.max(0, wrote.samples + wrote.histograms - written.samples - written.histograms) : 0;
    return { kind: 'written', lost, reason, refusal };
  }
  const code = codes.get(status) ?? 'rejected';
  const divisible = status === 413 || (version === 1 && status === 400 && rolledBack.test(told));
  return { kind: divisible ? 'divide' : 'refused', reason, refusal, code };
}

function refusalOf(status: number, told: string): Refusal {
  if (status === 413) return 'too_large';
  for (const [pattern, refusal] of words) if (pattern.test(told)) return refusal;
  return 'rejected';
}

/** What it usually means. */
const advice: Readonly<Partial<Record<Refusal, string>>> = {
  out_of_order: ' (do two senders write the same series?)',
  duplicate: ' (do two senders write the same series?)',
};

export interface Written {
  readonly samples: number;
  readonly histograms: number;
  readonly exemplars: number;
}

/** @returns undefined where the server counts nothing, as one does that does not know 2.0 */
export function writtenOf(end: HttpEnd): Written | undefined {
  const header = (of: string) => end.header(`x-prometheus-remote-write-${of}-written`);
  const [samples, histograms, exemplars] = [header('samples'), header('histograms'), header('exemplars')];
  if (samples === undefined && histograms === undefined && exemplars === undefined) return undefined;
  const count = (value = '') => (/^\d{1,15}$/.test(value) ? Number(value) : 0);
  return { samples: count(samples), histograms: count(histograms), exemplars: count(exemplars) };
}

/** What is left after 400: the batch is not to be taken apart by others, hence never `invalid` or `too_large`. */
const codes: ReadonlyMap<number, PermanentCode> = new Map([
  [401, 'unauthenticated'],
  [403, 'permission_denied'],
  [404, 'not_found'],
  [405, 'unimplemented'],
  [415, 'unimplemented'],
]);
