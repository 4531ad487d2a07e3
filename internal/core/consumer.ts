import type { Payload } from '../otlp/payload.ts';
import type { Account } from './ledger.ts';
import type { Outcome } from './outcome.ts';

/** Takes one batch. Expected failures are values; a rejected promise is a bug. */
export interface Consumer {
  consume(batch: Payload, ctx: BatchContext): Promise<Outcome>;
}

/** What travels beside a batch. Immutable: a component that changes something passes a new one on. */
export interface BatchContext {
  /** The caller has gone. A component that has said yes (a queue) must not pass it on. */
  readonly abort?: AbortSignal | undefined;
  /** Headers of the request, with `include_metadata` only. */
  readonly metadata?: ClientMetadata | undefined;
  /** What the server authenticator found out about the client. */
  readonly auth?: Readonly<Record<string, string>> | undefined;
  /** Address of the peer, host:port. */
  readonly clientAddress?: string | undefined;
  /**
   * The caller has said yes already and will offer the batch until it is taken: so a fan-out may wait for the one branch that refuses,
   * rather than have all of them offered the batch again.
   */
  readonly persistent?: boolean | undefined;
  /** Set at an exporter's edge: where its items are accounted for. */
  readonly account?: Account | undefined;
}

/** Header names in lower case, each with its values in order. */
export type ClientMetadata = ReadonlyMap<string, readonly string[]>;

export const noContext: BatchContext = Object.freeze({});
