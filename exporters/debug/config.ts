import { z } from 'zod';
import { object, section } from '../../internal/config/fields.ts';
import { sendingQueue } from '../../internal/exporterhelper/index.ts';

/** Upstream: exporter/debugexporter of the OpenTelemetry Collector. */
export const schema = object({
  verbosity: z
    .enum(['basic', 'normal', 'detailed'])
    .default('basic')
    .describe('`basic`: one line for each batch. `normal`: one more for each record. `detailed`: all of each record.'),
  sampling_initial: z.int().min(0).default(2).describe('Batches printed in each second before sampling begins.'),
  sampling_thereafter: z
    .int()
    .min(0)
    .default(1)
    .describe('After these, each so many-th batch of the second is printed; 1 prints all, 0 none.'),
  use_internal_logger: z.boolean().default(true).describe("Print through the collector's own log."),
  output_paths: z
    .array(z.string().min(1))
    .min(1, 'expected at least one of stdout, stderr or the path of a file')
    .optional()
    .describe('`stdout`, `stderr` or paths of files; with use_internal_logger: false. Default stdout.'),
  sending_queue: section(sendingQueue()).describe('Off unless present.'),
}).superRefine((config, ctx) => {
  if (!config.use_internal_logger || !config.output_paths) return;
  const message = 'has no effect while use_internal_logger is true: set that to false, or remove this';
  ctx.addIssue({ code: 'custom', path: ['output_paths'], message });
});

export type DebugConfig = z.output<typeof schema>;
