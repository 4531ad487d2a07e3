import { accepted, type Outcome } from '../core/outcome.ts';
import { type QueueConfig, type RetryConfig, retryOnFailure, sendingQueue } from '../exporterhelper/schema.ts';
import { exporter, type SendContext, type StackConfig } from '../exporterhelper/stack.ts';
import type { Payload } from '../otlp/payload.ts';
import { exporterOf, type Part } from './collector.ts';
import { TestAccount, type TestSettings, testSettings } from './settings.ts';
import { idsOf, stamped } from './stamped.ts';

/** `sending_queue` as if it had been read from a file. */
export function queue(over: Record<string, unknown> = {}): QueueConfig {
  return sendingQueue().parse(over);
}

/** `retry_on_failure` likewise. */
export function retries(over: Record<string, unknown> = {}): RetryConfig {
  return retryOnFailure().parse(over);
}

export type Send = (batch: Payload, ctx: SendContext, call: number) => Outcome | Promise<Outcome>;

/** An exporter whose sender answers as told; `arrived` are the ids of the batches that it took whole. */
export function exporterRig(config: StackConfig, send: Send = () => accepted, settings: TestSettings = testSettings()) {
  const sent: string[][] = [];
  const arrived: string[] = [];
  let closed = 0;
  const built = exporter(settings, config, {
    async send(batch, ctx) {
      const call = sent.push(idsOf(batch)) - 1;
      const outcome = await send(batch, ctx, call);
      if (outcome.status === 'accepted' && !outcome.rejectedItems) arrived.push(...idsOf(batch));
      return outcome;
    },
    shutdown: async () => void closed++,
  });
  const account = new TestAccount();
  const put = (...ids: string[]) => built.consume(stamped('traces', ids), { account });
  const stop = (abort = new AbortController().signal) => built.shutdown!(abort);
  return { ...settings, settings, built, account, sent, arrived, put, stop, closed: () => closed };
}

/** An exporter of a test collector with the real queue and retry. `answer` may depend on what the instance is told to be. */
export class Queued {
  /** `target:id` of each item. */
  readonly arrived: string[] = [];
  /** `create`, `start` and `shutdown` with the target, in order. */
  readonly instances: string[] = [];
  answer: (target: string) => Outcome | Promise<Outcome> = () => accepted;

  part(target: string, over: Record<string, unknown> = {}): Part {
    const factory = exporterOf((settings, config: { target: string }) => {
      this.instances.push(`create ${config.target}`);
      const stack = {
        sending_queue: queue(over),
        retry_on_failure: retries(),
      };
      return exporter(settings, stack, {
        start: async () => void this.instances.push(`start ${config.target}`),
        send: async (payload) => {
          const outcome = await this.answer(config.target);
          if (outcome.status === 'accepted') this.arrived.push(...idsOf(payload).map((id) => `${config.target}:${id}`));
          return outcome;
        },
        shutdown: async () => void this.instances.push(`shutdown ${config.target}`),
      });
    });
    return { factory, config: { target } };
  }
}
