import type { Settings } from '../../internal/core/component.ts';
import type { Counter } from '../../internal/core/telemetry.ts';
import type { AnswerCache } from './answer_cache.ts';
import type { Answer } from './facts.ts';

const outcomes = ['hit', 'absent', 'miss', 'failed', 'late'] as const;

export class EnrichmentMetrics {
  readonly end: () => void;
  readonly #incomplete: Counter;
  /** By source, in order. */
  readonly #lookups: readonly Readonly<Record<(typeof outcomes)[number], Counter>>[];

  constructor({ meter, id, pipeline = '' }: Settings, sources: readonly string[], waiting: () => number) {
    const lookup = (source: string, outcome: string) =>
      meter.counter({
        name: 'sluice_enrichment_lookups_total',
        help: 'Keys of batches by source and outcome: hit, absent, miss, failed or late.',
        labels: { processor: id, source, outcome },
      });
    this.#lookups = sources.map(
      (source) =>
        Object.fromEntries(outcomes.map((outcome) => [outcome, lookup(source, outcome)])) as Record<
          (typeof outcomes)[number],
          Counter
        >,
    );
    this.#incomplete = meter.counter({
      name: 'sluice_enrichment_incomplete_batches_total',
      help: 'Batches that went on without what a source failed to say in time.',
      labels: { processor: id },
    });
    const name = 'sluice_enrichment_waiting_batches';
    const help = 'Batches that wait for lookups.';
    this.end = meter.observe({ name, help, labels: { processor: id, pipeline } }, waiting);
  }

  /** @param asked each key of a batch once, by source */
  count(asked: readonly ReadonlyMap<string, Answer>[], incomplete: boolean): void {
    for (let i = 0; i < asked.length; i++) {
      for (const answer of asked[i]!.values()) {
        this.#lookups[i]![typeof answer === 'string' ? answer : 'hit'].add(1);
      }
    }
    if (incomplete) this.#incomplete.add(1);
  }
}

/** Tells what a source's cache takes: in metrics, and to the process as memory in use. @returns what ends it */
export function observeCache(settings: Settings, source: string, cache: AnswerCache): () => void {
  // The processor may stand in several pipelines, each with a cache of its own.
  const { meter, memory, id: processor, pipeline = '' } = settings;
  const labels = { processor, source, pipeline };
  const entries = 'Answers of a source that are kept.';
  const bytes = 'Bytes of the answers that are kept.';
  const ends = [
    memory.addApart(() => cache.bytes),
    meter.observe({ name: 'sluice_enrichment_cache_entries', help: entries, labels }, () => cache.size),
    meter.observe({ name: 'sluice_enrichment_cache_bytes', help: bytes, labels }, () => cache.bytes),
  ];
  return () => {
    for (const end of ends) end();
  };
}
