/** What a client may make this server do. All of it has defaults. */
export interface H2Limits {
  /** Calls of one connection at a time, those included whose handler still works after the client reset them. */
  readonly maxConcurrentStreams: number;
  /** Bytes of a request's header list as RFC 9113 6.5.2 counts them. */
  readonly maxHeaderListBytes: number;
  /** Bytes of one gRPC message, compressed and inflated. */
  readonly maxMessageBytes: number;
  /** Bytes of one plain HTTP request body as it comes. */
  readonly maxHttpBodyBytes: number;
  /** Bytes a connection may have under way to us before we take them in. */
  readonly connectionWindowBytes: number;
  /** Bytes of answers a client may leave unread before we stop reading from it. */
  readonly maxUnreadAnswerBytes: number;
  /** Milliseconds for the preface, the first SETTINGS and its acknowledgement, and for each header block. */
  readonly headerTimeoutMs: number;
  /** Milliseconds a body may pause; from then on it must also have come at `minBodyBytesPerSecond` on average. */
  readonly bodyIdleTimeoutMs: number;
  /** Stops the sender of one byte a second. */
  readonly minBodyBytesPerSecond: number;
  /** Milliseconds a client may leave answers unread, or its window shut while an answer waits. */
  readonly writeTimeoutMs: number;
  /** Resets, by the client or because of its errors, that a connection may pile up, and how many a second are forgiven. */
  readonly resetBurst: number;
  readonly resetsPerSecond: number;
  /** The same for frames that ask for work and carry nothing; each call forgives a few as well. */
  readonly noiseBurst: number;
  readonly noisePerSecond: number;
}

export const defaultLimits: H2Limits = {
  maxConcurrentStreams: 1000,
  maxHeaderListBytes: 64 * 1024,
  maxMessageBytes: 4 * 1024 * 1024,
  maxHttpBodyBytes: 20 * 1024 * 1024,
  connectionWindowBytes: 4 * 1024 * 1024,
  maxUnreadAnswerBytes: 1024 * 1024,
  headerTimeoutMs: 10_000,
  bodyIdleTimeoutMs: 30_000,
  minBodyBytesPerSecond: 240,
  writeTimeoutMs: 30_000,
  resetBurst: 1000,
  resetsPerSecond: 33,
  noiseBurst: 1000,
  noisePerSecond: 100,
};

/** The names and meaning of gRPC's server keepalive, grpc-go's `keepalive` package. Milliseconds; Infinity is off. */
export interface Keepalive {
  readonly maxConnectionIdleMs: number;
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
  /** A connection that is silent for so long is asked for a sign of life. */
  readonly timeMs: number;
  /** How long that sign may take. */
  readonly timeoutMs: number;
  /** `enforcement_policy`: the least time between a client's pings. */
  readonly minTimeMs: number;
  readonly permitWithoutStream: boolean;
}

export const defaultKeepalive: Keepalive = {
  maxConnectionIdleMs: Number.POSITIVE_INFINITY,
  maxConnectionAgeMs: Number.POSITIVE_INFINITY,
  maxConnectionAgeGraceMs: Number.POSITIVE_INFINITY,
  timeMs: 2 * 3_600_000,
  timeoutMs: 20_000,
  minTimeMs: 300_000,
  permitWithoutStream: false,
};

/** A level that rises with each event and sinks with time; over `burst` it has had enough. */
export class LeakyBucket {
  #level = 0;
  #at = 0;
  readonly burst: number;
  readonly perSecond: number;

  constructor(burst: number, perSecond: number) {
    this.burst = burst;
    this.perSecond = perSecond;
  }

  /** @returns false when this is one too many */
  add(now: number): boolean {
    this.#level = Math.max(0, this.#level - ((now - this.#at) / 1000) * this.perSecond) + 1;
    this.#at = now;
    return this.#level <= this.burst;
  }

  forgive(events: number): void {
    this.#level = Math.max(0, this.#level - events);
  }
}
