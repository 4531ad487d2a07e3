/**
 * What became of one batch: the only failure vocabulary between components.
 * Mapped to gRPC and HTTP answers, and back, by `internal/net/status.ts` alone.
 */
export type Outcome = Accepted | Retryable | Permanent;

export interface Accepted {
  readonly status: 'accepted';
  /** Items of the batch that the far end refused for good (OTLP partial success). */
  readonly rejectedItems?: number;
  /** The far end's words about `rejectedItems`, or a warning with none rejected. */
  readonly reason?: string;
}

export interface Retryable {
  readonly status: 'retryable';
  readonly reason: string;
  /** Milliseconds the sender should wait before it sends again. */
  readonly retryAfterMs?: number;
  /** A rate limit and not an outage: 429 rather than 503, RESOURCE_EXHAUSTED rather than UNAVAILABLE. */
  readonly limited?: boolean;
  readonly cause?: unknown;
}

export interface Permanent {
  readonly status: 'permanent';
  readonly code: PermanentCode;
  readonly reason: string;
  readonly cause?: unknown;
}

/** Why sending the same bytes again cannot help. */
export type PermanentCode =
  | 'invalid' // not OTLP, or values no receiver may accept
  | 'too_large'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'unimplemented'
  | 'rejected' // the far end said no, for a reason of its own
  | 'shutdown' // this process stops and cannot keep the batch
  | 'bug'; // a throw that reached a component's edge

export const accepted: Accepted = Object.freeze({ status: 'accepted' });

/** Shared, so that saying yes allocates nothing. */
export const acceptedPromise: Promise<Outcome> = Promise.resolve(accepted);

export function partial(rejectedItems: number, reason: string): Accepted {
  return { status: 'accepted', rejectedItems, reason };
}

export function retryable(reason: string, retryAfterMs?: number, cause?: unknown): Retryable {
  return { status: 'retryable', reason, retryAfterMs, cause };
}

export function permanent(code: PermanentCode, reason: string, cause?: unknown): Permanent {
  return { status: 'permanent', code, reason, cause };
}

/** Fan-out's verdict: retryable over permanent over accepted, so that delivery is at least once. */
export function worst(a: Outcome, b: Outcome): Outcome {
  return rank(b) > rank(a) ? b : a;
}

function rank(outcome: Outcome): number {
  if (outcome.status === 'retryable') return 3;
  if (outcome.status === 'permanent') return 2;
  return outcome.rejectedItems ? 1 : 0;
}
