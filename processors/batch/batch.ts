import type { Timer } from '../../internal/core/clock.ts';
import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, ClientMetadata, Consumer } from '../../internal/core/consumer.ts';
import { Delivery } from '../../internal/core/delivery.ts';
import { acceptedPromise, type Outcome, permanent, retryable } from '../../internal/core/outcome.ts';
import type { Counter, Histogram } from '../../internal/core/telemetry.ts';
import { Payload } from '../../internal/otlp/payload.ts';
import { splitByItems } from '../../internal/otlp/split.ts';
import type { BatchConfig } from './config.ts';
import { batchMetrics } from './metrics.ts';

/** How long a sender is asked to wait when there is no room. */
const retryHintMs = 1000;

/** What waits to become a batch, of one combination of metadata. */
interface Shard {
  readonly key: string;
  readonly ctx: BatchContext;
  parts: Payload[];
  items: number;
  bytes: number;
  /** Monotonic time at which it goes, whatever its size; meaningless while it is empty. */
  due: number;
}

/**
 * Says yes at once, as upstream's does, and keeps what it took: batches are lists of the requests' own bytes,
 * held in the memory budget until the next component has taken them.
 */
export class Batch implements Component, Consumer {
  readonly #config: BatchConfig;
  readonly #settings: Settings;
  readonly #delivery: Delivery;
  readonly #keys: readonly string[];
  /** Only those in which something waits. Without metadata_keys there is one, outside the map. */
  readonly #shards = new Map<string, Shard>();
  readonly #only: Shard;
  readonly #sizeTriggers: Counter;
  readonly #timeTriggers: Counter;
  readonly #sendSize: Histogram;
  readonly #sendBytes: Histogram;
  readonly #endMetrics: () => void;
  #timer: Timer | undefined;
  #closed = false;
  #shutdown: Promise<void> | undefined;

  constructor(settings: Settings, config: BatchConfig, next: Consumer) {
    this.#settings = settings;
    this.#config = config;
    this.#delivery = new Delivery(settings, next);
    this.#keys = config.metadata_keys.map((key) => key.toLowerCase());
    this.#only = this.#shard('', { abort: this.#delivery.abort, persistent: true });
    const metrics = batchMetrics(settings, () => (this.#keys.length === 0 ? 1 : this.#shards.size));
    this.#sizeTriggers = metrics.sizeTriggers;
    this.#timeTriggers = metrics.timeTriggers;
    this.#sendSize = metrics.sendSize;
    this.#sendBytes = metrics.sendBytes;
    this.#endMetrics = metrics.end;
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    if (this.#closed || this.#delivery.full) return this.#refuse();
    const items = batch.itemCount;
    if (items === 0) return acceptedPromise;
    if (!this.#settings.memory.takeOver(batch.byteLength)) return this.#refuse();
    const shard = this.#keys.length === 0 ? this.#only : this.#shardFor(ctx.metadata);
    if (!shard) return this.#tooManyShards(batch);
    this.#settings.account.hold(items);
    shard.parts.push(batch);
    shard.items += items;
    shard.bytes += batch.byteLength;
    if (shard.items >= this.#config.send_batch_size || this.#config.timeout === 0) this.#flush(shard, false);
    else if (shard.parts.length === 1) this.#arm(shard);
    return acceptedPromise;
  }

  shutdown(abort: AbortSignal): Promise<void> {
    this.#shutdown ??= this.#close(abort);
    return this.#shutdown;
  }

  async #close(abort: AbortSignal): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    for (const shard of [this.#only, ...this.#shards.values()]) this.#flush(shard, true);
    await this.#delivery.drain(abort);
    this.#endMetrics();
  }

  #shard(key: string, ctx: BatchContext): Shard {
    return { key, ctx, parts: [], items: 0, bytes: 0, due: 0 };
  }

  #shardFor(metadata: ClientMetadata | undefined): Shard | undefined {
    const key = JSON.stringify(this.#keys.map((name) => metadata?.get(name) ?? null));
    const known = this.#shards.get(key);
    if (known) return known;
    const limit = this.#config.metadata_cardinality_limit;
    if (limit > 0 && this.#shards.size >= limit) return undefined;
    const kept = new Map<string, readonly string[]>();
    for (const name of this.#keys) {
      const values = metadata?.get(name);
      if (values) kept.set(name, values);
    }
    const shard = this.#shard(key, { abort: this.#delivery.abort, persistent: true, metadata: kept });
    this.#shards.set(key, shard);
    return shard;
  }

  #arm(shard: Shard): void {
    const { clock } = this.#settings;
    shard.due = clock.monotonic() + this.#config.timeout;
    this.#timer ??= clock.after(this.#config.timeout, () => this.#tick());
  }

  /** One timer for all shards: it sends what is due and then waits for the next. */
  #tick(): void {
    const { clock } = this.#settings;
    const now = clock.monotonic();
    let next = Number.POSITIVE_INFINITY;
    for (const shard of this.#keys.length === 0 ? [this.#only] : this.#shards.values()) {
      if (shard.items === 0) continue;
      // Timers may come a little early.
      if (shard.due <= now + 1) this.#flush(shard, true);
      if (shard.items > 0) next = Math.min(next, shard.due);
    }
    this.#timer = next < Number.POSITIVE_INFINITY ? clock.after(next - now, () => this.#tick()) : undefined;
  }

  /** @param all the time has come: also what is less than a whole batch */
  #flush(shard: Shard, all: boolean): void {
    const { parts, items, bytes } = shard;
    if (items === 0) return;
    shard.parts = [];
    shard.items = 0;
    shard.bytes = 0;
    (all ? this.#timeTriggers : this.#sizeTriggers).add(1);
    const whole = Payload.concat(parts[0]!.signal, parts);
    const max = this.#config.send_batch_max_size;
    if (max === 0 || items <= max) this.#pass(whole, shard.ctx, bytes);
    else this.#passPieces(shard, splitByItems(whole, max), bytes, all);
    if (shard.items === 0 && this.#keys.length > 0) this.#shards.delete(shard.key);
  }

  /** The pieces share the reservation of the whole. A last one that is no whole batch stays, unless `all` must go. */
  #passPieces(shard: Shard, pieces: readonly Payload[], bytes: number, all: boolean): void {
    let left = bytes;
    for (const [i, piece] of pieces.entries()) {
      const last = i === pieces.length - 1;
      const reserved = last ? left : Math.min(left, piece.byteLength);
      left -= reserved;
      if (last && !all && this.#config.timeout > 0 && piece.itemCount < this.#config.send_batch_size) {
        shard.parts = [piece];
        shard.items = piece.itemCount;
        shard.bytes = reserved;
        this.#arm(shard);
      } else {
        this.#pass(piece, shard.ctx, reserved);
      }
    }
  }

  #pass(payload: Payload, ctx: BatchContext, reserved: number): void {
    this.#sendSize.record(payload.itemCount);
    this.#sendBytes.record(payload.byteLength);
    this.#delivery.pass({ payload, ctx, reserved });
  }

  #refuse(): Promise<Outcome> {
    const why = this.#closed
      ? 'is stopping'
      : this.#delivery.full
        ? 'has as many batches waiting as it may: the next component is slow or refuses'
        : 'takes no more: far more than the memory budget is held';
    return Promise.resolve(retryable(`${this.#settings.id} ${why}`, retryHintMs));
  }

  #tooManyShards(batch: Payload): Promise<Outcome> {
    this.#settings.memory.release(batch.byteLength);
    const limit = this.#config.metadata_cardinality_limit;
    const reason = `${this.#settings.id}: more than ${limit} combinations of metadata_keys (metadata_cardinality_limit)`;
    return Promise.resolve(permanent('rejected', reason));
  }
}
