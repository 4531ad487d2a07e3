import { pino } from 'pino';
import { type Clock, systemClock } from '../core/clock.ts';
import type { BuildInfo } from '../core/component.ts';
import type { TelemetryConfig } from '../core/resolved.ts';
import type { Fields, Logger } from '../core/telemetry.ts';
import { consoleLine } from './log_console.ts';
import { plainFields, plainText } from './log_fields.ts';
import { logSampler } from './log_sampling.ts';
import { type LogSink, openSink } from './log_sink.ts';

type Level = TelemetryConfig['logs']['level'];

export interface LoggerOptions {
  readonly clock?: Clock;
  /** Added to each line of the JSON encoding, as upstream; default: name and version of the build. */
  readonly resource?: Readonly<Record<string, string>>;
  /** Instead of `outputPaths`, for tests. */
  readonly sinks?: readonly LogSink[];
}

export interface LoggerHandle {
  readonly logger: Logger;
  /** Waits (two seconds at most) until what was logged is out. Call it before `process.exit`. */
  flush(): Promise<void>;
  /** Flushes and closes files; later lines are left out. */
  close(): Promise<void>;
}

/**
 * The process's logger by `service.telemetry.logs`. Keys follow upstream's: level, ts, msg; a component's fields are
 * `otelcol.component.kind`, `otelcol.component.id`, `otelcol.signal` and `otelcol.pipeline.id`.
 * @throws Error that names the output path which cannot be opened
 */
export function createLogger(
  config: TelemetryConfig['logs'],
  build: BuildInfo,
  options: LoggerOptions = {},
): LoggerHandle {
  const clock = options.clock ?? systemClock;
  const opened = options.sinks ? [] : openSinks(config.outputPaths, clock);
  const sinks = options.sinks ?? opened;
  const sample = config.sampling ? logSampler(config.sampling, clock) : () => 0;
  const json = config.encoding === 'json';
  const resource = options.resource ?? { 'service.name': build.name, 'service.version': build.version };
  const base = plainFields({
    ...(json && config.resource ? { resource } : {}),
    ...config.initialFields,
  });
  const output = json
    ? (line: string) => {
        for (const sink of sinks) sink.write(line);
      }
    : (line: string) => {
        const record = JSON.parse(line) as Record<string, unknown>;
        for (const sink of sinks) sink.write(consoleLine(record, sink.color));
      };
  const lines = pino(
    {
      level: config.level,
      base: null,
      messageKey: 'msg',
      timestamp: () => `,"ts":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: output },
  );

  const write = (level: Level, bound: Record<string, unknown>, message: string, fields: Fields | undefined) => {
    if (!lines.isLevelEnabled(level)) return;
    const omitted = sample(`${level} ${bound['otelcol.component.id'] ?? ''} ${message}`);
    if (omitted < 0) return;
    // Merged here and not by pino's children, which would write a key twice.
    const all = fields ? { ...bound, ...withoutReserved(plainFields(fields)) } : bound;
    lines[level](omitted > 0 ? { ...all, omitted_before: omitted } : all, plainText(message));
  };
  const bind = (bound: Record<string, unknown>): Logger => ({
    debug: (message, fields) => write('debug', bound, message, fields),
    info: (message, fields) => write('info', bound, message, fields),
    warn: (message, fields) => write('warn', bound, message, fields),
    error: (message, fields) => write('error', bound, message, fields),
    with: (fields) => bind({ ...bound, ...withoutReserved(plainFields(fields)) }),
  });

  return {
    logger: bind(withoutReserved(base)),
    flush: async () => void (await Promise.all(sinks.map((sink) => sink.flush()))),
    close: async () => void (await Promise.all(opened.map((sink) => sink.close()))),
  };
}

/** A field must not take the name of one of the line's own keys. */
function withoutReserved(fields: Record<string, unknown>): Record<string, unknown> {
  for (const key of ['level', 'ts', 'msg']) {
    if (!(key in fields)) continue;
    fields[`${key}_`] = fields[key];
    delete fields[key];
  }
  return fields;
}

function openSinks(paths: readonly string[], clock: Clock) {
  const sinks: ReturnType<typeof openSink>[] = [];
  try {
    for (const path of new Set(paths)) sinks.push(openSink(path, clock));
  } catch (error) {
    for (const sink of sinks) void sink.close();
    throw error;
  }
  return sinks;
}
