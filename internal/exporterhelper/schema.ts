import { z } from 'zod';
import { defaulted, duration, object, percentage, section, unsupported } from '../config/fields.ts';

/**
 * The parts of an exporter's schema that this folder reads. Names and defaults are those of
 * https://github.com/open-telemetry/opentelemetry-collector/blob/main/exporter/exporterhelper/README.md
 */

const wholeNumber = (least: number) => z.number().int().min(least);

const batchFields = {
  flush_timeout: duration('200ms').describe('A batch is sent after this time even if it is smaller than min_size.'),
  min_size: wholeNumber(0).default(8192).describe('A batch is sent as soon as it has this size, in units of `sizer`.'),
  max_size: wholeNumber(0).default(0).describe('Larger batches are split, in units of `sizer`; 0: no limit.'),
  sizer: z.enum(['items', 'bytes']).default('items').describe('What min_size and max_size count.'),
  partition: section(
    object({
      metadata_keys: z
        .array(z.string())
        .default([])
        .describe('Requests that differ in one of these headers go into different batches.'),
    }),
  ),
};

/** What a queue does when it is full; the names are ours. */
export function overflowFields() {
  return {
    on_overflow: z
      .enum(['refuse', 'drop_new', 'drop_oldest'])
      .default('refuse')
      .describe(
        'What a full queue does. refuse: the sender is told to retry, and with several exporters in a pipeline so for all of them. drop_new, drop_oldest: what comes, or what has waited longest, is given up, counted with reason `queue_full` and logged: for a backend that must not hold up the others.',
      ),
    budget_percentage: percentage()
      .gt(0)
      .optional()
      .describe(
        'What the queue may hold at the most, besides queue_size, as a share of `service.memory_budget_mib`. Default: no limit of its own with refuse, 25 with the others.',
      ),
  };
}

/** What does not go together with a queue that gives items up. */
export function checkOverflow(queue: Overflowing, ctx: z.core.$RefinementCtx): void {
  if (queue.on_overflow === 'refuse') return;
  const wrong = (field: string, message: string) => ctx.addIssue({ code: 'custom', path: [field], message });
  if (!queue.enabled) wrong('on_overflow', `${queue.on_overflow} needs a queue: remove enabled: false`);
  for (const field of ['block_on_overflow', 'wait_for_result'] as const) {
    if (!queue[field]) continue;
    wrong(field, `cannot go together with on_overflow: ${queue.on_overflow}, which never lets a sender wait`);
  }
}

interface Overflowing {
  readonly enabled: boolean;
  readonly on_overflow: string;
  readonly block_on_overflow?: boolean;
  readonly wait_for_result?: boolean;
}

/** `sending_queue` of an exporter. */
export function sendingQueue() {
  return defaulted(
    object({
      enabled: z.boolean().default(true).describe('Off: the sender waits for the backend, without a queue.'),
      num_consumers: wholeNumber(1).default(10).describe('Batches that are sent at the same time.'),
      queue_size: wholeNumber(1).default(1000).describe('What the queue may hold, in units of `sizer`.'),
      sizer: z.enum(['requests', 'items', 'bytes']).default('requests').describe('What queue_size counts.'),
      block_on_overflow: z.boolean().default(false).describe('A full queue makes the sender wait instead of refusing.'),
      ...overflowFields(),
      wait_for_result: z.boolean().default(false).describe('The sender is answered when the backend has answered.'),
      storage: unsupported('the queue is held in memory only'),
      batch: section(object(batchFields)),
    }).superRefine((queue, ctx) => {
      checkOverflow(queue, ctx);
      const batch = queue.batch;
      if (!batch) return;
      const wrong = (field: string, message: string) =>
        ctx.addIssue({ code: 'custom', path: ['batch', field], message });
      if (batch.flush_timeout <= 0) wrong('flush_timeout', 'must be more than 0');
      if (batch.max_size > 0 && batch.max_size < batch.min_size) {
        wrong('max_size', `must be 0 or at least min_size (${batch.min_size}), got ${batch.max_size}`);
      }
      if (batch.sizer === queue.sizer && batch.min_size > queue.queue_size) {
        wrong('min_size', `must be at most queue_size (${queue.queue_size}), got ${batch.min_size}`);
      }
    }),
  );
}

/** @returns the queue's share of the memory budget, of 100; Infinity: no limit of its own */
export function budgetPercentage({ budget_percentage, on_overflow }: QueueConfig): number {
  return budget_percentage ?? (on_overflow === 'refuse' ? Number.POSITIVE_INFINITY : 25);
}

/** `retry_on_failure` of an exporter. */
export function retryOnFailure() {
  return defaulted(
    object({
      enabled: z.boolean().default(true).describe('Off: what the backend refuses for now is dropped.'),
      initial_interval: duration('5s').describe('The wait before the second try.'),
      randomization_factor: z.number().min(0).max(1).default(0.5).describe('Each wait varies by this share of itself.'),
      multiplier: z.number().min(1).default(1.5).describe('Each wait is this much longer than the one before.'),
      max_interval: duration('30s').describe('The longest wait.'),
      max_elapsed_time: duration('300s').describe('A batch is dropped after this time of tries; 0: never.'),
    }),
  );
}

/** `timeout` of an exporter: of one try; 0: none. */
export function timeout(byDefault: string) {
  return duration(byDefault).describe('The longest that one try may take; 0: no limit.');
}

export type QueueConfig = z.output<ReturnType<typeof sendingQueue>>;
export type QueueBatchConfig = NonNullable<QueueConfig['batch']>;
export type RetryConfig = z.output<ReturnType<typeof retryOnFailure>>;
