import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { accepted } from '../../internal/core/outcome.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const signals: Signal[] = ['traces', 'logs'];
const configs = [
  { mode: 'hash_seed', sampling_percentage: 50, fail_closed: false },
  { mode: 'equalizing', sampling_percentage: 50, fail_closed: false },
  { mode: 'proportional', sampling_percentage: 50 },
];

test.each(signals)(
  '%s with fields in any order, unknown and oddly written ones: what is passed on is sound',
  async (signal) => {
    for (const config of configs) {
      const account = new TestAccount();
      const next = new RecordingConsumer();
      const sampler = factory.create(testSettings({ signal, account }), schema.parse(config), next);
      let items = 0;
      for (let seed = 0; seed < 200; seed++) {
        const batch = asPayload(
          signal,
          randomRequest(signal, seed, { unknown: true, disorder: true, padded: seed % 2 === 0 }),
        );
        items += batch.itemCount;
        expect(await sampler.consume(batch, noContext)).toBe(accepted);
      }
      for (const batch of next.taken) {
        const counted = batch.chunks.reduce((sum, chunk) => sum + asPayload(signal, chunk).itemCount, 0);
        expect(counted).toBe(batch.itemCount);
      }
      expect(next.items).toBeGreaterThan(0);
      expect(next.items + account.left).toBe(items);
    }
  },
);
