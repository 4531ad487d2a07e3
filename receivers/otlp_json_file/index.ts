import { z } from 'zod';
import { duration, object, unsupported } from '../../internal/config/fields.ts';
import { defineReceiver } from '../../internal/core/component.ts';
import { FileReplay } from './replay.ts';

const later = 'this receiver keeps no state between runs yet; set start_at or replay_file instead';

const schema = object({
  include: z
    .array(z.string())
    .min(1)
    .describe('Files to read, as paths or glob patterns, one OTLP/JSON request a line.'),
  exclude: z.array(z.string()).default([]).describe('Files to leave out, as paths or glob patterns.'),
  start_at: z
    .enum(['beginning', 'end'])
    .default('end')
    .describe(
      'Where to begin in files that exist at the start. Files that appear later are read from their beginning.',
    ),
  poll_interval: duration('200ms').describe('How often to look for new files and new lines.'),
  replay_file: z.boolean().default(false).describe('Reads the files again from their beginning at each poll.'),
  storage: unsupported(later),
});

export type ReplayConfig = z.output<typeof schema>;

/** Upstream: receiver/otlpjsonfilereceiver of opentelemetry-collector-contrib. */
export default defineReceiver({
  type: 'otlp_json_file',
  aliases: ['otlpjsonfile'],
  signals: ['traces', 'metrics', 'logs'],
  stability: 'alpha',
  summary: 'Reads OTLP/JSON lines from files, such as the file exporter writes',
  schema,
  create: (settings, config: ReplayConfig, outputs) => new FileReplay(settings, config, outputs),
});
