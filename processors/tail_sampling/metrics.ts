import type { Settings } from '../../internal/core/component.ts';
import type { Counter, Histogram, Labels, MetricLevel } from '../../internal/core/telemetry.ts';
import type { Decision, Trigger } from '../../internal/sampling/decider.ts';
import type { EvictionReason, TailObserver } from '../../internal/sampling/engine_types.ts';
import { type BufferGauges, TailMetrics } from '../../internal/sampling/tail_metrics.ts';
import { type Ballot, DROPPED, FAILED, INVERTED_SAMPLED, SAMPLED } from './ballot.ts';
import { type PolicyObserver, timedVotes } from './decider.ts';

/** Upstream's boundaries for times of many seconds: the OpenTelemetry SDK's defaults. */
const seconds = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000];
/** Upstream's boundaries, milliseconds. */
const ticks = [
  1, 2, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2000, 3000, 4000, 5000, 10_000, 20_000, 30_000,
  50_000,
];
/** Microseconds. */
const latencies = [1, 2, 5, 10, 25, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 2000, 3000, 4000, 5000, 10_000];

const outcomes = {
  sampled: { sampled: 'true', decision: 'sampled' },
  not_sampled: { sampled: 'false', decision: 'not_sampled' },
  dropped: { sampled: 'false', decision: 'dropped' },
} as const;
type Outcome = keyof typeof outcomes;

interface Votes {
  readonly traces: Counter;
  readonly spans: Counter;
  readonly bytes: Counter;
}

interface OfPolicy {
  readonly label: string;
  readonly votes: Partial<Record<Outcome, Votes>>;
  readonly count: Counter;
  readonly time: Counter;
  readonly latency: Histogram;
}

/**
 * Upstream's metrics of tail sampling under their names, and those of every trace buffer.
 * Source: documentation.md of the tailsamplingprocessor.
 */
export class TailSamplingMetrics implements TailObserver, PolicyObserver {
  readonly #settings: Settings;
  readonly #buffer: TailMetrics;
  readonly #policies: OfPolicy[] = [];
  readonly #global: Readonly<Record<Outcome, Counter>>;
  readonly #early: Readonly<Record<'true' | 'false', Counter>>;
  readonly #newTraces: Counter;
  readonly #errors: Counter;
  readonly #tooEarly: Counter;
  readonly #tooLarge: Counter;
  readonly #timer: Histogram;
  readonly #lateAge: Histogram;
  readonly #removalAge: Histogram;
  readonly #end: () => void;

  constructor(settings: Settings, buffer: () => BufferGauges) {
    this.#settings = settings;
    this.#buffer = new TailMetrics(settings, buffer);
    const { meter } = settings;
    const global = (outcome: Outcome) =>
      meter.counter(
        spec('global_count_traces_sampled', 'Traces decided, by what all policies together said.', outcomes[outcome]),
      );
    this.#global = { sampled: global('sampled'), not_sampled: global('not_sampled'), dropped: global('dropped') };
    const early = (sampled: 'true' | 'false') =>
      meter.counter(
        spec('early_releases_from_cache_decision', 'Late spans that followed a decision cache.', { sampled }),
      );
    this.#early = { true: early('true'), false: early('false') };
    this.#newTraces = meter.counter(spec('new_trace_id_received', 'Traces that began.'));
    this.#errors = meter.counter(spec('sampling_policy_evaluation_error', 'Policies that failed on a trace.'));
    this.#tooEarly = meter.counter(
      spec('sampling_trace_dropped_too_early', 'Traces decided, not dropped, before their time for want of room.'),
    );
    this.#tooLarge = meter.counter(spec('traces_dropped_too_large', 'Traces above maximum_trace_size_bytes.'));
    this.#timer = meter.histogram({
      ...spec('sampling_decision_timer_latency', 'Milliseconds that a row of decisions took.'),
      buckets: ticks,
    });
    this.#lateAge = meter.histogram({
      ...spec('sampling_late_span_age', 'Seconds from a decision to spans that came after it.'),
      buckets: seconds,
    });
    this.#removalAge = meter.histogram({
      ...spec('sampling_trace_removal_age', 'Seconds from the first span of a trace until it left the buffer.'),
      buckets: seconds,
    });
    this.#end = meter.observe(
      spec('sampling_traces_on_memory', 'Traces that wait for their decision.'),
      () => buffer().heldTraces,
    );
  }

  /** @param names of the decider's policies, in its order */
  name(names: readonly string[]): void {
    const { meter, id } = this.#settings;
    const slash = id.indexOf('/');
    for (const name of names) {
      const label = slash < 0 ? name : `${id.slice(slash + 1)}.${name}`;
      const labels = { policy: label };
      this.#policies.push({
        label,
        votes: {},
        count: meter.counter(spec('sampling_policy_execution_count', 'Traces that a policy was asked about.', labels)),
        time: meter.counter(
          spec('sampling_policy_execution_time_sum', 'Microseconds that a policy took, from one trace in 64.', labels),
        ),
        latency: meter.histogram({
          ...spec(
            'sampling_decision_latency',
            'Microseconds that a policy took, of one trace in 64.',
            labels,
            'detailed',
          ),
          buckets: latencies,
        }),
      });
    }
  }

  voted(policy: number, ballot: Ballot, spans: number, bytes: number): void {
    const of = this.#policies[policy]!;
    of.count.add(1);
    if (ballot === FAILED) {
      this.#errors.add(1);
      return;
    }
    const outcome =
      ballot === DROPPED ? 'dropped' : ballot === SAMPLED || ballot === INVERTED_SAMPLED ? 'sampled' : 'not_sampled';
    const votes = (of.votes[outcome] ??= this.#votes(of.label, outcome));
    votes.traces.add(1);
    votes.spans.add(spans);
    votes.bytes.add(bytes);
  }

  took(policy: number, ms: number): void {
    const { time, latency } = this.#policies[policy]!;
    time.add(Math.round(ms * 1000 * timedVotes));
    latency.record(ms * 1000);
  }

  newTraces(traces: number): void {
    this.#newTraces.add(traces);
  }
  decided(decision: Readonly<Decision>, spans: number, bytes: number, trigger: Trigger, lagMs: number): void {
    this.#global[decision.verdict].add(1);
    this.#buffer.decided(decision, spans, bytes, trigger, lagMs);
  }
  late(sampled: boolean, spans: number, ageMs: number, cached: boolean): void {
    if (cached) this.#early[`${sampled}`].add(spans);
    this.#lateAge.record(Math.floor(ageMs / 1000));
    this.#buffer.late(sampled, spans, ageMs, cached);
  }
  evicted(reason: EvictionReason): void {
    this.#tooEarly.add(1);
    this.#buffer.evicted(reason);
  }
  tooLarge(): void {
    this.#tooLarge.add(1);
  }
  withoutTraceId(spans: number): void {
    this.#buffer.withoutTraceId(spans);
  }
  removed(ageMs: number): void {
    this.#removalAge.record(Math.floor(ageMs / 1000));
  }
  ticked(ms: number): void {
    this.#timer.record(Math.floor(ms));
  }

  end(): void {
    this.#end();
    this.#buffer.end();
  }

  /** Made when they are first needed: most policies never drop. */
  #votes(policy: string, outcome: Outcome): Votes {
    const { meter } = this.#settings;
    const labels = { policy, ...outcomes[outcome] };
    return {
      traces: meter.counter(spec('count_traces_sampled', 'Traces by what a policy said.', labels)),
      spans: meter.counter(spec('count_spans_sampled', 'Their spans.', labels, 'detailed')),
      bytes: meter.counter(spec('count_bytes_sampled', 'Their bytes.', labels, 'detailed')),
    };
  }
}

function spec(name: string, help: string, labels: Labels = {}, level: MetricLevel = 'basic') {
  return { name: `otelcol_processor_tail_sampling_${name}`, help, labels, level };
}
