import type { Keepalive } from './limits.ts';

/** grpc-go: the third ping that comes too soon ends the connection. */
const MAX_STRIKES = 2;
/** Without streams and without permission a client has no reason to ping more often than this. */
const IDLE_PING_MS = 2 * 3_600_000;

export type Verdict = 'fine' | 'ping' | 'dead' | 'idle' | 'old' | 'overdue';

/** When a connection is asked for a sign of life, is idle, is too old: gRPC's keepalive, on times it is told. */
export class Lifetime {
  readonly #rules: Keepalive;
  readonly #maxAge: number;
  readonly #bornAt: number;
  #heardAt: number;
  #idleSince: number;
  #pingedAt: number | undefined;
  #leavingAt: number | undefined;
  #strikes = 0;
  #clientPingedAt = Number.NEGATIVE_INFINITY;
  #answeredSincePing = true;

  /** @param random uniform in [0, 1): ±10% of the age, so that connections do not all end at once */
  constructor(rules: Keepalive, now: number, random: number) {
    this.#rules = rules;
    this.#bornAt = now;
    this.#heardAt = now;
    this.#idleSince = now;
    this.#maxAge = rules.maxConnectionAgeMs * (0.9 + 0.2 * random);
  }

  heard(now: number): void {
    this.#heardAt = now;
    this.#pingedAt = undefined;
  }

  /** The last stream ended. */
  idle(now: number): void {
    this.#idleSince = now;
  }

  leaving(now: number): void {
    this.#leavingAt ??= now;
  }

  /** An answer was sent: pings since then are the client's right (it measures its bandwidth by them). */
  answered(): void {
    this.#answeredSincePing = true;
  }

  /** @returns false for a ping too many: ENHANCE_YOUR_CALM, "too_many_pings" */
  clientPing(now: number, streams: number): boolean {
    const before = this.#clientPingedAt;
    this.#clientPingedAt = now;
    if (this.#answeredSincePing) {
      this.#answeredSincePing = false;
      this.#strikes = 0;
      return true;
    }
    const { minTimeMs, permitWithoutStream } = this.#rules;
    const least = streams === 0 && !permitWithoutStream ? IDLE_PING_MS : minTimeMs;
    if (now - before < least) this.#strikes++;
    return this.#strikes <= MAX_STRIKES;
  }

  check(now: number, streams: number): Verdict {
    const { timeMs, timeoutMs, maxConnectionIdleMs, maxConnectionAgeGraceMs } = this.#rules;
    if (this.#pingedAt !== undefined && now - this.#pingedAt >= timeoutMs) return 'dead';
    if (this.#leavingAt !== undefined && now - this.#leavingAt >= maxConnectionAgeGraceMs) return 'overdue';
    if (this.#leavingAt === undefined) {
      if (now - this.#bornAt >= this.#maxAge) return 'old';
      if (streams === 0 && now - this.#idleSince >= maxConnectionIdleMs) return 'idle';
    }
    if (this.#pingedAt === undefined && now - this.#heardAt >= timeMs) {
      this.#pingedAt = now;
      return 'ping';
    }
    return 'fine';
  }
}
