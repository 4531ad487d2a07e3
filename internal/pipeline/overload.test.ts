import { expect, test } from 'vitest';
import batch from '../../processors/batch/index.ts';
import { sleep } from '../core/clock.ts';
import { MemoryBudget } from '../core/memory.ts';
import { accepted } from '../core/outcome.ts';
import { retryOnFailure, sendingQueue } from '../exporterhelper/schema.ts';
import { exporter } from '../exporterhelper/stack.ts';
import { exporterOf, Inlet, resolvedConfig } from '../testkit/collector.ts';
import { testSettings } from '../testkit/settings.ts';
import { idsOf, stamped } from '../testkit/stamped.ts';
import { buildCollector } from './collector.ts';

/** Requests of ten items at the door, as a receiver has it: no room for the body, no reading; released with the answer. */
test.each([
  ['batch processor and queue', ['batch'], {}, 100],
  ['queue alone', [], {}, 10],
  ['queue with batches', [], { batch: { min_size: 100, flush_timeout: '200ms' } }, 100],
])(
  '%s: with senders at full speed and a slow backend, a full budget keeps the backend busy and loses nothing',
  async (_name, processors, queue, itemsPerSend) => {
    const request = (n: number) =>
      stamped(
        'traces',
        Array.from({ length: 10 }, (_, i) => `${n}.${i}`),
      );
    const memory = new MemoryBudget(request(0).byteLength * 100);
    const env = testSettings({ memory });
    const inlet = new Inlet();
    const arrived: string[] = [];
    let sends = 0;
    const slow = exporterOf((settings) =>
      exporter(
        settings,
        { sending_queue: sendingQueue().parse(queue), retry_on_failure: retryOnFailure().parse({}) },
        {
          async send(payload) {
            sends++;
            await sleep(env.clock, 3000);
            arrived.push(...idsOf(payload));
            return accepted;
          },
        },
      ),
    );
    const config = {
      send_batch_size: 100,
      timeout: 200,
      send_batch_max_size: 0,
      metadata_keys: [],
      metadata_cardinality_limit: 0,
    };
    const collector = buildCollector(
      resolvedConfig({
        receivers: { inlet },
        processors: { batch: { factory: batch, config } },
        exporters: { slow: { factory: slow } },
        pipelines: { traces: { receivers: ['inlet'], processors, exporters: ['slow'] } },
      }),
      env,
    );
    await collector.start();

    let promised = 0;
    let refusedInside = 0;
    const knock = async (n: number) => {
      const payload = request(n);
      if (!memory.tryReserve(payload.byteLength)) return;
      const outcome = await inlet.send(payload);
      memory.release(payload.byteLength);
      if (outcome.status === 'accepted') promised += 10;
      else refusedInside++;
    };
    for (let n = 0; n < 3000; n++) {
      await Promise.all([knock(2 * n), knock(2 * n + 1)]);
      await env.clock.advance(10);
    }
    expect(refusedInside).toBe(0);
    // Ten consumers, a send of each takes 3 s, 30 s have passed. To fill ten batches anew takes half a second, and some go early, by the timeout.
    expect(sends).toBeGreaterThanOrEqual(80);
    expect(promised).toBeGreaterThanOrEqual(70 * itemsPerSend);
    expect(memory.peak).toBeLessThanOrEqual(memory.capacity * 1.5);

    const stopping = collector.shutdown(new AbortController().signal);
    await env.clock.advance(60_000);
    await stopping;
    expect(new Set(arrived).size).toBe(promised);
    expect(arrived.length).toBe(promised);
    expect(memory.used).toBe(0);
    expect(collector.ledger().balanced).toBe(true);
  },
);
