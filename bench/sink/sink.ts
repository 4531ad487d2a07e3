/** A backend of the subject. It answers every request, and hands its message on before it does. */
export interface Sink {
  readonly port: number;
  close(): Promise<void>;
}

export interface SinkOptions {
  /** One whole Export*ServiceRequest, decompressed; its bytes are used again after the call. A throw ends up in `onFailure`. */
  onMessage(message: Uint8Array): void;
  /** What the sink does not understand: the measurement is void. */
  onFailure(error: Error): void;
  /** How long it takes to answer. */
  readonly delayMs?: number;
  /** Answers all with this instead of success: a gRPC or an HTTP status. The message is then not handed on. */
  readonly refuse?: number;
}
