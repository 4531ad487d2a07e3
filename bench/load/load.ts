import type { Body } from '../items/body.ts';
import type { Tally } from '../items/tally.ts';
import type { Client, ClientEvents } from './client.ts';

export interface LoadOptions {
  readonly bodies: readonly Body[];
  readonly tally: Tally;
  /** Items per second; full speed when absent. */
  readonly rate?: number;
  /** How long a slot rests after a refusal, as a client that backs off would; default 100 ms. */
  readonly restMs?: number;
  /** Opens the client; its events come to this load. */
  connect(events: ClientEvents): Promise<Client>;
}

const DEFAULT_REST_MS = 100;
const TICK_MS = 1;

/** Sends for a while, at a rate or as fast as answers come, and keeps the sender's side of the books. */
export class Load {
  readonly #options: LoadOptions;
  readonly #free: number[] = [];
  readonly #requests: number[];
  readonly #timers = new Set<NodeJS.Timeout>();
  /** When each request was sent, by its number; kept for the latency of arrivals. */
  readonly #sentAt: number[] = [];
  readonly errors = new Map<string, number>();
  #client: Client | undefined;
  #running = false;
  #inFlight = 0;
  #failure: Error | undefined;
  /** Requests that were due while no slot was free: the rate was not held. */
  late = 0;

  static async open(options: LoadOptions): Promise<Load> {
    const load = new Load(options);
    load.#client = await options.connect({
      onAnswer: (slot, error) => load.#answered(slot, error),
      onFailure: (error) => {
        load.#failure ??= error;
      },
    });
    return load;
  }

  private constructor(options: LoadOptions) {
    this.#options = options;
    this.#requests = options.bodies.map(() => 0);
    this.#free = options.bodies.map((_, slot) => slot).reverse();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  sentAt(request: number): number | undefined {
    return this.#sentAt[request];
  }

  /** @throws Error when the connection was lost or the peer was not understood */
  check(): void {
    if (this.#failure !== undefined) throw new Error(`the load broke off: ${this.#failure.message}`);
  }

  start(): void {
    this.#running = true;
    if (this.#options.rate === undefined) this.#fill();
    else this.#pace(this.#options.rate / this.#options.bodies[0]!.items);
  }

  /** Sends no more; requests in flight are still answered. */
  stop(): void {
    this.#running = false;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  close(): void {
    this.stop();
    this.#client?.close();
  }

  #fill(): void {
    while (this.#free.length > 0) this.#send(this.#free.pop()!);
    this.#client?.flush();
  }

  #pace(perSecond: number): void {
    const began = performance.now();
    let started = 0;
    const tick = setInterval(() => {
      const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
      for (; started < due && this.#free.length > 0; started++) this.#send(this.#free.shift()!);
      this.late = Math.max(this.late, due - started);
      this.#client?.flush();
    }, TICK_MS);
    this.#timers.add(tick);
  }

  #send(slot: number): void {
    const body = this.#options.bodies[slot]!;
    const request = this.#options.tally.send(body);
    this.#requests[slot] = request;
    this.#inFlight++;
    this.#sentAt[request] = performance.now();
    this.#client!.send(slot, request);
  }

  #answered(slot: number, error: string | undefined): void {
    this.#inFlight--;
    this.#options.tally.answer(this.#requests[slot]!, this.#options.bodies[slot]!, error === undefined);
    if (error !== undefined) this.errors.set(error, (this.errors.get(error) ?? 0) + 1);
    if (!this.#running || this.#options.rate !== undefined) this.#free.push(slot);
    else if (error === undefined) this.#send(slot);
    else this.#rest(slot);
  }

  #rest(slot: number): void {
    this.#free.push(slot);
    if (this.#timers.size > 0) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#running) this.#fill();
    }, this.#options.restMs ?? DEFAULT_REST_MS);
    this.#timers.add(timer);
  }
}
