import type { Host, Settings } from '../../internal/core/component.ts';
import { Notice } from '../../internal/core/notice.ts';
import { accepted, type Outcome, retryable } from '../../internal/core/outcome.ts';
import type { SendContext, Sender } from '../../internal/exporterhelper/index.ts';
import type { Located } from '../../internal/exporterhelper/isolate.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { ElasticsearchClient } from './client.ts';
import type { ElasticsearchConfig } from './config.ts';
import { Counters } from './counters.ts';
import { Delivery, lossesOf } from './delivery.ts';
import { BulkEncoder } from './encode.ts';
import { RejectionLog, rejectionLine } from './rejected.ts';
import { BulkRequests } from './requests.ts';
import { installTemplates } from './templates.ts';

/** Encoders that wait for the next batch keep a buffer of at most so many bytes. */
const MAX_KEPT_BUFFER = 16 * 1024 * 1024;
const MAX_KEPT_ENCODERS = 2;

/**
 * Sends each batch as bulk requests. A document that Elasticsearch does not take for now is sent again alone; one that
 * it refuses for good is counted, and handed to the rejection log with the reason.
 */
export class ElasticsearchSender implements Sender {
  readonly #settings: Settings;
  readonly #config: ElasticsearchConfig;
  readonly #client: ElasticsearchClient;
  readonly #counters: Counters;
  readonly #rejected: RejectionLog | undefined;
  readonly #refusals: Notice;
  readonly #troubles: Notice;
  readonly #encoders: BulkEncoder[] = [];
  /** Why the templates that are asked for are not there yet. */
  #templatesMissing: string | undefined;
  /** Batches of which some documents have arrived, while the rest waits for another try. */
  readonly #deliveries = new WeakMap<Payload, Delivery>();

  constructor(settings: Settings, config: ElasticsearchConfig) {
    this.#settings = settings;
    this.#config = config;
    this.#client = new ElasticsearchClient(settings, config);
    this.#counters = new Counters(settings);
    this.#refusals = new Notice(settings.clock);
    this.#troubles = new Notice(settings.clock);
    const { rejected } = config;
    this.#rejected =
      rejected && new RejectionLog(rejected.path, rejected.max_megabytes * 1e6, (why) => this.#trouble(why));
  }

  async start(host: Host): Promise<void> {
    await this.#client.start(host);
    if (!this.#config.setup.templates) return;
    // A cluster that is not there yet is no reason not to start.
    await this.#install();
  }

  async send(batch: Payload, ctx: SendContext): Promise<Located> {
    // Documents that came before their templates would make indices with the wrong types.
    if (this.#templatesMissing !== undefined && (await this.#install())) {
      return retryable(`the index templates could not be written: ${this.#templatesMissing}`);
    }
    const { memory } = this.#settings;
    const encoder = this.#encoders.pop() ?? this.#newEncoder(batch);
    encoder.encode(batch, ctx.metadata, () => this.#counters.withoutValue());
    const { bulk } = encoder;
    const bytes = bulk.out.buf.length;
    memory.addCopy(bytes);
    let delivery = this.#deliveries.get(batch);
    // Whoever has the same batch at the same time, from another pipeline, has a delivery of their own.
    this.#deliveries.delete(batch);
    if (!delivery) {
      delivery = new Delivery(bulk.documents);
      this.#counters.received(bulk.documents);
    } else if (delivery.waiting.length < bulk.documents) this.#counters.retried(delivery.waiting.length);
    delivery.tries++;
    const { clock } = this.#settings;
    const requests = new BulkRequests(this.#client, this.#config, this.#counters, clock, bulk, delivery);
    const end = await requests.send(ctx.abort);
    memory.dropCopy(bytes);
    const outcome = this.#verdict(batch, encoder, delivery, end);
    if (requests.bufferIsFree) this.#keep(encoder);
    return outcome;
  }

  async shutdown(): Promise<void> {
    this.#encoders.length = 0;
    await this.#client.close();
    await this.#rejected?.close();
  }

  /** @returns why the templates could not be written */
  async #install(): Promise<string | undefined> {
    const problem = await installTemplates(this.#client);
    if (problem !== undefined && this.#templatesMissing === undefined) {
      this.#settings.logger.warn(`the index templates could not be written yet: ${problem}`);
    }
    this.#templatesMissing = problem;
    return problem;
  }

  #newEncoder({ signal }: Payload): BulkEncoder {
    const { clock, random } = this.#settings;
    return new BulkEncoder(this.#config, signal, () => clock.now(), Math.floor(random() * 0x1_0000_0000));
  }

  #keep(encoder: BulkEncoder): void {
    if (this.#encoders.length >= MAX_KEPT_ENCODERS || encoder.bulk.out.buf.length > MAX_KEPT_BUFFER) return;
    this.#encoders.push(encoder);
  }

  #verdict(batch: Payload, { bulk }: BulkEncoder, delivery: Delivery, end: Outcome): Located {
    const { enabled, max_retries } = this.#config.retry;
    const again = end.status === 'retryable' && enabled && (max_retries === undefined || delivery.tries <= max_retries);
    if (end.status === 'retryable' && !again) {
      for (const document of delivery.waiting) {
        delivery.lost.set(document, { status: 0, type: 'retries_exhausted', reason: end.reason, retryable: true });
      }
      delivery.waiting = [];
    }
    if (end.status === 'permanent') {
      for (const document of delivery.waiting) {
        delivery.lost.set(document, { status: 0, type: end.code, reason: end.reason, retryable: false });
      }
    }
    this.#log(batch, bulk, delivery);
    if (end.status === 'permanent' && delivery.lost.size === bulk.documents && bulk.refused.length === 0) return end;
    const losses = lossesOf(bulk, batch.itemCount, delivery.lost, this.#quotes);
    if (again) {
      this.#deliveries.set(batch, delivery);
      return this.#unfinished(batch, bulk, delivery, end);
    }
    if (losses.length === 0) return accepted;
    const rejectedItems = losses.reduce((sum, { items }) => sum + items, 0);
    return { status: 'accepted', rejectedItems, reason: losses[0]!.outcome!.reason, losses };
  }

  /** The rest will be tried again; should nobody do that, what has arrived is not lost. */
  #unfinished(batch: Payload, bulk: BulkEncoder['bulk'], delivery: Delivery, end: Outcome): Located {
    if (delivery.waiting.length === bulk.documents) return end;
    const open = new Map(delivery.lost);
    for (const document of delivery.waiting) {
      open.set(document, { status: 0, type: 'unsent', reason: end.reason ?? '', retryable: true });
    }
    return { ...end, losses: lossesOf(bulk, batch.itemCount, open, this.#quotes) };
  }

  /** Tells of what was refused for good since the last try: one line in ten seconds, and all of it in the file. */
  #log(batch: Payload, bulk: BulkEncoder['bulk'], delivery: Delivery): void {
    const fresh = [...delivery.lost].filter(([document]) => !delivery.logged.has(document));
    const refused = delivery.tries === 1 ? bulk.refused : [];
    const first = fresh[0]?.[1];
    if (!first && refused.length === 0) return;
    this.#refusals.event((leftOut) => {
      this.#settings.logger.warn('Elasticsearch refused documents for good', {
        documents: fresh.length + refused.length,
        status: first?.status,
        type: first?.type ?? 'not_encoded',
        reason: first ? (this.#quotes ? first.reason : undefined) : refused[0]!.reason,
        index: first && bulk.indices[fresh[0]![0]],
        kept_in: this.#config.rejected?.path,
        ...(leftOut > 0 && { left_out_before: leftOut }),
      });
    });
    for (const [document] of fresh) delivery.logged.add(document);
    if (!this.#rejected) return;
    const time = this.#settings.clock.now();
    for (const { item, reason } of refused) {
      const rejection = { index: '', status: 0, type: 'not_encoded', reason };
      this.#rejected.add(rejectionLine(batch, new Set([item]), rejection, time));
    }
    for (const [document, { status, type, reason }] of fresh) {
      const items = bulk.itemsOf(document, batch.itemCount);
      const of = bulk.documentOf[bulk.ownerOf[document]!] === document ? undefined : ('event' as const);
      const rejection = { index: bulk.indices[document]!, status, type, reason, of };
      this.#rejected.add(rejectionLine(batch, items, rejection, time));
    }
  }

  /** The server's reasons quote the document unless it was asked not to: they are for the rejection log then. */
  get #quotes(): boolean {
    return this.#config.include_source_on_error !== undefined;
  }

  #trouble(why: string): void {
    this.#troubles.event(() => {
      this.#settings.logger.error(`cannot write the rejection log ${this.#config.rejected?.path}: ${why}`);
    });
  }
}
