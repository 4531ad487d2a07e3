import type { Component, Host } from '../../../internal/core/component.ts';
import { type Consumer, noContext } from '../../../internal/core/consumer.ts';
import { MemoryBudget } from '../../../internal/core/memory.ts';
import { accepted } from '../../../internal/core/outcome.ts';
import type { Payload, Signal } from '../../../internal/otlp/payload.ts';
import { seededRandom } from '../../../internal/otlp/sample.ts';
import { walkSpans } from '../../../internal/otlp/view/walk.ts';
import {
  type Answer,
  RecordingConsumer,
  TestAccount,
  type TestSettings,
  testSettings,
} from '../../../internal/testkit/settings.ts';
import { TEST_TIME, type TestSpan, tracesOf } from '../../../internal/testkit/traces.ts';
import { schema } from '../config.ts';
import factory from '../index.ts';

const host = {} as Host;

/** The sampler on virtual time, and what it passed on. */
export class Trial {
  readonly account = new TestAccount();
  readonly settings: TestSettings;
  readonly next: RecordingConsumer;
  readonly sampler: Component & Consumer;

  /** @param before runs on the same clock */
  constructor(config: object, signal: Signal = 'traces', answer: Answer = () => accepted, before?: Trial) {
    const random = seededRandom(3);
    const settings = testSettings({
      id: 'error_biased_sampler',
      kind: 'processor',
      pipeline: signal,
      signal,
      account: this.account,
      memory: new MemoryBudget(1 << 30),
      random,
    });
    this.settings = { ...settings, clock: before?.settings.clock ?? settings.clock };
    this.next = new RecordingConsumer(answer);
    this.sampler = factory.create(this.settings, schema.parse(config), this.next);
  }

  async start(): Promise<this> {
    await this.sampler.start?.(host);
    return this;
  }

  put(batch: Payload) {
    return this.sampler.consume(batch, noContext);
  }

  async stop(): Promise<void> {
    await this.sampler.shutdown?.(AbortSignal.timeout(5000));
  }

  async advance(ms: number): Promise<void> {
    await this.settings.clock.advance(ms);
  }

  /** Spans passed on since the last call. */
  take(): Kept[] {
    const kept = this.next.taken.splice(0).flatMap(spansIn);
    this.next.calls.length = 0;
    return kept;
  }

  metric(name: string, labels: Record<string, string> = {}): number {
    const all = { processor: 'error_biased_sampler', 'otel.signal': this.settings.signal ?? '', ...labels };
    return this.settings.meter.value(`sluice_error_biased_sampler_${name}`, all);
  }
}

export interface Kept {
  readonly traceId: string;
  readonly name: string;
  readonly traceState: string;
}

function spansIn(batch: Payload): Kept[] {
  const kept: Kept[] = [];
  const walk = walkSpans(batch);
  while (walk.nextResource()) {
    while (walk.nextScope()) {
      while (walk.nextRecord()) {
        const { name, traceState, traceId } = walk.record;
        kept.push({ traceId: Buffer.from(traceId).toString('hex'), name, traceState });
      }
    }
  }
  return kept;
}

/** A budget that leaves nothing to chance: only what is kept for its own sake is kept. */
export const onlyBias = {
  mode: 'head',
  target_spans_per_second: 1_000_000,
  initial_sampling_percentage: 0,
  rare: { max_per_minute: 0 },
} as const;

/** One span of a service. */
export function span(over: Partial<TestSpan> & { readonly service?: string; readonly ms?: number } = {}): Payload {
  const { service = 'shop', ms = 1, ...given } = over;
  const end = TEST_TIME + BigInt(Math.round(ms * 1e6));
  return tracesOf({ resource: { 'service.name': service }, spans: [{ trace: 1, name: 'GET /', end, ...given }] });
}

/** Random trace ids. */
export function traceIds(seed: number): () => string {
  const random = seededRandom(seed);
  const part = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return () => part() + part() + part() + part();
}
