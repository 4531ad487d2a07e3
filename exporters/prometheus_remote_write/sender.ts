import { setImmediate } from 'node:timers/promises';
import { compressSync, uncompressSync } from 'snappy';
import type { Host, Settings } from '../../internal/core/component.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Sender } from '../../internal/exporterhelper/index.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { Accumulator } from '../../internal/prometheus/accumulator.ts';
import { type Skipped, Translator } from '../../internal/prometheus/translate.ts';
import type { RemoteWriteConfig } from './config.ts';
import { Delivery } from './delivery.ts';
import type { LaneTools, Request } from './lane.ts';
import { Lanes } from './lanes.ts';
import { Metrics } from './metrics.ts';
import { countWrote, type PointTable, type RequestBuilder } from './request.ts';
import { toVersion1 } from './transcode.ts';
import { translationOf } from './translation.ts';
import { V1Builder } from './v1.ts';
import { V2Builder } from './v2.ts';
import type { Verdict } from './verdict.ts';
import { type Loss, Work } from './work.ts';

/** Data points of one turn of the event loop: about 10 ms. */
const pointsPerTurn = 4096;
/** Requests on top of the first one that one refused request may cost. */
const maxExtraRequests = 64;

/**
 * Translates each batch once, in the order in which batches come, and deals the series out to lanes.
 * A batch is done when the last of its points is.
 */
export class RemoteWriteSender implements Sender, LaneTools {
  readonly maxBytes: number;
  readonly #settings: Settings;
  readonly #config: RemoteWriteConfig;
  readonly #metrics: Metrics;
  readonly #delivery: Delivery;
  readonly #lanes: Lanes;
  readonly #deltas: Accumulator;
  readonly #translator: Translator;
  #unobserve: (() => void) | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(settings: Settings, config: RemoteWriteConfig) {
    this.#settings = settings;
    this.#config = config;
    this.maxBytes = config.max_batch_size_bytes || 3_000_000;
    const { origin, pathname } = new URL(config.endpoint);
    const lanes = config.max_batch_request_parallelism ?? config.remote_write_queue.num_consumers;
    this.#metrics = new Metrics(settings, origin + pathname, lanes);
    this.#lanes = new Lanes(lanes, this);
    this.#delivery = new Delivery(settings, config, this.#metrics, {
      onOldServer: () => this.#lanes.renew(),
      toVersion1: (request) => this.#toVersion1(request),
    });
    const { max_streams, max_stale } = config.delta_to_cumulative;
    this.#deltas = new Accumulator(settings.clock, { maxStreams: max_streams, maxStaleMs: max_stale });
    this.#translator = new Translator(translationOf(config), this.#lanes, this.#deltas);
  }

  start(host: Host): Promise<void> {
    this.#unobserve = this.#metrics.deltaStreams(() => this.#deltas.streams);
    return this.#delivery.start(host);
  }

  send(batch: Payload): Promise<Outcome> {
    return new Promise((resolve) => {
      const work = new Work(batch.itemCount, resolve);
      // One batch after the other, in the order of the calls: a series must not be overtaken by itself.
      this.#turn = this.#turn.then(() => this.#translate(batch, work));
    });
  }

  stopping(): void {
    this.#delivery.stop();
  }

  async shutdown(): Promise<void> {
    this.#delivery.close();
    this.#deltas.close();
    this.#unobserve?.();
  }

  async #translate(batch: Payload, work: Work): Promise<void> {
    const skipped = new Map<Skipped, number>();
    this.#lanes.begin(work);
    try {
      this.#translator.begin(batch, (reason, points) => skipped.set(reason, (skipped.get(reason) ?? 0) + points));
      while (!this.#translator.step(pointsPerTurn)) {
        this.#lanes.pause();
        await setImmediate();
      }
    } catch (error) {
      this.#settings.logger.error('a bug in the exporter: a batch could not be translated', { error });
      work.lost({ items: batch.itemCount - work.opens, reason: `${this.#settings.id}: a bug`, code: 'bug' });
    }
    if (skipped.size > 0) this.#metrics.failedTranslations.add(1);
    for (const [reason, points] of skipped) {
      this.#metrics.lost(points, reason);
      work.lost({ items: points, reason: `${points} points: ${skippedText[reason]}`, code: 'rejected' });
    }
    work.translated();
    this.#lanes.pause();
  }

  builder(): RequestBuilder<Work> {
    return this.#delivery.version === 2 ? new V2Builder() : new V1Builder(this.#config.send_metadata);
  }

  seal(builder: RequestBuilder<Work>): Request {
    const { message, points, wrote } = builder.build();
    this.#metrics.translatedSeries.add(wrote.series);
    const version = builder instanceof V2Builder ? 2 : 1;
    return { version, ...this.#packed(message), points, wrote };
  }

  deliver(request: Request): Promise<Verdict> {
    return this.#delivery.deliver(request);
  }

  async settle(request: Request, verdict: Verdict): Promise<void> {
    const { points } = request;
    if (verdict.kind !== 'divide' || points.count < 2) this.#end(points, 0, points.count, request, verdict);
    else await this.#divide(request, verdict);
    this.#settings.memory.dropCopy(request.body.length);
  }

  failed(request: Request, error: unknown): void {
    this.#settings.logger.error('a bug in the exporter: a request could not be sent', { error });
    const verdict = {
      kind: 'refused',
      reason: `${this.#settings.id}: a bug`,
      refusal: 'rejected',
      code: 'bug',
    } as const;
    this.#end(request.points, 0, request.points.count, request, verdict);
    this.#settings.memory.dropCopy(request.body.length);
  }

  /** Sends the halves of a request that was refused as a whole, and the halves of those, down to the points at fault. */
  async #divide(request: Request, refused: Verdict): Promise<void> {
    const { points } = request;
    const message = uncompressSync(request.body) as Buffer;
    let left = maxExtraRequests;
    const halve = async (from: number, to: number, verdict: Verdict): Promise<void> => {
      if (verdict.kind !== 'divide' || to - from < 2 || left < 2) {
        this.#end(points, from, to, request, verdict);
        return;
      }
      left -= 2;
      const middle = (from + to) >>> 1;
      await send(from, middle);
      await send(middle, to);
    };
    const send = async (from: number, to: number): Promise<void> => {
      const head = message.subarray(0, points.start);
      const part = Buffer.concat([head, message.subarray(points.endOf(from - 1), points.endOf(to - 1))]);
      const piece: Request = {
        ...request,
        ...this.#packed(part),
        wrote: countWrote(part, points.start, request.version),
      };
      const verdict = await this.deliver(piece);
      if (piece.unanswered) request.unanswered = true;
      this.#settings.memory.dropCopy(piece.body.length);
      await halve(from, to, verdict);
    };
    await halve(0, points.count, refused);
  }

  #toVersion1(request: Request): void {
    const { message, ends } = toVersion1(uncompressSync(request.body) as Buffer, request.points);
    this.#settings.memory.dropCopy(request.body.length);
    Object.assign(request, { version: 1, points: request.points.moved(ends), ...this.#packed(message) });
  }

  /** @returns the compressed message, counted as a copy */
  #packed(message: Buffer): { body: Buffer } {
    const body = compressSync(message, { copyOutputData: true });
    this.#settings.memory.addCopy(body.length);
    return { body };
  }

  /** Tells the owners of the points in the range what became of them. */
  #end(points: PointTable<Work>, from: number, to: number, request: Request, verdict: Verdict): void {
    const { samples, histograms } = request.wrote;
    const items = points.items(from, to);
    let left = writtenBefore(request, verdict) ? 0 : lostItems(verdict, items, samples + histograms);
    if (left > 0) this.#metrics.lost(left, 'refusal' in verdict ? verdict.refusal : 'retries_exhausted');
    for (const [work, count] of items) {
      const lost = Math.min(left, count);
      left -= lost;
      if (lost > 0) work.lost(lossOf(lost, verdict));
      work.closed(count);
    }
  }
}

/**
 * A lane never overtakes itself. So what the server finds out of order in a request of which an answer was lost, an
 * earlier try has written.
 */
function writtenBefore({ unanswered }: Request, verdict: Verdict): boolean {
  return unanswered === true && 'refusal' in verdict && verdict.refusal === 'out_of_order';
}

/** Of a 2.0 request the server tells how many samples it did not take, not which: they are taken to be spread evenly over the points. */
function lostItems(verdict: Verdict, items: ReadonlyMap<Work, number>, values: number): number {
  let all = 0;
  for (const count of items.values()) all += count;
  if (verdict.kind !== 'written') return all;
  if (verdict.lost === 0 || values === 0) return 0;
  return Math.min(all, Math.max(1, Math.round((verdict.lost / values) * all)));
}

function lossOf(items: number, verdict: Verdict): Loss {
  const { reason } = verdict;
  if (verdict.kind === 'again') return { items, reason, code: undefined };
  return { items, reason, code: 'code' in verdict ? verdict.code : 'rejected' };
}

const skippedText: Readonly<Record<Skipped, string>> = {
  no_name: 'of the metric name nothing is left that Prometheus takes',
  no_time: 'without a time',
  no_value: 'without a value, or with an infinite one to be added up',
  no_temporality: 'without an aggregation temporality',
  bad_buckets: 'bucket bounds do not rise, or are out of range',
  bad_scale: 'exponential histograms coarser than scale -4',
  delta_out_of_order: 'delta points older than what is added up already',
  delta_overflow: 'more delta series than delta_to_cumulative.max_streams',
};
