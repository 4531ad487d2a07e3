import type { Clock } from '../core/clock.ts';
import type { TelemetryConfig } from '../core/resolved.ts';
import type { Logger } from '../core/telemetry.ts';
import type { MeterHandle } from './meter.ts';
import { encodeMetrics } from './otlp_metrics.ts';
import { httpSender, type Sender } from './otlp_push_http.ts';

type Target = TelemetryConfig['metrics']['otlp'][number];

export interface OtlpPushOptions {
  readonly targets: readonly Target[];
  readonly meter: MeterHandle;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Longest time of one request, milliseconds; a shorter interval shortens it. */
const requestMs = 10_000;
/** What the last export may add to the shutdown, milliseconds. */
const lastMs = 2_000;

/**
 * Sends our own metrics as OTLP, every interval and once more at the end.
 * A failure is logged once, and once more when it is over: totals are cumulative, so the next export makes up for it.
 */
export function startOtlpPush(options: OtlpPushOptions): { stop(): Promise<void> } {
  const startedAt = options.clock.now();
  const pushes = options.targets.map((target) => startPush(target, options, startedAt));
  return { stop: async () => void (await Promise.all(pushes.map((push) => push.stop()))) };
}

function startPush(target: Target, { meter, clock, logger }: OtlpPushOptions, startedAt: number) {
  let failing = false;
  let underWay: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  let sender: Promise<Sender> | undefined;

  const exportOnce = async (ms: number) => {
    const abort = new AbortController();
    const late = clock.after(ms, () => abort.abort(new Error(`no answer within ${ms / 1000} s`)));
    let problem: string | undefined;
    try {
      sender ??= senderFor(target);
      const families = meter.registry.read();
      const version = meter.resource['service.version'] ?? '';
      const body = encodeMetrics({ families, resource: meter.resource, version, startedAt, now: clock.now() });
      problem = await (await sender).send(body, abort.signal);
    } catch (error) {
      problem = abort.signal.aborted ? (abort.signal.reason as Error).message : causeOf(error);
    }
    late.cancel();
    report(problem);
  };
  const report = (problem: string | undefined) => {
    const failed = problem !== undefined;
    if (failed === failing) return;
    failing = failed;
    if (failed) logger.warn('own metrics cannot be exported; trying on', { endpoint: target.endpoint, problem });
    else logger.info('own metrics are exported again', { endpoint: target.endpoint });
  };

  const timer = clock.every(target.intervalMs, () => {
    if (underWay) return;
    underWay = exportOnce(Math.min(requestMs, target.intervalMs)).finally(() => {
      underWay = undefined;
    });
  });
  return {
    stop(): Promise<void> {
      timer.cancel();
      // One under way has older totals; waiting for it could take the time of the last one.
      stopped ??= exportOnce(lastMs).then(async () => (await sender)?.close());
      return stopped;
    },
  };
}

async function senderFor({ protocol, endpoint, headers }: Target): Promise<Sender> {
  if (protocol === 'http/protobuf') return httpSender(endpoint, headers);
  const { grpcSender } = await import('./otlp_push_grpc.ts');
  return grpcSender(endpoint, headers);
}

/** `fetch failed` says nothing; its cause does. */
function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code || message : message;
}
