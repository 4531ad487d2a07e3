import type { Clock } from '../../internal/core/clock.ts';
import { accepted, type Outcome, type PermanentCode, permanent, retryable } from '../../internal/core/outcome.ts';
import { parseRetryAfter } from '../../internal/net/status.ts';
import { type DocumentError, readBulkAnswer, readError } from './answer.ts';
import type { Bodies, Body } from './bodies.ts';
import type { Documents } from './bulk.ts';
import type { Answer, ElasticsearchClient } from './client.ts';
import type { ElasticsearchConfig } from './config.ts';
import { type Counters, outcomeOf } from './counters.ts';
import type { Delivery } from './delivery.ts';

/** Errors that pass, whatever status they come with: older servers answer 403 when a disk is full. */
const passingErrors: ReadonlySet<string> = new Set([
  'cluster_block_exception',
  'es_rejected_execution_exception',
  'circuit_breaking_exception',
  'unavailable_shards_exception',
  'process_cluster_event_timeout_exception',
]);

/** What one try may cost on top, to find the documents that a request was refused for. */
const MAX_EXTRA_REQUESTS = 64;

const codes: Readonly<Record<number, PermanentCode>> = {
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'not_found',
};

export type RequestsConfig = Pick<ElasticsearchConfig, 'flush' | 'retry' | 'compression'>;

interface Request {
  readonly documents: number[];
  body?: Body | undefined;
}

/** One try to send the documents of a batch that still wait, in requests of a bounded size. */
export class BulkRequests {
  readonly #client: Pick<ElasticsearchClient, 'bulk'>;
  readonly #config: RequestsConfig;
  readonly #counters: Counters;
  readonly #clock: Clock;
  readonly #documents: Documents;
  readonly #delivery: Delivery;
  #extra = MAX_EXTRA_REQUESTS;
  /** Somebody may still read a body that was sent. */
  #unfinished = false;

  constructor(
    client: Pick<ElasticsearchClient, 'bulk'>,
    config: RequestsConfig,
    counters: Counters,
    clock: Clock,
    documents: Documents,
    delivery: Delivery,
  ) {
    this.#client = client;
    this.#config = config;
    this.#counters = counters;
    this.#clock = clock;
    this.#documents = documents;
    this.#delivery = delivery;
  }

  /** @returns accepted when each document has been taken or is lost; else what stands in `delivery.waiting` is left */
  async send(bodies: Bodies, abort: AbortSignal | undefined): Promise<Outcome> {
    const queue: Request[] = this.#cut(this.#delivery.waiting).map((documents) => ({ documents }));
    try {
      if (this.#config.compression === 'gzip') {
        for (const request of queue) request.body = await bodies.pack(request.documents);
        bodies.letGo(true);
      }
      return await this.#sendAll(queue, bodies, abort);
    } finally {
      for (const { body } of queue) if (body) bodies.done(body);
      bodies.letGo(!this.#unfinished);
    }
  }

  async #sendAll(queue: Request[], bodies: Bodies, abort: AbortSignal | undefined): Promise<Outcome> {
    const left: number[] = [];
    let end: Outcome = accepted;
    for (let request = queue.shift(); request; request = queue.shift()) {
      const { documents } = request;
      const body = request.body ?? (await bodies.pack(documents));
      const outcome = await this.#request(documents, body, queue, left, abort);
      bodies.done(body);
      if (outcome.status === 'accepted') continue;
      end = outcome;
      if (left.at(-1) !== WHOLE) continue;
      // Behind a request that failed as a whole the others need not be tried.
      left.pop();
      left.push(...documents, ...queue.flatMap((other) => other.documents));
      break;
    }
    this.#delivery.waiting = left.sort((a, b) => a - b);
    return end;
  }

  /** Documents in requests of at most `flush.bytes`. */
  #cut(numbers: readonly number[]): number[][] {
    const requests: number[][] = [];
    let bytes = 0;
    for (const number of numbers) {
      const size = this.#documents.ends[number]! - this.#documents.startOf(number);
      if (requests.length === 0 || bytes + size > this.#config.flush.bytes) {
        requests.push([]);
        bytes = 0;
      }
      requests.at(-1)!.push(number);
      bytes += size;
    }
    return requests;
  }

  /** @param queue gets the halves of a request that must be divided @param left gets what must be sent again */
  async #request(
    documents: number[],
    { packed, plainBytes }: Body,
    queue: Request[],
    left: number[],
    abort: AbortSignal | undefined,
  ): Promise<Outcome> {
    const began = this.#clock.monotonic();
    const answer = await this.#client.bulk(packed, abort);
    const seconds = (this.#clock.monotonic() - began) / 1000;
    if ('error' in answer) return this.#unanswered(answer, seconds, documents.length, left);
    this.#counters.request(seconds, outcomeOf(answer.status), answer.status);
    if (answer.status >= 200 && answer.status < 300) {
      this.#counters.flushed(packed.length, plainBytes);
      return this.#settle(documents, answer.text, left);
    }
    return this.#refused(documents, answer, queue, left);
  }

  #unanswered(
    { error, timedOut }: Extract<Answer, { error: Error }>,
    seconds: number,
    documents: number,
    left: number[],
  ): Outcome {
    this.#unfinished = true;
    const outcome = timedOut ? 'timeout' : 'failed_server';
    this.#counters.request(seconds, outcome, 0);
    this.#counters.processed(documents, outcome, 0, 'no_answer');
    left.push(WHOLE);
    return retryable(error.message, undefined, error);
  }

  #settle(documents: readonly number[], text: string, left: number[]): Outcome {
    const answer = readBulkAnswer(text, documents.length);
    if (!answer) {
      left.push(WHOLE);
      return retryable('the answer to a bulk request is none: is this Elasticsearch, or a proxy before it?');
    }
    if (!answer.documents) {
      this.#counters.processed(documents.length, 'success', 200);
      return accepted;
    }
    const again: DocumentError[] = [];
    let taken = 0;
    for (const [i, said] of answer.documents.entries()) {
      const document = documents[i]!;
      if (said === 'taken' || (typeof said === 'object' && said.status === 409 && this.#documents.hasId[document]))
        taken++;
      else if (said === 'failure_store') this.#counters.processed(1, 'failure_store', 201);
      else {
        this.#counters.processed(1, outcomeOf(said.status), said.status, said.type);
        if (this.#passes(said)) {
          again.push(said);
          left.push(document);
        } else this.#delivery.lost.set(document, { ...said, retryable: false });
      }
    }
    this.#counters.processed(taken, 'success', 200);
    const first = again[0];
    if (!first) return accepted;
    const limited = again.some(({ status }) => status === 429);
    const reason = `${again.length} of ${documents.length} documents were refused for now: ${first.type} (${first.status})`;
    return { ...retryable(reason), ...(limited && { limited }) };
  }

  #passes({ status, type }: Pick<DocumentError, 'status' | 'type'>): boolean {
    const { retry_on_document_status, retry_on_status } = this.#config.retry;
    return passingErrors.has(type) || (retry_on_document_status ?? retry_on_status).includes(status);
  }

  #refused(
    documents: number[],
    { status, text, retryAfter, node }: Exclude<Answer, { error: Error }>,
    queue: Request[],
    left: number[],
  ): Outcome {
    const { type, reason } = readError(text);
    const words = `${node} answered ${status}${type && ` ${type}`}${reason && `: ${reason}`}`;
    this.#counters.processed(documents.length, outcomeOf(status), status, type);
    if (passingErrors.has(type) || this.#config.retry.retry_on_status.includes(status)) {
      left.push(WHOLE);
      const after = parseRetryAfter(retryAfter, this.#clock.now());
      return { ...retryable(words, after), ...(status === 429 && { limited: true }) };
    }
    if (status !== 413 && status !== 400) {
      left.push(WHOLE);
      return permanent(codes[status] ?? 'rejected', words);
    }
    if (documents.length > 1 && this.#extra >= 2) {
      this.#extra -= 2;
      const middle = documents.length >> 1;
      queue.unshift({ documents: documents.slice(0, middle) }, { documents: documents.slice(middle) });
      return accepted;
    }
    for (const document of documents) {
      this.#delivery.lost.set(document, { status, type: type || `http_${status}`, reason, retryable: false });
    }
    return accepted;
  }
}

/** Stands in `left` for all documents of a request. */
const WHOLE = -1;
