import type { BatchContext, ClientMetadata } from '../core/consumer.ts';

/** A request as a batch's context sees it: gRPC calls and HTTP requests alike. */
export interface Origin {
  readonly peer: string;
  /** Costs an AbortController when first read. */
  readonly abort: AbortSignal;
}

/** The context of a batch that came over the network. The abort signal is made only for those who ask. */
export class RequestContext implements BatchContext {
  readonly metadata: ClientMetadata | undefined;
  readonly auth: Readonly<Record<string, string>> | undefined;
  readonly #origin: Origin;

  constructor(
    origin: Origin,
    metadata: ClientMetadata | undefined,
    auth: Readonly<Record<string, string>> | undefined,
  ) {
    this.#origin = origin;
    this.metadata = metadata;
    this.auth = auth;
  }

  get abort(): AbortSignal {
    return this.#origin.abort;
  }

  get clientAddress(): string {
    return this.#origin.peer;
  }
}
