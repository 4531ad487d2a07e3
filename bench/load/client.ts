/** Sends prebuilt requests and says how each was answered. A slot is a place for one request in flight. */
export interface Client {
  readonly slots: number;
  /** Sends the body of this slot, which must be free, stamped with this request number. Goes out with `flush`. */
  send(slot: number, request: number): void;
  flush(): void;
  close(): void;
}

export interface ClientEvents {
  /** The slot is free again. `error` is undefined on success, else such as "grpc 14" or "http 503". */
  onAnswer(slot: number, error: string | undefined): void;
  /** The connection is lost or the peer does what this client does not understand: the measurement is void. */
  onFailure(error: Error): void;
}
