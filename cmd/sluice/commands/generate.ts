import { parseDuration } from '../../../internal/config/fields.ts';
import type { Signal } from '../../../internal/otlp/payload.ts';
import { type Command, UsageError } from '../command.ts';
import { generate } from '../generate/generate.ts';

const signals: readonly string[] = ['traces', 'metrics', 'logs'] satisfies Signal[];

export const command: Command = {
  options: {
    endpoint: { type: 'string' },
    rate: { type: 'string', default: '100' },
    duration: { type: 'string', default: '10s' },
    batch: { type: 'string', default: '20' },
    protocol: { type: 'string', default: 'grpc' },
  },
  positionals: 1,
  async run(values, [signal = '']) {
    if (!signals.includes(signal))
      throw new UsageError(`generate: expected traces, metrics or logs, got ${JSON.stringify(signal)}`);
    const protocol = String(values.protocol);
    if (protocol !== 'grpc' && protocol !== 'http')
      throw new UsageError(`--protocol: expected grpc or http, got ${JSON.stringify(protocol)}`);
    const durationMs = parseDuration(String(values.duration));
    if (durationMs === undefined || durationMs <= 0) {
      throw new UsageError(`--duration: expected a duration such as 10s, got ${JSON.stringify(values.duration)}`);
    }
    return generate({
      signal: signal as Signal,
      protocol,
      endpoint: String(values.endpoint ?? (protocol === 'grpc' ? 'localhost:4317' : 'localhost:4318')),
      rate: positive('rate', values.rate),
      batch: positive('batch', values.batch),
      durationMs,
    });
  },
};

function positive(name: string, text: unknown): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < 1)
    throw new UsageError(`--${name}: expected a number of at least 1, got ${JSON.stringify(text)}`);
  return value;
}
