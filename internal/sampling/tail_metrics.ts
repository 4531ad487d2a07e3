import type { Settings } from '../core/component.ts';
import type { Counter } from '../core/telemetry.ts';
import type { Trigger } from './decider.ts';
import type { EvictionReason, TailObserver } from './engine_types.ts';

/** What is read when scraped. */
export interface BufferGauges {
  readonly heldTraces: number;
  readonly heldSpans: number;
  readonly bufferBytes: number;
  readonly bufferCapacity: number;
}

/** Milliseconds. */
const lags = [1, 2, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2000, 5000, 10_000, 30_000];

const triggers: readonly Trigger[] = [
  'decision_wait',
  'root_received',
  'first_match',
  'eviction',
  'trace_too_large',
  'shutdown',
];

/** Decisions that a timer made, so that being late means something. */
const timed: ReadonlySet<Trigger> = new Set(['decision_wait', 'root_received']);

/** The metrics of a trace buffer, whatever decides on the traces. */
export class TailMetrics implements TailObserver {
  readonly #decisions: Readonly<Record<Trigger, Counter>>;
  readonly #evictions: Readonly<Record<EvictionReason, Counter>>;
  readonly #late: Readonly<Record<`${boolean} ${boolean}`, Counter>>;
  readonly #lag: { record(value: number): void };
  readonly #withoutTraceId: Counter;
  readonly #ends: (() => void)[];

  constructor({ meter, id, pipeline = '' }: Settings, buffer: () => BufferGauges) {
    const spec = (name: string, help: string, labels: Readonly<Record<string, string>> = {}) => ({
      name: `sluice_tail_sampling_${name}`,
      help,
      // The same sampler may stand in several pipelines, each with a buffer of its own.
      labels: { processor: id, pipeline, ...labels },
    });
    const decisions = (trigger: Trigger) =>
      meter.counter(spec('decisions_total', 'Decisions on traces by what made them due.', { trigger }));
    this.#decisions = Object.fromEntries(triggers.map((trigger) => [trigger, decisions(trigger)])) as Record<
      Trigger,
      Counter
    >;
    const evictions = (reason: EvictionReason) =>
      meter.counter(spec('evictions_total', 'Traces decided before their time for want of room.', { reason }));
    this.#evictions = { num_traces: evictions('num_traces'), bytes: evictions('bytes') };
    const late = (sampled: boolean, cached: boolean) =>
      meter.counter(
        spec('late_spans_total', 'Spans that came after their trace’s decision and followed it.', {
          decision: sampled ? 'sampled' : 'not_sampled',
          known_from: cached ? 'decision_cache' : 'buffer',
        }),
      );
    this.#late = {
      'true true': late(true, true),
      'true false': late(true, false),
      'false true': late(false, true),
      'false false': late(false, false),
    };
    this.#lag = meter.histogram({
      ...spec('decision_lag_milliseconds', 'Time from the moment a decision fell due until it was made.'),
      buckets: lags,
    });
    this.#withoutTraceId = meter.counter(
      spec('spans_without_trace_id_total', 'Spans without a trace id, which are treated as one trace.'),
    );
    this.#ends = [
      meter.observe(spec('buffer_bytes', 'Bytes that the trace buffer takes.'), () => buffer().bufferBytes),
      meter.observe(spec('buffer_capacity_bytes', 'Bytes that it may take.'), () => buffer().bufferCapacity),
      meter.observe(spec('buffer_spans', 'Spans in the trace buffer.'), () => buffer().heldSpans),
    ];
  }

  newTraces(): void {}
  decided(_decision: unknown, _spans: number, _bytes: number, trigger: Trigger, lagMs: number): void {
    this.#decisions[trigger].add(1);
    if (timed.has(trigger)) this.#lag.record(Math.max(0, lagMs));
  }
  late(sampled: boolean, spans: number, _ageMs: number, cached: boolean): void {
    this.#late[`${sampled} ${cached}`].add(spans);
  }
  evicted(reason: EvictionReason): void {
    this.#evictions[reason].add(1);
  }
  tooLarge(): void {}
  withoutTraceId(spans: number): void {
    this.#withoutTraceId.add(spans);
  }
  removed(): void {}
  ticked(): void {}

  /** Ends the gauges. */
  end(): void {
    for (const end of this.#ends) end();
  }
}
