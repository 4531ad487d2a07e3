import type { Timer } from '../../internal/core/clock.ts';
import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { Delivery } from '../../internal/core/delivery.ts';
import { whenAnswered } from '../../internal/core/hand_on.ts';
import type { Account } from '../../internal/core/ledger.ts';
import { Notice } from '../../internal/core/notice.ts';
import { acceptedPromise, type Outcome, retryable } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { type Place, rewriteLogs } from '../../internal/otlp/rewrite.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import { type CompiledCondition, compileCondition, OttlError, Scene } from '../../internal/ottl/index.ts';
import type { LogdedupConfig } from './config.ts';
import { Emitter } from './emit.ts';
import { Identity } from './identity.ts';
import { dedupMetrics, type Metrics } from './metrics.ts';
import { entryBytes, Table } from './table.ts';

/** How long a sender is asked to wait when there is no room. */
const retryHintMs = 1000;

/** A record to be merged, and where its groups lie. */
interface Taken {
  readonly buf: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly resource: readonly [start: number, end: number];
  readonly scope: readonly [start: number, end: number];
}

/**
 * Says yes to what it merges and keeps one record of each kind until the interval ends, in the memory budget. What no
 * condition selects passes within the call; if that is refused, nothing of the batch is merged, since it comes again.
 */
export class LogDedup implements Component, Consumer {
  readonly #settings: Settings;
  readonly #config: LogdedupConfig;
  readonly #next: Consumer;
  readonly #delivery: Delivery;
  readonly #emitter: Emitter;
  #identity: Identity;
  readonly #conditions: readonly CompiledCondition[];
  readonly #metrics: Metrics;
  readonly #problems: Notice;
  readonly #scene = new Scene();
  #table: Table;
  /** Monotonic time since which the table has something in it. */
  #since = 0;
  #timer: Timer | undefined;
  /** A successor has what was kept: what still comes here goes on at once. */
  #gone = false;
  #closed = false;
  #shutdown: Promise<void> | undefined;

  constructor(settings: Settings, config: LogdedupConfig, next: Consumer) {
    const { clock, random } = settings;
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    this.#delivery = new Delivery(settings, next);
    this.#emitter = new Emitter(config);
    this.#identity = new Identity(config, random);
    this.#table = new Table(this.#identity);
    this.#problems = new Notice(clock);
    const surroundings = { now: () => BigInt(Math.round(clock.now() * 1e6)), random };
    this.#conditions = config.conditions.map((text) => {
      const compiled = compileCondition(text, 'log', { surroundings });
      if (!compiled.ok) throw new Error(compiled.problem.message);
      return compiled;
    });
    this.#metrics = dedupMetrics(settings, () => this.#table.entries);
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const { id, memory } = this.#settings;
    if (this.#closed) return Promise.resolve(retryable(`${id} is stopping`, retryHintMs));
    if (this.#delivery.full) {
      return Promise.resolve(retryable(`${id}: the next component is slow or refuses`, retryHintMs));
    }
    const { kept, taken } = this.#select(batch);
    if (taken.length === 0) return this.#next.consume(batch, ctx);
    // More than is kept in the end; what is too much goes back as soon as that is known.
    const reserved = 2 * batch.byteLength + entryBytes * taken.length;
    if (!memory.takeOver(reserved)) {
      return Promise.resolve(retryable(`${id}: far more than the memory budget is held`, retryHintMs));
    }
    const answer = kept.itemCount === 0 ? acceptedPromise : this.#next.consume(kept, ctx);
    const merge = () => this.#merge(taken, reserved);
    return whenAnswered(answer, merge, () => memory.release(reserved));
  }

  shutdown(abort: AbortSignal): Promise<void> {
    this.#shutdown ??= this.#close(abort);
    return this.#shutdown;
  }

  /**
   * Gives what is kept, with what is left of its interval. What is on its way out already stays with `shutdown`. If other fields are to be
   * compared, nothing is given: what is kept ends as at a shutdown.
   */
  handOver(successor: Component): boolean {
    if (!(successor instanceof LogDedup) || this.#closed || this.#gone || successor.#table.entries > 0) return false;
    if (this.#identity.compares !== successor.#identity.compares) return false;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#gone = true;
    successor.#adopt(this.#table, this.#identity, this.#since, this.#settings.account);
    this.#table = new Table(this.#identity);
    return true;
  }

  #adopt(table: Table, identity: Identity, since: number, from: Account): void {
    const { account } = this.#settings;
    if (from !== account && table.entries > 0) {
      from.moved(table.entries);
      account.adopt(table.entries);
    }
    this.#identity = identity;
    this.#table = table;
    this.#since = since;
    if (this.#isFull) this.#flushEarly();
    else this.#arm();
  }

  async #close(abort: AbortSignal): Promise<void> {
    this.#closed = true;
    this.#flush();
    await this.#delivery.drain(abort);
    this.#metrics.end();
  }

  #select(batch: Payload): { readonly kept: Payload; readonly taken: readonly Taken[] } {
    const taken: Taken[] = [];
    const kept = rewriteLogs(batch, {
      record: (log, patch, { resource, scope }) => {
        if (!this.#wants(log, { resource, scope })) return;
        patch.drop();
        const { buf, start, end } = log;
        taken.push({
          buf,
          start,
          end,
          resource: [resource.start, resource.end],
          scope: [scope.start, scope.end],
        });
      },
    });
    return { kept, taken };
  }

  #wants(log: LogRecord, { resource, scope }: Place): boolean {
    if (this.#conditions.length === 0) return true;
    const scene = this.#scene;
    scene.resource = resource;
    scene.scope = scope;
    scene.log = log;
    try {
      return this.#conditions.some((condition) => condition.test(scene));
    } catch (thrown) {
      if (!(thrown instanceof OttlError)) throw thrown;
      this.#problems.event((leftOut) => {
        const fields = { problem: thrown.message, left_out_before: leftOut };
        this.#settings.logger.warn('a condition could not be evaluated: the record passes unmerged', fields);
      });
      return false;
    }
  }

  /** @param reserved bytes of the memory budget, more than enough */
  #merge(taken: readonly Taken[], reserved: number): void {
    const { account, clock, memory } = this.#settings;
    const now = clock.now();
    let before = this.#table.bytes;
    let left = reserved;
    let duplicates = 0;
    for (const record of taken) {
      const { buf } = record;
      if (this.#table.entries === 0) this.#since = clock.monotonic();
      const [resource, scope] = [range(buf, record.resource), range(buf, record.scope)];
      if (this.#table.add(record, this.#table.group(resource, scope), now)) account.hold(1);
      else duplicates++;
      if (!this.#isFull) continue;
      left -= this.#table.bytes - before;
      this.#flushEarly();
      before = 0;
    }
    left -= this.#table.bytes - before;
    memory.release(left);
    if (duplicates > 0) {
      account.filtered(duplicates);
      this.#metrics.duplicates.add(duplicates);
    }
    if (this.#closed || this.#gone) this.#flush();
    else this.#arm();
  }

  get #isFull(): boolean {
    const { max_entries, max_bytes } = this.#config;
    return this.#table.entries >= max_entries || this.#table.bytes >= max_bytes;
  }

  /** The interval begins with the first record. */
  #arm(): void {
    if (this.#timer || this.#table.entries === 0) return;
    const { clock } = this.#settings;
    const left = this.#since + this.#config.interval - clock.monotonic();
    this.#timer = clock.after(Math.max(0, left), () => this.#flush());
  }

  #flushEarly(): void {
    this.#metrics.early.add(1);
    this.#flush();
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const table = this.#table;
    if (table.entries === 0) return;
    this.#table = new Table(this.#identity);
    let left = table.bytes;
    let items = table.entries;
    for (const payload of this.#emitter.batches(table, this.#settings.clock.now())) {
      items -= payload.itemCount;
      const reserved = items === 0 ? left : Math.min(left, payload.byteLength);
      left -= reserved;
      this.#delivery.pass({ payload, ctx: { abort: this.#delivery.abort, persistent: true }, reserved });
    }
  }
}

function range(buf: Uint8Array, [start, end]: readonly [number, number]) {
  return { buf, start, end };
}
