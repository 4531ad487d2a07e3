import type { BatchContext, ClientMetadata } from '../core/consumer.ts';

/** A request as a batch's context sees it: gRPC calls and HTTP requests alike. */
export interface Origin {
  readonly peer: string;
  readonly abort: AbortSignal;
}

/** The context of a batch that came over the network. A plain object, because the pipeline adds to it by copying. */
export function requestContext(
  origin: Origin,
  metadata: ClientMetadata | undefined,
  auth: Readonly<Record<string, string>> | undefined,
): BatchContext {
  return { abort: origin.abort, metadata, auth, clientAddress: origin.peer };
}
