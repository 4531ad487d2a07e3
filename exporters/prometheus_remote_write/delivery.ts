import { sleep } from '../../internal/core/clock.ts';
import type { Host, Settings } from '../../internal/core/component.ts';
import { Notice } from '../../internal/core/notice.ts';
import { type Outcome, retryable } from '../../internal/core/outcome.ts';
import { HttpClient } from '../../internal/net/http/client.ts';
import { escapes } from '../../internal/prometheus/names.ts';
import { type RemoteWriteConfig, v2Message } from './config.ts';
import type { Request } from './lane.ts';
import type { Metrics } from './metrics.ts';
import { translationOf } from './translation.ts';
import { judge, type Verdict, writtenOf } from './verdict.ts';

export interface DeliveryEvents {
  /** The server knows remote write 1.0 only; what is built from now on must be that. */
  onOldServer(): void;
  /** Makes a request of version 1 of it. */
  toVersion1(request: Request): void;
}

/** Sends requests: tries, waits, falls back. */
export class Delivery {
  readonly #settings: Settings;
  readonly #config: RemoteWriteConfig;
  readonly #metrics: Metrics;
  readonly #events: DeliveryEvents;
  readonly #clients: Readonly<Record<1 | 2, HttpClient>>;
  readonly #stopping = new AbortController();
  readonly #ended = new AbortController();
  readonly #outages: Notice;
  #version: 1 | 2;
  #confirmed = false;
  #failingSince: number | undefined;
  #told = false;

  constructor(settings: Settings, config: RemoteWriteConfig, metrics: Metrics, events: DeliveryEvents) {
    this.#settings = settings;
    this.#config = config;
    this.#metrics = metrics;
    this.#events = events;
    this.#version = config.protobuf_message === v2Message ? 2 : 1;
    this.#clients = { 1: clientOf(settings, config, 1), 2: clientOf(settings, config, 2) };
    this.#outages = new Notice(settings.clock);
  }

  /** Of the requests to build. */
  get version(): 1 | 2 {
    return this.#version;
  }

  async start(host: Host): Promise<void> {
    await this.#clients[1].start(host);
    await this.#clients[2].start(host);
  }

  stop(): void {
    this.#stopping.abort();
  }

  close(): void {
    this.stop();
    this.#ended.abort(new Error('the exporter has ended'));
    this.#clients[1].close();
    this.#clients[2].close();
  }

  /** @returns `again` only when no further try will be made */
  async deliver(request: Request): Promise<Verdict> {
    const { clock } = this.#settings;
    const retry = this.#config.retry_on_failure;
    const started = clock.monotonic();
    for (let interval = retry.initial_interval; ; interval *= retry.multiplier) {
      const verdict = await this.#attempt(request);
      if (verdict.kind !== 'again') {
        this.#recovered();
        return verdict;
      }
      const wait = Math.max(this.#delay(interval), verdict.retryAfterMs ?? 0);
      const elapsed = clock.monotonic() - started;
      const over = retry.max_elapsed_time > 0 && elapsed + wait > retry.max_elapsed_time;
      if (!retry.enabled || over || this.#stopping.signal.aborted) return verdict;
      this.#failing(verdict.reason);
      await sleep(clock, wait, this.#stopping.signal);
    }
  }

  #delay(interval: number): number {
    const { max_interval, randomization_factor: spread } = this.#config.retry_on_failure;
    return Math.min(interval, max_interval) * (1 + spread * (2 * this.#settings.random() - 1));
  }

  async #attempt(request: Request): Promise<Verdict> {
    if (request.version > this.#version) this.#events.toVersion1(request);
    const verdict = await this.#post(request);
    if (verdict.kind !== 'old_server') return verdict;
    const strategy = translationOf(this.#config).strategy;
    if (!escapes(strategy)) {
      const reason = `the server does not know remote write 2.0, which translation_strategy ${strategy} needs (${verdict.reason})`;
      return { kind: 'refused', reason, refusal: 'rejected', code: 'unimplemented' };
    }
    if (this.#version === 2) {
      this.#version = 1;
      this.#settings.logger.warn('the server does not know remote write 2.0: 1.0 is sent from now on', {
        answer: verdict.reason,
      });
      this.#events.onOldServer();
    }
    return this.#attempt(request);
  }

  async #post(request: Request): Promise<Verdict> {
    const { clock } = this.#settings;
    let verdict: Verdict | undefined;
    const read = (end: Parameters<typeof judge>[0]): Outcome => {
      const { version, wrote } = request;
      verdict = judge(end, { version, wrote, confirmed: this.#confirmed, now: clock.now() });
      const written = version === 2 ? writtenOf(end) : undefined;
      if (written) {
        this.#confirmed = true;
        this.#metrics.written(written);
      }
      return { status: 'accepted' };
    };
    this.#metrics.sentBatches.add(1);
    const outcome = await this.#limited((abort) => this.#clients[request.version].post([request.body], abort, read));
    if (verdict) return verdict;
    if (outcome.status === 'retryable') {
      request.unanswered = true;
      return { kind: 'again', reason: outcome.reason, retryAfterMs: undefined };
    }
    const reason = outcome.reason ?? 'no answer';
    return { kind: 'refused', reason, refusal: 'rejected', code: 'rejected' };
  }

  /** One try, not longer than `timeout`, and not beyond the exporter's end. */
  async #limited(run: (abort: AbortSignal) => Promise<Outcome>): Promise<Outcome> {
    const ms = this.#config.timeout;
    const ended = this.#ended.signal;
    if (ended.aborted) return retryable('the exporter has ended');
    const controller = new AbortController();
    const cancel = (reason: string) => controller.abort(new Error(reason));
    const onEnd = () => cancel('the exporter has ended');
    const timer = ms > 0 ? this.#settings.clock.after(ms, () => cancel(`no answer within ${ms} ms (timeout)`)) : null;
    ended.addEventListener('abort', onEnd);
    try {
      return await run(controller.signal);
    } finally {
      timer?.cancel();
      ended.removeEventListener('abort', onEnd);
    }
  }

  #failing(reason: string): void {
    if (this.#failingSince !== undefined) return;
    this.#failingSince = this.#settings.clock.monotonic();
    this.#settings.report('recoverable_error', reason);
    this.#outages.event((leftOut) => {
      this.#told = true;
      const fields = { reason, ...(leftOut > 0 ? { left_out_before: leftOut } : {}) };
      this.#settings.logger.warn('backend unreachable or overloaded, retrying', fields);
    });
  }

  #recovered(): void {
    if (this.#failingSince === undefined) return;
    const seconds = Math.round((this.#settings.clock.monotonic() - this.#failingSince) / 1000);
    this.#failingSince = undefined;
    this.#settings.report('ok');
    if (this.#told) this.#settings.logger.info(`backend is back, after ${seconds}s`);
    this.#told = false;
  }
}

function clientOf(settings: Settings, config: RemoteWriteConfig, version: 1 | 2): HttpClient {
  const headers = {
    'content-encoding': 'snappy',
    'x-prometheus-remote-write-version': version === 2 ? '2.0.0' : '0.1.0',
    ...config.headers,
  };
  // The body is compressed when it comes.
  return new HttpClient(
    settings,
    { ...config, compression: 'none', compression_params: undefined, headers },
    {
      url: new URL(config.endpoint),
      contentType: version === 2 ? `application/x-protobuf;proto=${v2Message}` : 'application/x-protobuf',
      expects: 'remote write endpoint',
      adviceOnGrpc:
        'is this a gRPC port? Name the URL of remote write, for instance http://prometheus:9090/api/v1/write',
    },
  );
}
