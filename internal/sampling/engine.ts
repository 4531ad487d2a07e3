import type { Settings } from '../core/component.ts';
import type { BatchContext, Consumer } from '../core/consumer.ts';
import type { Explanation } from '../core/explain.ts';
import { type Outcome, retryable } from '../core/outcome.ts';
import type { Payload } from '../otlp/payload.ts';
import type { Decider } from './decider.ts';
import type { TailObserver, TailOptions } from './engine_types.ts';

/** Buffers whole traces, has them decided by a `Decider`, and passes on what is kept. */
export class TailEngine implements Consumer {
  readonly #settings: Settings;

  constructor(settings: Settings, _options: TailOptions, _decider: Decider, _next: Consumer, _observer: TailObserver) {
    this.#settings = settings;
  }

  consume(_batch: Payload, _ctx: BatchContext): Promise<Outcome> {
    return Promise.resolve(retryable(`${this.#settings.id} takes nothing yet`));
  }

  /** Decides on what is there, passes it on until `abort` fires, and counts the rest as dropped. Safe twice. */
  async shutdown(_abort: AbortSignal): Promise<void> {}

  /** Gives everything to `successor`, which runs: see `Component.handOver`. */
  handOver(_successor: TailEngine): boolean {
    return false;
  }

  /** @param _traceId 32 hex digits */
  explain(_traceId: string): Explanation | undefined {
    return undefined;
  }

  /** Undecided. */
  get heldTraces(): number {
    return 0;
  }
  /** Undecided, or decided and not yet passed on. */
  get heldSpans(): number {
    return 0;
  }
  /** Bytes that the buffer takes, of `bufferCapacity`. */
  get bufferBytes(): number {
    return 0;
  }
  get bufferCapacity(): number {
    return 0;
  }
}
