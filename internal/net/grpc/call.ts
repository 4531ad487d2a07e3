import { type Channel, status as grpcStatus, type Metadata, type StatusObject } from '@grpc/grpc-js';

/** The end of one unary call, before anyone judged it. */
export interface CallEnd {
  readonly code: number;
  readonly details: string;
  /** Trailers. */
  readonly metadata: Metadata;
  /** The answer with its prefix, where there was one. */
  readonly framed: Buffer | undefined;
  /** `grpc-encoding` of the answer. */
  readonly encoding: string;
}

/**
 * One unary call on a channel whose messages are framed by us. Straight on the channel and not through `Client`,
 * which records a stack trace and builds an interceptor chain for each call.
 * Never rejects; an abort ends the call with CANCELLED and the reason of the abort.
 */
export function unaryCall(
  channel: Channel,
  path: string,
  metadata: Metadata,
  authority: string | undefined,
  request: Buffer,
  abort: AbortSignal | undefined,
): Promise<CallEnd> {
  return new Promise((resolve) => {
    const call = channel.createCall(path, Number.POSITIVE_INFINITY, authority, null, null);
    const onAbort = () => call.cancelWithStatus(grpcStatus.CANCELLED, abortReason(abort!));
    let framed: Buffer | undefined;
    let encoding = 'identity';
    call.start(metadata, {
      onReceiveMetadata(headers) {
        encoding = String(headers.get('grpc-encoding')[0] ?? 'identity');
      },
      onReceiveMessage(message: Buffer) {
        framed = message;
      },
      onReceiveStatus(end: StatusObject) {
        abort?.removeEventListener('abort', onAbort);
        resolve({ code: end.code, details: end.details, metadata: end.metadata, framed, encoding });
      },
    });
    call.sendMessageWithContext({}, request);
    call.startRead();
    call.halfClose();
    if (abort?.aborted) onAbort();
    else abort?.addEventListener('abort', onAbort, { once: true });
  });
}

export function abortReason(abort: AbortSignal): string {
  const reason: unknown = abort.reason;
  return reason instanceof Error ? reason.message : String(reason ?? 'given up');
}
