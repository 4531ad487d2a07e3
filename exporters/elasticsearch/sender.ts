import { setImmediate } from 'node:timers/promises';
import type { Host, Settings } from '../../internal/core/component.ts';
import { Notice } from '../../internal/core/notice.ts';
import { accepted, type Outcome, retryable } from '../../internal/core/outcome.ts';
import type { SendContext, Sender } from '../../internal/exporterhelper/index.ts';
import type { Located } from '../../internal/exporterhelper/isolate.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { Refused } from './bulk.ts';
import { ElasticsearchClient } from './client.ts';
import type { ElasticsearchConfig } from './config.ts';
import { Counters } from './counters.ts';
import { Delivery, type LostDocument, lossesOf } from './delivery.ts';
import { BulkEncoder } from './encode.ts';
import { type Rejected, RejectionLog, rejectionLines } from './rejected.ts';
import { BulkRequests } from './requests.ts';
import { installTemplates } from './templates.ts';

/** Encoders that wait for the next batch keep a buffer of at most so many bytes. */
const MAX_KEPT_BUFFER = 16 * 1024 * 1024;
const MAX_KEPT_ENCODERS = 4;

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
    // Whoever has the same batch at the same time, from another pipeline, has a delivery of their own.
    const earlier = this.#deliveries.get(batch);
    this.#deliveries.delete(batch);
    const encoder = this.#encoders.pop() ?? this.#newEncoder(batch);
    const withoutValue = () => {
      if (!earlier) this.#counters.withoutValue();
    };
    await encoder.encodeInTurns(batch, ctx.metadata, withoutValue, setImmediate);
    const { bulk } = encoder;
    const delivery = earlier ?? new Delivery(bulk.documents);
    if (!earlier) this.#counters.received(bulk.documents);
    else if (delivery.waiting.length < bulk.documents) this.#counters.retried(delivery.waiting.length);
    delivery.tries++;
    const { memory, clock } = this.#settings;
    const requests = new BulkRequests(this.#client, this.#config, this.#counters, clock, bulk, delivery);
    const bytes = bulk.out.buf.length;
    memory.addCopy(bytes);
    let end: Outcome;
    try {
      end = await requests.send(ctx.abort);
    } finally {
      memory.dropCopy(bytes);
    }
    const outcome = await this.#verdict(batch, encoder, delivery, end);
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

  async #verdict(batch: Payload, { bulk }: BulkEncoder, delivery: Delivery, end: Outcome): Promise<Located> {
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
    await this.#tell(batch, bulk, delivery);
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
  async #tell(batch: Payload, bulk: BulkEncoder['bulk'], delivery: Delivery): Promise<void> {
    const fresh = [...delivery.lost].filter(([document]) => !delivery.logged.has(document));
    const refused = delivery.tries === 1 ? bulk.refused : [];
    const [first] = fresh;
    if (!first && refused.length === 0) return;
    this.#refusals.event((leftOut) => {
      this.#settings.logger.warn('Elasticsearch refused documents for good', {
        documents: fresh.length + refused.length,
        ...(first
          ? { status: first[1].status, type: first[1].type, index: bulk.indices[first[0]] }
          : { type: NOT_ENCODED, reason: refused[0]!.reason }),
        ...(first && this.#quotes && { reason: first[1].reason }),
        ...(this.#config.rejected && { kept_in: this.#config.rejected.path }),
        ...(leftOut > 0 && { left_out_before: leftOut }),
      });
    });
    for (const [document] of fresh) delivery.logged.add(document);
    if (!this.#rejected) return;
    let lines = 0;
    for (const line of rejectionLines(batch, rejectedOf(batch, bulk, fresh, refused), this.#settings.clock.now())) {
      this.#rejected.add(line);
      if (++lines % LINES_PER_TURN === 0) await setImmediate();
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

function rejectedOf(
  batch: Payload,
  bulk: BulkEncoder['bulk'],
  lost: readonly (readonly [document: number, why: LostDocument])[],
  refused: readonly Refused[],
): Rejected[] {
  const documents = lost.map(([document]) => document);
  const items = bulk.itemsOf(documents, batch.itemCount);
  return [
    ...refused.map(({ item, reason }) => ({
      items: new Set([item]),
      rejection: { index: '', status: 0, type: NOT_ENCODED, reason },
    })),
    ...lost.map(([document, { status, type, reason }], i) => {
      const own = bulk.documentOf[bulk.ownerOf[document]!] === document;
      const rejection = { index: bulk.indices[document]!, status, type, reason, ...(!own && { of: 'event' as const }) };
      return { items: items[i]!, rejection };
    }),
  ];
}

/** The type of what no document could be made of. */
const NOT_ENCODED = 'not_encoded';
/** Lines of the rejection log that are written at once. */
const LINES_PER_TURN = 128;
