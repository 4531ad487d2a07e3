import { setImmediate } from 'node:timers/promises';
import type { Host, Settings } from '../../internal/core/component.ts';
import type { ClientMetadata } from '../../internal/core/consumer.ts';
import { Notice } from '../../internal/core/notice.ts';
import { accepted, type Outcome, retryable } from '../../internal/core/outcome.ts';
import type { SendContext, Sender } from '../../internal/exporterhelper/index.ts';
import type { Located } from '../../internal/exporterhelper/isolate.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { Bodies } from './bodies.ts';
import type { Documents, Refused } from './bulk.ts';
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
  /** The encoding that was asked for last. */
  #encoding: Promise<unknown> = Promise.resolve();
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
    const encoder = await this.#encoded(batch, ctx.metadata, earlier === undefined);
    const { documents } = encoder.bulk;
    const delivery = earlier ?? new Delivery(documents.count);
    if (!earlier) this.#counters.received(documents.count);
    else if (delivery.waiting.length < documents.count) this.#counters.retried(delivery.waiting.length);
    delivery.tries++;
    const { memory, clock } = this.#settings;
    const encoders = {
      encoded: () => this.#encoded(batch, ctx.metadata, false),
      release: (used: BulkEncoder, again: boolean) => again && this.#keep(used),
    };
    const bodies = new Bodies(this.#client, encoders, memory, encoder);
    const requests = new BulkRequests(this.#client, this.#config, this.#counters, clock, documents, delivery);
    return this.#verdict(batch, documents, delivery, await requests.send(bodies, ctx.abort));
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

  /** @param first points without a value are counted */
  async #encoded(batch: Payload, metadata: ClientMetadata | undefined, first: boolean): Promise<BulkEncoder> {
    const withoutValue = () => {
      if (first) this.#counters.withoutValue();
    };
    const run = async () => {
      const encoder = this.#encoders.pop() ?? this.#newEncoder(batch);
      await encoder.encodeInTurns(batch, metadata, withoutValue, setImmediate);
      return encoder;
    };
    // One batch after the other: side by side they would end no sooner, and hold a buffer each.
    const encoded = this.#encoding.then(run, run);
    this.#encoding = encoded;
    return encoded;
  }

  #newEncoder({ signal }: Payload): BulkEncoder {
    const { clock, random } = this.#settings;
    return new BulkEncoder(this.#config, signal, () => clock.now(), Math.floor(random() * 0x1_0000_0000));
  }

  #keep(encoder: BulkEncoder): void {
    if (this.#encoders.length >= MAX_KEPT_ENCODERS || encoder.bulk.out.buf.length > MAX_KEPT_BUFFER) return;
    this.#encoders.push(encoder);
  }

  async #verdict(batch: Payload, documents: Documents, delivery: Delivery, end: Outcome): Promise<Located> {
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
    await this.#tell(batch, documents, delivery);
    if (end.status === 'permanent' && delivery.lost.size === documents.count && documents.refused.length === 0)
      return end;
    const losses = lossesOf(documents, delivery.lost, this.#quotes);
    if (again) {
      this.#deliveries.set(batch, delivery);
      return this.#unfinished(documents, delivery, end);
    }
    if (losses.length === 0) return accepted;
    const rejectedItems = losses.reduce((sum, { items }) => sum + items, 0);
    return { status: 'accepted', rejectedItems, reason: losses[0]!.outcome!.reason, losses };
  }

  /** The rest will be tried again; should nobody do that, what has arrived is not lost. */
  #unfinished(documents: Documents, delivery: Delivery, end: Outcome): Located {
    if (delivery.waiting.length === documents.count) return end;
    const open = new Map(delivery.lost);
    for (const document of delivery.waiting) {
      open.set(document, { status: 0, type: 'unsent', reason: end.reason ?? '', retryable: true });
    }
    return { ...end, losses: lossesOf(documents, open, this.#quotes) };
  }

  /** Tells of what was refused for good since the last try: one line in ten seconds, and all of it in the file. */
  async #tell(batch: Payload, documents: Documents, delivery: Delivery): Promise<void> {
    const fresh = [...delivery.lost].filter(([document]) => !delivery.logged.has(document));
    const refused = delivery.tries === 1 ? documents.refused : [];
    const [first] = fresh;
    if (!first && refused.length === 0) return;
    this.#refusals.event((leftOut) => {
      this.#settings.logger.warn('Elasticsearch refused documents for good', {
        documents: fresh.length + refused.length,
        ...(first
          ? { status: first[1].status, type: first[1].type, index: documents.indices[first[0]] }
          : { type: NOT_ENCODED, reason: refused[0]!.reason }),
        ...(first && this.#quotes && { reason: first[1].reason }),
        ...(this.#config.rejected && { kept_in: this.#config.rejected.path }),
        ...(leftOut > 0 && { left_out_before: leftOut }),
      });
    });
    for (const [document] of fresh) delivery.logged.add(document);
    if (!this.#rejected) return;
    let lines = 0;
    for (const line of rejectionLines(batch, rejectedOf(documents, fresh, refused), this.#settings.clock.now())) {
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
  documents: Documents,
  lost: readonly (readonly [document: number, why: LostDocument])[],
  refused: readonly Refused[],
): Rejected[] {
  const items = documents.itemsOf(lost.map(([number]) => number));
  return [
    ...refused.map(({ item, reason }) => ({
      items: new Set([item]),
      rejection: { index: '', status: 0, type: NOT_ENCODED, reason },
    })),
    ...lost.map(([number, { status, type, reason }], i) => {
      const own = documents.documentOf[documents.ownerOf[number]!] === number;
      const index = documents.indices[number]!;
      return { items: items[i]!, rejection: { index, status, type, reason, ...(!own && { of: 'event' as const }) } };
    }),
  ];
}

/** The type of what no document could be made of. */
const NOT_ENCODED = 'not_encoded';
/** Lines of the rejection log that are written at once. */
const LINES_PER_TURN = 128;
