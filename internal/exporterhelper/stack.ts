import type { Component, Host, Settings } from '../core/component.ts';
import type { BatchContext, ClientMetadata, Consumer } from '../core/consumer.ts';
import { type Outcome, permanent, retryable } from '../core/outcome.ts';
import type { Payload } from '../otlp/payload.ts';
import { isolate, type Located } from './isolate.ts';
import { type Layer, Life } from './layer.ts';
import { Health, latency, lostItems, observe } from './observe.ts';
import { Queue } from './queue.ts';
import { retry } from './retry.ts';
import type { QueueConfig, RetryConfig } from './schema.ts';
import { timeout } from './timeout.ts';

/** What an exporter itself is: one try to send one batch. All else is wrapped around it. */
export interface Sender {
  start?(host: Host): Promise<void>;
  /** Expected failures are values. Must end when `ctx.abort` fires; its answer is ignored then. */
  send(batch: Payload, ctx: SendContext): Promise<Outcome>;
  /** No wait for another try may begin or go on: what is under way has one try left. For a sender that retries by itself. */
  stopping?(): void;
  /** Called once, when no send is under way. */
  shutdown?(abort: AbortSignal): Promise<void>;
}

export interface SendContext {
  /** The timeout of this try has passed, or the exporter's time is over. */
  readonly abort: AbortSignal;
  /** Headers of the request, or what all requests of the batch have in common of them. */
  readonly metadata?: ClientMetadata | undefined;
}

/** An absent part is a layer that is not there. */
export interface StackConfig {
  readonly sending_queue?: QueueConfig | undefined;
  readonly retry_on_failure?: RetryConfig | undefined;
  /** Milliseconds of one try; absent or 0: no limit. */
  readonly timeout?: number | undefined;
}

/** Builds an exporter, outermost layer first: `queue(+batch) → observe → isolate → retry → timeout → send`. */
export function exporter(settings: Settings, config: StackConfig, sender: Sender): Component & Consumer {
  return new Exporter(settings, config, sender);
}

class Exporter implements Component, Consumer {
  readonly #settings: Settings;
  readonly #sender: Sender;
  readonly #life = new Life();
  readonly #queue: Queue | undefined;
  readonly #front: Consumer;
  readonly #calls = new Calls();
  #closing: Promise<void> | undefined;

  constructor(settings: Settings, config: StackConfig, sender: Sender) {
    this.#settings = settings;
    this.#sender = sender;
    const signal = settings.signal;
    if (!signal) throw new Error(`${settings.id}: an exporter needs a signal`);
    const { clock, random } = settings;
    const life = this.#life;
    const health = new Health(settings, () => this.#queue?.items ?? this.#calls.items);
    const inner = stack(sending(settings, sender), [
      observe(settings, signal, health, life),
      isolate,
      retry(config.retry_on_failure ?? noRetry, { clock, random, life, onWait: (outcome) => health.retrying(outcome) }),
      timeout(config.timeout ?? 0, clock, life),
      latency(settings, signal),
    ]);
    const queue = config.sending_queue;
    if (queue?.enabled) this.#queue = new Queue(queue, settings, signal, inner, life);
    this.#front = this.#queue ?? direct(inner, this.#calls);
  }

  async start(host: Host): Promise<void> {
    await this.#sender.start?.(host);
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    if (this.#closing) return Promise.resolve(retryable(`${this.#settings.id} is stopping`));
    return this.#front.consume(batch, ctx);
  }

  /** What has not been sent is its queue's then; what is under way has this try left. */
  handOver(successor: Component): boolean {
    if (!(successor instanceof Exporter) || !this.#queue || !successor.#queue) return false;
    this.#queue.handOver(successor.#queue);
    this.#life.stop();
    this.#sender.stopping?.();
    return true;
  }

  shutdown(abort: AbortSignal): Promise<void> {
    this.#closing ??= this.#close(abort);
    return this.#closing;
  }

  async #close(abort: AbortSignal): Promise<void> {
    const life = this.#life;
    life.stop();
    this.#sender.stopping?.();
    const kill = () => {
      this.#queue?.discard();
      life.kill();
    };
    // The batcher's rest must be in the queue before an abort that has fired already discards it.
    const drained = this.#queue ? this.#queue.close() : this.#calls.idle();
    if (abort.aborted) kill();
    else abort.addEventListener('abort', kill, { once: true });
    await drained;
    abort.removeEventListener('abort', kill);
    const lost = this.#queue?.lostAtStop ?? 0;
    if (lost > 0) this.#settings.logger.error('the backend did not take these items before the stop', { items: lost });
    life.end();
    await this.#sender.shutdown?.(abort);
  }
}

const noRetry: RetryConfig = {
  enabled: false,
  initial_interval: 0,
  randomization_factor: 0,
  multiplier: 1,
  max_interval: 0,
  max_elapsed_time: 0,
};

function stack(innermost: Consumer, layers: readonly Layer[]): Consumer {
  return layers.reduceRight((next, layer) => layer(next), innermost);
}

/** The sender's edge: a throw is a bug, told once and never the batch's way out. */
function sending(settings: Settings, sender: Sender): Consumer {
  return {
    async consume(batch, ctx) {
      try {
        return await sender.send(batch, ctx as SendContext);
      } catch (cause) {
        settings.logger.error('a bug in the exporter: send threw instead of answering', { error: cause });
        return permanent('bug', `${settings.id} failed: ${cause instanceof Error ? cause.message : cause}`, cause);
      }
    },
  };
}

/** Without a queue: the caller waits for the backend, and what is refused travels back to it. */
function direct(next: Consumer, calls: Calls): Consumer {
  return {
    async consume(batch, ctx) {
      calls.begin(batch.itemCount);
      const outcome: Located = await next.consume(batch, ctx);
      if (outcome.status === 'accepted') {
        ctx.account?.sent(batch.itemCount - lostItems(outcome, batch.itemCount), false);
      }
      calls.end(batch.itemCount);
      return outcome;
    },
  };
}

/** Calls under way. */
class Calls {
  items = 0;
  #count = 0;
  #wake: (() => void) | undefined;

  begin(items: number): void {
    this.#count++;
    this.items += items;
  }

  end(items: number): void {
    this.#count--;
    this.items -= items;
    if (this.#count === 0) this.#wake?.();
  }

  idle(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => (this.#wake = resolve));
  }
}
