import type { Settings } from '../core/component.ts';
import type { BatchContext, Consumer } from '../core/consumer.ts';
import { Notice } from '../core/notice.ts';
import { acceptedPromise, type Outcome, retryable } from '../core/outcome.ts';
import type { Payload } from '../otlp/payload.ts';
import { type MetricVisitor, type Patch, rewriteMetrics } from '../otlp/rewrite.ts';
import type { Metric } from '../otlp/view/metric.ts';
import type { DataPoint } from '../otlp/view/point.ts';
import type { ResourceGroup, ScopeGroup } from '../otlp/view/resource.ts';
import { walkMetrics } from '../otlp/view/walk.ts';
import type { Histogram } from './histogram.ts';
import { Journal } from './journal.ts';
import { SeriesKeys } from './keys.ts';
import { retime } from './retime.ts';
import { type Limits, Rows } from './rows.ts';
import { Turns } from './turns.ts';

export type State = Rows<Histogram>;
export type Changes = Journal<Histogram>;

/** A point of a series whose state is known. */
export interface Step {
  readonly row: number;
  /** The series begins with this point. */
  readonly begins: boolean;
  /** Time of the point before. */
  readonly last: bigint;
}

/** How one temporality becomes the other. */
export interface Rules {
  /** aggregation_temporality of what is converted, and what it becomes. */
  readonly from: number;
  readonly to: number;
  /** The next component has refused a batch for good: whether the state keeps what the batch has changed. */
  readonly keepsRefused: boolean;
  /** Of a metric of temporality `from`. */
  takes(metric: Metric): boolean;
  /** What tells its series apart besides what is the same for all. */
  distinguish(point: DataPoint): string;
  /** @returns undefined for a point that passes, by now converted by the patch; else why it is left out */
  convert(point: DataPoint, key: string, patch: Patch, changes: Changes): string | undefined;
  /** Points of a batch that was taken. @param reason why they were left out, if they were */
  settled(points: number, kind: string, reason: string | undefined): void;
}

/** Rows of series and who may use them now: all that a successor takes over. */
interface Shared {
  readonly rows: State;
  readonly turns: Turns;
}

/**
 * Converts the points of each batch on its way, by the state of their series. The next component may refuse a batch, and
 * the sender send it again: the state changes for good only with batches that were taken, and of one resource one batch is
 * under way at a time, so that the next one begins where that one ended. Batches of other resources do not wait.
 */
export class Conversion {
  readonly #settings: Settings;
  readonly #next: Consumer;
  readonly #rules: Rules;
  readonly #limits: Limits;
  readonly #forgets: () => void;
  readonly #full: Notice;
  #shared: Shared;

  constructor(settings: Settings, next: Consumer, rules: Rules, limits: Limits) {
    this.#settings = settings;
    this.#next = next;
    this.#rules = rules;
    this.#limits = limits;
    this.#full = new Notice(settings.clock);
    this.#shared = this.#fresh();
    this.#forgets = settings.memory.addApart(() => this.#shared.rows.bytes);
  }

  /** Series that are known. */
  get streams(): number {
    return this.#shared.rows.size;
  }

  /** Bytes that they take, as counted. */
  get bytes(): number {
    return this.#shared.rows.bytes;
  }

  async consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const { rows, turns } = this.#shared;
    if (turns.full) return retryable('too many batches wait for earlier ones of the same resources: send it again');
    const turn = turns.take(resourcesOf(batch));
    let changes: Changes | undefined;
    try {
      if (turn.begins) {
        await turn.begins;
        if (ctx.abort?.aborted) return retryable('the sender has gone while the batch waited for its turn');
      }
      changes = new Journal(rows);
      const pass = new Pass(this.#rules, changes);
      const kept = rewriteMetrics(batch, pass);
      const outcome = await (kept.itemCount === 0 ? acceptedPromise : this.#next.consume(kept, ctx));
      const refused = outcome.status !== 'accepted';
      if (outcome.status === 'retryable' || (refused && !this.#rules.keepsRefused)) return outcome;
      changes.commit();
      changes = undefined;
      if (!refused) this.#settle(pass, batch.itemCount - kept.itemCount);
      return outcome;
    } finally {
      changes?.rollback();
      turn.end();
    }
  }

  /** @returns false where the successor has seen points already */
  handOver(successor: Conversion): boolean {
    if (successor.#shared.rows.size > 0) return false;
    successor.#shared.rows.close();
    successor.#shared = this.#shared;
    successor.#shared.rows.limits = successor.#limits;
    this.#shared = this.#fresh();
    return true;
  }

  shutdown(): void {
    this.#forgets();
    this.#shared.rows.close();
  }

  #settle(pass: Pass, left: number): void {
    for (const [kind, counts] of pass.counts) {
      for (const [reason, points] of counts) {
        this.#rules.settled(points, kindNames[kind], reason);
        if (reason === 'limit') this.#tellFull(points);
      }
    }
    // Points that another member of the oneof has overwritten.
    if (left > pass.lost) this.#settings.account.filtered(left - pass.lost);
  }

  #tellFull(points: number): void {
    this.#full.event((leftOut) => {
      const fields = { points, streams: this.streams, bytes: this.bytes, left_out_before: leftOut };
      this.#settings.logger.warn('no room for further series: their points are dropped', fields);
    });
  }

  #fresh(): Shared {
    return { rows: new Rows(this.#settings.clock, this.#limits), turns: new Turns() };
  }
}

function resourcesOf(batch: Payload): ReadonlySet<string> {
  const keys = new SeriesKeys();
  const found = new Set<string>();
  const walk = walkMetrics(batch);
  while (walk.nextResource()) found.add(keys.resource(walk.resource));
  return found;
}

const kindNames = { 7: 'sum', 9: 'histogram', 10: 'exponential_histogram' } as const;
type Kind = keyof typeof kindNames;

/** One pass over one batch. */
class Pass implements MetricVisitor {
  readonly #rules: Rules;
  readonly #changes: Changes;
  readonly #keys = new SeriesKeys();
  /** Points by kind and reason. */
  readonly counts = new Map<Kind, Map<string | undefined, number>>();
  #converts = false;
  #counted: Map<string | undefined, number> = new Map();
  lost = 0;

  constructor(rules: Rules, changes: Changes) {
    this.#rules = rules;
    this.#changes = changes;
  }

  resource(group: ResourceGroup): void {
    this.#keys.resource(group);
  }

  scope(group: ScopeGroup): void {
    this.#keys.scope(group);
  }

  record(metric: Metric, patch: Patch): void {
    const { dataField, data } = metric;
    const { from, to } = this.#rules;
    this.#converts = dataField in kindNames && data!.aggregationTemporality === from && this.#rules.takes(metric);
    if (!this.#converts) return;
    this.#keys.metric(metric, dataField === 7 && data!.isMonotonic);
    retime(metric, patch, to);
    let counted = this.counts.get(dataField as Kind);
    if (!counted) this.counts.set(dataField as Kind, (counted = new Map()));
    this.#counted = counted;
  }

  point(point: DataPoint, patch: Patch): void {
    if (!this.#converts) return;
    const key = this.#keys.point(point.attributes, this.#rules.distinguish(point));
    const reason = this.#rules.convert(point, key, patch, this.#changes);
    if (reason !== undefined) {
      patch.drop();
      this.lost++;
    }
    this.#counted.set(reason, (this.#counted.get(reason) ?? 0) + 1);
  }
}
