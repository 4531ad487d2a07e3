import { randomUUID } from 'node:crypto';
import { formatIssue, type Issue } from '../../internal/config/issues.ts';
import type { Loaded } from '../../internal/config/load.ts';
import { systemClock } from '../../internal/core/clock.ts';
import { MemoryBudget } from '../../internal/core/memory.ts';
import type { ResolvedConfig } from '../../internal/core/resolved.ts';
import type { Logger } from '../../internal/core/telemetry.ts';
import { buildCollector, type Collector } from '../../internal/pipeline/collector.ts';
import { createLogger } from '../../internal/telemetry/logger.ts';
import { createMeter, type MeterHandle } from '../../internal/telemetry/meter.ts';
import { observeProcess } from '../../internal/telemetry/process.ts';
import { logSummary } from '../../internal/telemetry/summary.ts';
import type { ExitCode } from './command.ts';
import { settleHeap } from './heap.ts';
import { defaultBudget } from './memory.ts';
import { build } from './version.ts';

type Good = Extract<Loaded, { ok: true }>;

/** Runs one collector until a signal or a fatal error ends it. */
export async function serve(first: Good, reread: () => Promise<Loaded>, embedded: boolean): Promise<ExitCode> {
  const { telemetry } = first.config.service;
  const meter = createMeter(telemetry, build, randomUUID());
  let log: ReturnType<typeof createLogger>;
  try {
    log = createLogger(telemetry.logs, build, { resource: meter.resource });
  } catch (error) {
    process.stderr.write(`error: service.telemetry.logs: ${(error as Error).message}\n`);
    return 1;
  }
  warn(log.logger, first.warnings);
  const greet = () => {
    // After the log's own lines, which are written in turns.
    if (embedded) void log.flush().then(firstSteps);
  };
  const code = await run(first.config, reread, greet, log.logger, meter);
  await log.close();
  return code;
}

async function run(
  config: ResolvedConfig,
  reread: () => Promise<Loaded>,
  greet: () => void,
  logger: Logger,
  meter: MeterHandle,
): Promise<ExitCode> {
  const memory = new MemoryBudget(config.service.memoryBudgetBytes ?? defaultBudget());
  const endProcessMetrics = observeProcess(meter.meter, memory, systemClock);
  const end = Promise.withResolvers<Error | undefined>();
  const env = {
    clock: systemClock,
    random: Math.random,
    memory,
    logger,
    meter: meter.meter,
    build,
    fatal: end.resolve,
  };
  let collector: Collector | undefined;
  let telemetry: { stop(): Promise<void> };
  try {
    collector = buildCollector(config, env);
    await collector.start();
    telemetry = await startTelemetry(config, collector, meter, logger);
  } catch (error) {
    logger.error((error as Error).message);
    await collector?.shutdown(AbortSignal.abort());
    endProcessMetrics();
    return 1;
  }
  logger.info('Everything is ready. Begin running and processing data.', {
    memory_budget_mib: Math.round(memory.capacity / 2 ** 20),
  });
  greet();
  const leaveHeap = settleHeap(memory, systemClock);

  const running = collector;
  const ended = onSignals(end.resolve, () => reload(reread, running, logger));
  const failure = await end.promise;
  ended();
  if (failure) logger.error(failure.message);
  leaveHeap();
  await drain(running, config.service.shutdownTimeoutMs, logger);
  await telemetry.stop();
  endProcessMetrics();
  return failure ? 1 : 0;
}

function warn(logger: Logger, issues: readonly Issue[]) {
  for (const issue of issues) logger.warn(formatIssue(issue));
}

/** @throws Error that names the address which cannot be listened on */
async function startTelemetry(
  config: ResolvedConfig,
  collector: Collector,
  meter: MeterHandle,
  logger: Logger,
): Promise<{ stop(): Promise<void> }> {
  const { metrics } = config.service.telemetry;
  const stops: (() => Promise<void>)[] = [];
  if (metrics.level !== 'none' && metrics.prometheus.length > 0) {
    const { startTelemetryServer } = await import('../../internal/telemetry/server.ts');
    const server = await startTelemetryServer({
      addresses: metrics.prometheus,
      scrape: meter.scrape,
      registry: meter.registry,
      ledger: () => collector.ledger(),
      topology: () => collector.topology(),
      system: collector.system,
      components: () => collector.components(),
      tap: {
        clock: systemClock,
        taps: collector.taps,
        picker: async (filter) => (await import('./tap/picker.ts')).picker(filter, Math.random),
      },
      logger,
    });
    stops.push(() => server.close());
  }
  if (metrics.level !== 'none' && metrics.otlp.length > 0) {
    const { startOtlpPush } = await import('../../internal/telemetry/otlp_push.ts');
    const push = startOtlpPush({ targets: metrics.otlp, meter, clock: systemClock, logger });
    stops.push(() => push.stop());
  }
  return { stop: async () => void (await Promise.all(stops.map((stop) => stop()))) };
}

async function reload(reread: () => Promise<Loaded>, collector: Collector, logger: Logger): Promise<void> {
  logger.info('SIGHUP: reading the configuration again');
  const loaded = await reread();
  if (!loaded.ok) {
    for (const issue of loaded.issues) logger.error(formatIssue(issue));
    logger.error('the new configuration is not valid: the old one stays', { errors: loaded.issues.length });
    return;
  }
  warn(logger, loaded.warnings);
  try {
    await collector.reload(loaded.config);
    logger.info('the new configuration runs');
  } catch (error) {
    logger.error(`the new configuration could not be started: the old one stays: ${(error as Error).message}`);
  }
}

/** The first SIGTERM or SIGINT drains, a second one stops at once, SIGHUP reloads (one reload at a time). */
function onSignals(stop: (error: undefined) => void, again: () => Promise<void>): () => void {
  let stopping = false;
  const onStop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    stop(undefined);
  };
  let reloads = Promise.resolve();
  const onHup = () => {
    reloads = reloads.then(() => (stopping ? undefined : again()));
  };
  process.on('SIGTERM', onStop).on('SIGINT', onStop).on('SIGHUP', onHup);
  return () => process.off('SIGHUP', onHup);
}

async function drain(collector: Collector, timeoutMs: number, logger: Logger): Promise<void> {
  logger.info('Shutting down: receivers stop, queues drain', { deadline_s: timeoutMs / 1000 });
  await collector.shutdown(AbortSignal.timeout(timeoutMs));
  logSummary(logger, collector.ledger());
}

/** For a person who has just typed `npm start`. */
function firstSteps(): void {
  process.stderr.write(`
  Sluice is running with its built-in configuration (configs/collector.yaml).

    Send it telemetry      OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 your-app
                           or sample data: npm run sluice -- generate traces
    See what arrives       here, and in ./telemetry.jsonl
    See where it went      http://localhost:8888/ (metrics: /metrics, the ledger: /ledger)
    Change the pipelines   copy configs/collector.yaml, then: npm run sluice -- --config your.yaml

  Ctrl-C stops it: queues drain first.

`);
}
