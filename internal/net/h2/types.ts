import type { ClientMetadata } from '../../core/consumer.ts';

/** gRPC status codes, https://grpc.io/docs/guides/status-codes/ */
export type GrpcCode = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16;

/** The end of a unary call: a message, or a status other than OK. */
export type GrpcAnswer =
  | { readonly code: 0; readonly message: Uint8Array }
  | {
      readonly code: Exclude<GrpcCode, 0>;
      readonly reason: string;
      /** A serialized google.rpc.Status for `grpc-status-details-bin`. */
      readonly details?: Uint8Array;
    };

/** What is known of a call once its headers are in. Header values are decoded when asked for. */
export interface CallHead {
  readonly path: string;
  /** host:port of the peer, or the socket path. */
  readonly peer: string;
  header(name: string): string | undefined;
  metadata(): ClientMetadata;
  /** Fires when the client resets the call, goes away, or `grpc-timeout` passes. Made when first read. */
  readonly abort: AbortSignal;
}

export interface UnaryMethod {
  /** After the headers and before the body; an answer refuses the call and no body is read. */
  admit?(call: CallHead): GrpcAnswer | undefined | Promise<GrpcAnswer | undefined>;
  /** Told of a call that the server refused by itself (too large, no memory, ill-formed), so that it can be counted. */
  turnedAway?(reason: string): void;
  /** The whole message, decompressed. Its bytes stay counted in the budget until the promise settles. */
  handle(message: Uint8Array, call: CallHead): Promise<GrpcAnswer>;
}

/** A plain HTTP request over HTTP/2 (OTLP/HTTP from a client that speaks h2). */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly peer: string;
  header(name: string): string | undefined;
  metadata(): ClientMetadata;
  readonly abort: AbortSignal;
}
export interface HttpAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
export interface HttpHandler {
  /** After the headers; an answer refuses the request and no body is read. */
  admit?(request: HttpRequest): HttpAnswer | undefined | Promise<HttpAnswer | undefined>;
  /** The answers to a body over the limit, and to one that finds no memory; without them the server says it in plain text. */
  tooLarge?(request: HttpRequest): HttpAnswer;
  noRoom?(request: HttpRequest): HttpAnswer;
  /** The body as it came (content-encoding not yet undone). */
  handle(body: Uint8Array, request: HttpRequest): Promise<HttpAnswer>;
}
