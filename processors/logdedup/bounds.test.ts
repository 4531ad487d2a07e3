import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { schema } from './config.ts';
import factory from './index.ts';

const perBatch = 5000;
const batches = 200;

function make(signal: 'logs' | 'traces', config: object) {
  const account = new TestAccount();
  const settings = testSettings({ id: 'logdedup', kind: 'processor', signal, account });
  const next = new RecordingConsumer();
  const dedup = factory.create(settings, schema.parse(config), next);
  const labels = { processor: 'logdedup', 'otel.signal': signal };
  const value = (name: string) => settings.meter.value(`sluice_logdedup_${name}`, labels);
  return { dedup, settings, next, account, value };
}

test.each([
  ['max_entries', { max_entries: 50_000 }, 50_000],
  ['max_bytes', { max_bytes: 4 << 20 }, (4 << 20) / 128],
])(
  'a million different log records: %s holds, in entries and in the memory budget, and each passes once',
  async (_, config, limit) => {
    const { dedup, settings, next, account, value } = make('logs', config);
    let most = 0;
    let bytes = 0;
    for (let i = 0; i < batches; i++) {
      const ids = Array.from({ length: perBatch }, (_, j) => `${i * perBatch + j}`);
      await dedup.consume(stamped('logs', ids), noContext);
      most = Math.max(most, value('entries'));
      bytes = Math.max(bytes, settings.memory.used);
    }
    await dedup.shutdown!(new AbortController().signal);
    expect(most).toBeLessThanOrEqual(limit);
    // An entry is its bytes and what it takes besides.
    expect(bytes).toBeLessThanOrEqual(limit * 256);
    expect(value('early_flushes_total')).toBeGreaterThan(5);
    expect([next.items, account.held, account.left, settings.memory.used]).toEqual([1_000_000, 0, 0, 0]);
  },
);

function spans(from: number, count: number) {
  const out = new Writer(64 * count);
  const group = out.open(1);
  const scope = out.open(2);
  for (let i = from + 1; i <= from + count; i++) {
    const record = out.open(2);
    out.bytes(1, Buffer.alloc(16, 1));
    const id = Buffer.alloc(8);
    id.writeUInt32BE(i);
    out.bytes(2, id);
    out.close(record);
  }
  out.close(scope);
  out.close(group);
  return asPayload('traces', out.finish());
}

test('a million different spans: max_spans are remembered, in the same memory from the first to the last', async () => {
  const { dedup, settings, next, value } = make('traces', { max_spans: 100_000 });
  const { apart } = settings.memory;
  let most = 0;
  for (let i = 0; i < batches; i++) {
    await dedup.consume(spans(i * perBatch, perBatch), noContext);
    most = Math.max(most, value('entries'));
    expect(settings.memory.apart).toBe(apart);
  }
  expect([next.items, most]).toEqual([1_000_000, 100_000]);
  expect(apart).toBeLessThanOrEqual(100_000 * 32);
  await dedup.shutdown!(new AbortController().signal);
  expect(settings.memory.apart).toBe(0);
});
