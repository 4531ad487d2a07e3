import { type Clock, sleep, systemClock } from '../../../internal/core/clock.ts';
import type { Component, ExporterFactory, Settings } from '../../../internal/core/component.ts';
import { type Consumer, noContext } from '../../../internal/core/consumer.ts';
import { noAccount } from '../../../internal/core/ledger.ts';
import { MemoryBudget } from '../../../internal/core/memory.ts';
import type { Outcome } from '../../../internal/core/outcome.ts';
import { noLogger, noMeter } from '../../../internal/core/telemetry.ts';
import { Payload, type Signal } from '../../../internal/otlp/payload.ts';
import { Sample } from '../../../internal/otlp/sample.ts';
import type { ExitCode } from '../command.ts';
import { build } from '../version.ts';

export interface GenerateOptions {
  readonly signal: Signal;
  readonly protocol: 'grpc' | 'http';
  /** host:port, or a URL with http. */
  readonly endpoint: string;
  /** Items per second. */
  readonly rate: number;
  /** Items per request. */
  readonly batch: number;
  readonly durationMs: number;
}

const itemNames = { traces: 'spans', metrics: 'data points', logs: 'log records' } as const;
/** A slow endpoint slows the generator down; it never piles up requests. */
const maxInFlight = 32;

/** Sends sample telemetry through the exporter that a pipeline would use, and tells what became of it. */
export async function generate(options: GenerateOptions): Promise<ExitCode> {
  const clock = systemClock;
  const exporter = await openExporter(options, clock);
  const tally = new Tally(options);
  const progress = clock.every(1000, () => process.stderr.write(`  ${tally.line()}\n`));
  process.stderr.write(
    `Sending ${options.rate} ${itemNames[options.signal]} a second to ${options.endpoint} (${options.protocol}) for ${options.durationMs / 1000} s; Ctrl-C ends it.\n`,
  );
  const interrupted = new AbortController();
  const onSignal = () => interrupted.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    await send(options, exporter, tally, clock, interrupted.signal);
  } finally {
    progress.cancel();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await exporter.shutdown?.(AbortSignal.timeout(5000));
  }
  process.stderr.write(`Done: ${tally.line()}\n`);
  return tally.accepted > 0 && tally.failed === 0 ? 0 : 1;
}

async function send(
  options: GenerateOptions,
  exporter: Consumer,
  tally: Tally,
  clock: Clock,
  abort: AbortSignal,
): Promise<void> {
  const { signal, batch, rate, durationMs } = options;
  const sample = new Sample(signal, {
    items: batch,
    resources: Math.min(3, batch),
    seed: Math.floor(Math.random() * 2 ** 32),
  });
  const began = clock.monotonic();
  const total = Math.max(1, Math.round((rate * durationMs) / 1000 / batch));
  const underWay = new Set<Promise<void>>();
  for (let n = 0; n < total && !abort.aborted; n++) {
    const due = began + (n * batch * 1000) / rate;
    const wait = due - clock.monotonic();
    if (wait > 0) await sleep(clock, wait, abort);
    if (underWay.size >= maxInFlight) await Promise.race(underWay);
    if (abort.aborted || clock.monotonic() - began > durationMs * 2) break;
    const bytes = sample.next(BigInt(Math.round(clock.now() * 1e6)));
    const sent = exporter.consume(new Payload(signal, [bytes], batch, bytes.length), noContext).then((outcome) => {
      tally.add(batch, outcome);
      underWay.delete(sent);
    });
    underWay.add(sent);
  }
  await Promise.all(underWay);
}

async function openExporter(options: GenerateOptions, clock: Clock): Promise<Component & Consumer> {
  const grpc = options.protocol === 'grpc';
  const factory: ExporterFactory = grpc
    ? (await import('../../../exporters/otlp_grpc/index.ts')).default
    : (await import('../../../exporters/otlp_http/index.ts')).default;
  const endpoint = grpc || options.endpoint.includes('://') ? options.endpoint : `http://${options.endpoint}`;
  const { parse } = factory.schema as unknown as { parse(value: unknown): unknown };
  const direct = { sending_queue: { enabled: false }, retry_on_failure: { enabled: false } };
  const config = parse(grpc ? { endpoint, tls: { insecure: true }, ...direct } : { endpoint, ...direct });
  const settings: Settings = {
    id: factory.type,
    kind: 'exporter',
    signal: options.signal,
    logger: noLogger,
    meter: noMeter,
    clock,
    random: Math.random,
    memory: new MemoryBudget(256 * 2 ** 20),
    account: noAccount,
    build,
    report() {},
  };
  const exporter = factory.create(settings, config);
  await exporter.start?.({
    extension: () => undefined,
    fatal() {},
    system: { statuses: () => [], onStatus: () => () => {} },
  });
  return exporter;
}

class Tally {
  accepted = 0;
  failed = 0;
  readonly #items: string;
  #lastReason = '';

  constructor(options: GenerateOptions) {
    this.#items = itemNames[options.signal];
  }

  add(items: number, outcome: Outcome): void {
    const rejected = outcome.status === 'accepted' ? (outcome.rejectedItems ?? 0) : items;
    this.accepted += items - rejected;
    this.failed += rejected;
    if (rejected > 0) this.#lastReason = outcome.reason ?? '';
  }

  line(): string {
    const failed = this.failed > 0 ? `, ${this.failed} not accepted (${this.#lastReason})` : '';
    return `${this.accepted} ${this.#items} accepted${failed}`;
  }
}
