import type { PointTable, RequestBuilder, Wrote } from './request.ts';
import type { Verdict } from './verdict.ts';
import type { Work } from './work.ts';

/** A request on its way. Turns into one of version 1 where the server knows no other. */
export interface Request {
  version: 1 | 2;
  /** Compressed. */
  body: Buffer;
  points: PointTable<Work>;
  wrote: Wrote;
  /** A try got no answer: the server may have written it. */
  unanswered?: boolean;
}

/** What a lane needs of the exporter. */
export interface LaneTools {
  builder(): RequestBuilder<Work>;
  seal(builder: RequestBuilder<Work>): Request;
  /** Sends until the request is written, refused or given up. */
  deliver(request: Request): Promise<Verdict>;
  /** What a verdict means for the data points of a request; parts of it may be sent again for that. */
  settle(request: Request, verdict: Verdict): Promise<void>;
  /** A bug: delivering or settling has thrown. */
  failed(request: Request, error: unknown): void;
  /** Bytes of a request before compression. */
  readonly maxBytes: number;
}

/**
 * Requests one after the other. A series belongs to one lane, so that its samples arrive in their order.
 * What comes while a request is under way gathers in the next one.
 */
export class Lane {
  readonly #tools: LaneTools;
  readonly #sealed: Request[] = [];
  #open: RequestBuilder<Work> | undefined;
  #busy = false;

  constructor(tools: LaneTools) {
    this.#tools = tools;
  }

  /** The request that is being filled. */
  get open(): RequestBuilder<Work> {
    this.#open ??= this.#tools.builder();
    return this.#open;
  }

  /** To be called between points: a request that has grown too large is closed. */
  cut(): void {
    const open = this.#open;
    if (open && open.size >= this.#tools.maxBytes) this.#sealed.push(this.#tools.seal(open));
  }

  /** The protocol has changed: what comes needs a builder of another kind. To be called between points. */
  renew(): void {
    if (this.#open && this.#open.size > 0) this.#sealed.push(this.#tools.seal(this.#open));
    this.#open = undefined;
  }

  kick(): void {
    if (!this.#busy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    for (let next = this.#next(); next; next = this.#next()) await this.#send(next);
    this.#busy = false;
  }

  async #send(request: Request): Promise<void> {
    try {
      await this.#tools.settle(request, await this.#tools.deliver(request));
    } catch (error) {
      this.#tools.failed(request, error);
    }
  }

  #next(): Request | undefined {
    const sealed = this.#sealed.shift();
    if (sealed) return sealed;
    return this.#open && this.#open.size > 0 ? this.#tools.seal(this.#open) : undefined;
  }
}
