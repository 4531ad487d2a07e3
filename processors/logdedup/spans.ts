import type { Component, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { handOnKept, whenAnswered } from '../../internal/core/hand_on.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { rewriteSpans } from '../../internal/otlp/rewrite.ts';
import type { LogdedupConfig } from './config.ts';
import { Digest, keyOf } from './digest.ts';
import { dedupMetrics, type Metrics } from './metrics.ts';
import { Seen } from './seen.ts';

const traceIdField = 1;
const spanIdField = 2;

/**
 * Leaves out spans that came before with the same ids and the same content. Holds nothing; a span is remembered once the
 * next component has taken it, so that what is sent again after a refusal passes.
 */
export class SpanDedup implements Component, Consumer {
  readonly #settings: Settings;
  readonly #next: Consumer;
  #digest: Digest;
  #seen: Seen;
  readonly #metrics: Metrics;
  readonly #endApart: () => void;

  constructor(settings: Settings, config: LogdedupConfig, next: Consumer) {
    this.#settings = settings;
    this.#next = next;
    this.#digest = new Digest(settings.random);
    this.#seen = new Seen(config.spans_window, config.max_spans, settings.clock.monotonic());
    this.#metrics = dedupMetrics(settings, () => this.#seen.size);
    this.#endApart = settings.memory.addApart(() => this.#seen.bytes);
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    this.#seen.tick(this.#settings.clock.monotonic());
    const fresh = new Set<number>();
    const kept = rewriteSpans(batch, {
      record: (span, patch) => {
        // Without ids nothing says that two spans are one.
        if (!hasId(span, traceIdField, 16) || !hasId(span, spanIdField, 8)) return;
        const { a, b } = this.#digest.of(span.buf, span.start, span.end);
        const key = keyOf(a, b) || 1;
        if (fresh.has(key) || this.#seen.has(key)) patch.drop();
        else fresh.add(key);
      },
    });
    const answer = handOnKept(this.#next, this.#settings.account, batch, kept, ctx);
    return whenAnswered(answer, () => this.#taken(fresh, batch.itemCount - kept.itemCount));
  }

  async shutdown(): Promise<void> {
    this.#metrics.end();
    this.#endApart();
  }

  /** Both remember as one from now on: a batch under way here may still be taken. */
  handOver(successor: Component): boolean {
    if (!(successor instanceof SpanDedup)) return false;
    successor.#digest = this.#digest;
    successor.#seen.adopt(this.#seen, this.#settings.clock.monotonic());
    this.#seen = successor.#seen;
    this.#endApart();
    return true;
  }

  #taken(keys: ReadonlySet<number>, duplicates: number): void {
    const now = this.#settings.clock.monotonic();
    for (const key of keys) if (this.#seen.add(key, now)) this.#metrics.early.add(1);
    if (duplicates > 0) this.#metrics.duplicates.add(duplicates);
  }
}

interface Ids {
  readonly buf: Uint8Array;
  valueStart(field: number): number;
  valueEnd(field: number): number;
}

function hasId(span: Ids, field: number, size: number): boolean {
  const start = span.valueStart(field);
  const end = span.valueEnd(field);
  if (start < 0 || end - start !== size) return false;
  for (let i = start; i < end; i++) if (span.buf[i] !== 0) return true;
  return false;
}
