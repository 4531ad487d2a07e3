import type { Component, Host, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import { type Outcome, retryable } from '../../internal/core/outcome.ts';
import { Assembly } from '../../internal/otlp/assembly.ts';
import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import { AttributeList } from '../../internal/otlp/attributes/list.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { Range } from '../../internal/otlp/regroup.ts';
import {
  type MetricVisitor,
  Patch,
  rewriteLogs,
  rewriteMetrics,
  rewriteSpans,
  Tools,
} from '../../internal/otlp/rewrite.ts';
import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { DataPoint } from '../../internal/otlp/view/point.ts';
import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import type { EnrichmentConfig } from './config.ts';
import { SchemaUpgrade, SPAN_EVENT } from './conventions.ts';
import type { Answer } from './facts.ts';
import { EnrichmentMetrics } from './metrics.ts';
import { Lookup, type Place } from './plan.ts';
import { ServiceName } from './service_name.ts';
import { sourceOf } from './source.ts';

/** Field numbers of `repeated KeyValue attributes`. */
const attributesOf = { resource: 1, scope: 3, traces: 9, event: 3, logs: 6 } as const;

/** Stand among the keys of a batch for what has none. */
const noKey = '\u0000absent';
const notAKey = '\u0000too long';

/** What one batch has asked, by source and key: each key is looked up once. */
type Asked = Map<string, Answer | Promise<Answer>>[];

/**
 * Writes what its sources know into each batch. A batch whose answers are all known passes within the call. Another one
 * waits for them at most `timeout`; nothing was said to its sender by then, who so keeps its bytes in the memory budget
 * and its items in the ledger, and both hear what becomes of it by the answer to `consume`.
 */
export class Enrichment implements Component, Consumer {
  readonly #settings: Settings;
  readonly #config: EnrichmentConfig;
  readonly #next: Consumer;
  readonly #lookups: readonly Lookup[];
  readonly #metrics: EnrichmentMetrics;
  readonly #upgrade: SchemaUpgrade | undefined;
  readonly #serviceName: ServiceName | undefined;
  readonly #list = new AttributeList();
  readonly #eventPatch = new Patch();
  readonly #mark = Buffer.from('enrichment.incomplete');
  readonly #yes = encodeValue(true);
  readonly #rewrite: (batch: Payload) => Payload;
  /** The same for a batch of older semantic conventions: it looks at each record. */
  readonly #rewriteUpgrading: (batch: Payload) => Payload;
  readonly #waiting = new Set<() => void>();
  readonly #passing = new Set<Promise<unknown>>();
  #stopping = false;
  /** Of the batch at which the walk is. */
  #asked: Asked = [];
  #incomplete = false;

  constructor(settings: Settings, config: EnrichmentConfig, next: Consumer) {
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    this.#lookups = config.sources.map((one) => new Lookup(one, sourceOf(settings, one), config.conflict));
    this.#metrics = new EnrichmentMetrics(
      settings,
      this.#lookups.map(({ name }) => name),
      () => this.#waiting.size,
    );
    const upgrade = config.upgrade_semantic_conventions;
    this.#upgrade =
      upgrade === 'off' ? undefined : new SchemaUpgrade(settings.signal ?? 'traces', upgrade === 'always');
    this.#serviceName = config.fill_service_name ? new ServiceName() : undefined;
    this.#rewrite = this.#rewriter(undefined);
    this.#rewriteUpgrading = this.#rewriter(this.#upgrade);
  }

  async start(host: Host): Promise<void> {
    await Promise.all(this.#lookups.map(({ source }) => source.start?.(host)));
  }

  /** Batches that wait go on without what is missing. */
  async shutdown(abort: AbortSignal): Promise<void> {
    this.#stopping = true;
    for (const goOn of [...this.#waiting]) goOn();
    const aborted = new Promise<void>((resolve) => {
      if (abort.aborted) resolve();
      else abort.addEventListener('abort', () => resolve(), { once: true });
    });
    if (this.#passing.size > 0) await Promise.race([Promise.all(this.#passing), aborted]);
    for (const { source } of this.#lookups) source.close?.();
    this.#metrics.end();
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    const asked: Asked = this.#lookups.map(() => new Map());
    const out = this.#enriched(batch, asked);
    const promised = promisesIn(asked);
    if (promised.length === 0) return this.#next.consume(this.#counted(out, asked), ctx);
    if (this.#stopping || this.#waiting.size >= this.#config.max_waiting_batches) {
      forgetPromises(asked);
      return this.#next.consume(this.#counted(this.#enriched(batch, asked), asked), ctx);
    }
    const passing = this.#afterLookups(batch, asked, promised, ctx);
    this.#passing.add(passing);
    const passed = () => this.#passing.delete(passing);
    passing.then(passed, passed);
    return passing;
  }

  async #afterLookups(batch: Payload, asked: Asked, promised: Promise<void>[], ctx: BatchContext): Promise<Outcome> {
    await this.#patience(Promise.all(promised), ctx.abort);
    if (ctx.abort?.aborted) return retryable('the sender has gone while its batch waited for lookups');
    forgetPromises(asked);
    return this.#next.consume(this.#counted(this.#enriched(batch, asked), asked), ctx);
  }

  /** Resolves when all is known, after `timeout`, when the sender goes, or at a shutdown. */
  #patience(known: Promise<unknown>, abort: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const goOn = () => {
        timer.cancel();
        abort?.removeEventListener('abort', goOn);
        this.#waiting.delete(goOn);
        resolve();
      };
      const timer = this.#settings.clock.after(this.#config.timeout, goOn);
      this.#waiting.add(goOn);
      abort?.addEventListener('abort', goOn, { once: true });
      if (abort?.aborted) goOn();
      void known.then(goOn);
    });
  }

  #enriched(batch: Payload, asked: Asked): Payload {
    this.#asked = asked;
    this.#incomplete = false;
    return this.#upgrade?.concerns(batch) ? this.#rewriteUpgrading(batch) : this.#rewrite(batch);
  }

  #counted(out: Payload, asked: Asked): Payload {
    this.#metrics.count(asked as Map<string, Answer>[], this.#incomplete);
    return out;
  }

  /** Looks no deeper than something is to be read or written: mostly the resources alone. */
  #rewriter(upgrade: SchemaUpgrade | undefined): (batch: Payload) => Payload {
    const signal = this.#settings.signal ?? 'traces';
    const serves = (place: Place) => this.#lookups.some(({ at, target }) => at === place || target === place);
    const any = this.#lookups.length > 0 || this.#serviceName !== undefined || upgrade !== undefined;
    const options = { tools: new Tools() };
    const records = serves('record') || upgrade?.deep === true;
    const visitor: MetricVisitor = {
      ...(any && {
        resource: (group: ResourceGroup, patch: Patch) => {
          if (upgrade?.enterResource(group)) patch.appendBeside(upgrade.url);
          this.#edit('resource', group.resource, 1, patch, upgrade);
        },
      }),
      ...((serves('scope') || upgrade?.deep) && {
        scope: (group: ScopeGroup, patch: Patch) => {
          if (upgrade?.enterScope(group)) patch.appendBeside(upgrade.url);
          this.#edit('scope', group.scope, attributesOf.scope, patch, upgrade);
        },
      }),
    };
    if (signal === 'metrics') {
      const point = (one: DataPoint, patch: Patch) => this.#edit('record', one, one.attributesField, patch, upgrade);
      const points: MetricVisitor = records ? { ...visitor, point } : visitor;
      return (batch) => rewriteMetrics(batch, points, options);
    }
    const field = attributesOf[signal];
    const { resource, scope } = visitor;
    const above = { ...(resource && { resource }), ...(scope && { scope }) };
    if (signal === 'logs') {
      const record = (log: LogRecord, patch: Patch) => this.#edit('record', log, field, patch, upgrade);
      const logs = { ...above, ...(records && { record }) };
      return (batch) => rewriteLogs(batch, logs, options);
    }
    const record = (span: Span, patch: Patch) => {
      this.#edit('record', span, field, patch, upgrade);
      if (upgrade) this.#renameInEvents(span, patch, upgrade);
    };
    const spans = { ...above, ...(records && { record }) };
    return (batch) => rewriteSpans(batch, spans, options);
  }

  #edit(place: Place, message: Range, field: number, patch: Patch, upgrade: SchemaUpgrade | undefined): void {
    const list = this.#list.read(message, field);
    const lookups = this.#lookups;
    // Keys are read before anything is written, so that no source waits for another.
    for (let i = 0; i < lookups.length; i++) {
      const lookup = lookups[i]!;
      if (lookup.at === place) lookup.current = this.#answer(i, lookup.keyIn(list));
    }
    upgrade?.rename(place, list, field);
    let lacking = false;
    for (const lookup of lookups) {
      if (lookup.target !== place) continue;
      lookup.write(list, field);
      if (lookup.current === 'failed' || lookup.current === 'late') lacking = true;
    }
    if (place === 'resource') this.#serviceName?.fill(list, field);
    if (lacking) this.#lacks(list, field);
    if (list.changed) list.write(patch);
  }

  #renameInEvents({ buf, start, end }: Range, patch: Patch, upgrade: SchemaUpgrade): void {
    upgrade.eachEvent({ buf, start, end }, (at, from, to) => {
      const list = this.#list.read({ buf, start: from, end: to }, attributesOf.event);
      upgrade.rename('event', list, attributesOf.event);
      if (!list.changed) return;
      const inner = this.#eventPatch.reset(from, to);
      list.write(inner);
      const out = new Assembly();
      out.patched(SPAN_EVENT, inner, buf);
      patch.splice(at, to, out.finish());
    });
  }

  #answer(index: number, key: string | null | undefined): Answer {
    if (key === null) return this.#known(index, notAKey, 'miss');
    if (key === undefined) return this.#known(index, noKey, 'absent');
    const asked = this.#asked[index]!;
    let answer = asked.get(key);
    if (answer === undefined) asked.set(key, (answer = this.#lookups[index]!.source.find(key)));
    return answer instanceof Promise ? 'late' : answer;
  }

  /** Counted once for each batch, as each key is. */
  #known(index: number, key: string, gap: 'miss' | 'absent'): Answer {
    this.#asked[index]!.set(key, gap);
    return gap;
  }

  #lacks(list: AttributeList, field: number): void {
    this.#incomplete = true;
    if (this.#config.mark_incomplete && list.find(this.#mark) < 0) {
      list.add(encodeField(field, this.#mark, this.#yes));
    }
  }
}

/** One for each key that is not known yet; each puts its answer in its place. */
function promisesIn(asked: Asked): Promise<void>[] {
  const promises: Promise<void>[] = [];
  for (const answers of asked) {
    for (const [key, answer] of answers) {
      if (!(answer instanceof Promise)) continue;
      promises.push(
        answer.then((known) => {
          if (answers.get(key) === answer) answers.set(key, known);
        }),
      );
    }
  }
  return promises;
}

function forgetPromises(asked: Asked): void {
  for (const answers of asked) {
    for (const [key, answer] of answers) if (answer instanceof Promise) answers.set(key, 'late');
  }
}
