import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { limitsOf, schema } from './config.ts';
import factory from './index.ts';
import { MemoryLimiter } from './limiter.ts';
import { memoryOf, processMemory } from './memory.ts';

const mib = 2 ** 20;
const host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };

async function rig(config: Record<string, unknown>) {
  const settings = testSettings({ id: 'memory_limiter', kind: 'processor', signal: 'logs' });
  const memory = { resident: 50, live: 50, collected: 0, frees: 0 };
  const next = new RecordingConsumer();
  const limiter = new MemoryLimiter(settings, schema.parse(config), next, {
    resident: () => memory.resident * mib,
    live: () => memory.live * mib,
    total: () => 1000 * mib,
    collect: () => {
      memory.collected++;
      memory.resident -= memory.frees;
    },
  });
  await limiter.start();
  const put = () => limiter.consume(stamped('logs', ['a', 'b']), noContext);
  return { ...settings, memory, next, limiter, put };
}

test('where the system does not tell the memory in use, as in a root without /proc, the start says what to do', async () => {
  const settings = testSettings({ id: 'memory_limiter', kind: 'processor', signal: 'logs' });
  const limiter = new MemoryLimiter(settings, schema.parse({ limit_mib: 100 }), new RecordingConsumer(), {
    resident: () => {
      throw new Error('ENOENT: no such file or directory, uv_resident_set_memory');
    },
    live: () => 0,
    total: () => 1000 * mib,
  });
  await expect(limiter.start()).rejects.toThrow(
    /^memory_limiter: cannot read how much memory the process uses: ENOENT.*\. Mount \/proc, or remove this processor/,
  );
});

test('lets through below the limit', async () => {
  const { put, next, meter } = await rig({ limit_mib: 100 });
  expect((await put()).status).toBe('accepted');
  expect(next.items).toBe(2);
  expect(meter.value('otelcol_processor_memory_limiter_accepted_log_records', { processor: 'memory_limiter' })).toBe(2);
});

test('between the limits it refuses with a hint, says so once with the numbers, and again when it is over', async () => {
  const { put, next, memory, clock, logger, meter } = await rig({ limit_mib: 100 });
  memory.resident = 81;
  memory.live = 60;
  await clock.advance(1000);
  for (let i = 0; i < 3; i++) expect(await put()).toMatchObject({ status: 'retryable', retryAfterMs: 1000 });
  await clock.advance(5000);
  expect(next.items).toBe(0);
  expect(meter.value('otelcol_processor_memory_limiter_refused_log_records', { processor: 'memory_limiter' })).toBe(6);
  memory.resident = 80;
  await clock.advance(1000);
  expect((await put()).status).toBe('accepted');
  expect(logger.lines.slice(1)).toEqual([
    {
      level: 'warn',
      message: 'refusing logs, senders are asked to retry: too much memory in use',
      fields: { used_mib: 81, refuse_above_mib: 80, hard_limit_mib: 100, live_mib: 60, held_telemetry_mib: 0 },
    },
    {
      level: 'info',
      message: 'taking logs again: memory in use is below the limit',
      fields: { used_mib: 80, refuse_above_mib: 80, refused_items: 6, seconds: 6 },
    },
  ]);
});

test('above the hard limit it collects garbage first, and refuses only if that does not help', async () => {
  const { put, memory, clock } = await rig({ limit_mib: 100 });
  memory.resident = 120;
  memory.frees = 60;
  await clock.advance(1000);
  expect(memory.collected).toBe(1);
  expect((await put()).status).toBe('accepted');
  memory.resident = 120;
  memory.frees = 0;
  await clock.advance(1000);
  expect((await put()).status).toBe('retryable');
});

test('memory that was freed but not given back does not make it refuse for ever', async () => {
  const { put, memory, clock } = await rig({ limit_mib: 100 });
  memory.resident = 90;
  memory.live = 70;
  await clock.advance(1000);
  expect((await put()).status).toBe('retryable');
  memory.live = 20;
  await clock.advance(1000);
  expect((await put()).status).toBe('accepted');
});

test('a process that is already too large when it starts refuses from the first batch on', async () => {
  const { put } = await rig({ limit_mib: 40 });
  expect((await put()).status).toBe('retryable');
});

test('shutdown ends the checks', async () => {
  const { limiter, clock } = await rig({ limit_mib: 100 });
  expect(clock.timers).toBe(1);
  await limiter.shutdown();
  await limiter.shutdown();
  expect(clock.timers).toBe(0);
});

test.each([
  [{ limit_mib: 100 }, 80, 100],
  [{ limit_mib: 100, spike_limit_mib: 30 }, 70, 100],
  [{ limit_percentage: 50 }, 400, 500],
  [{ limit_percentage: 80, spike_limit_percentage: 30 }, 500, 800],
  [{ limit_mib: 100, limit_percentage: 80 }, 80, 100],
])('%j of 1000 MiB refuses above %i MiB, hard limit %i MiB', (config, soft, hard) => {
  const limits = limitsOf(schema.parse(config), 1000 * mib);
  expect([limits.soft / mib, limits.hard / mib]).toEqual([soft, hard]);
});

test.each([
  [{}, 'limit_mib'],
  [{ check_interval: '0s', limit_mib: 10 }, 'check_interval'],
  [{ limit_mib: 10, spike_limit_mib: 10 }, 'spike_limit_mib'],
  [{ limit_percentage: 10, spike_limit_percentage: 20 }, 'spike_limit_percentage'],
])('%j is refused because of %s', (config, field) => {
  expect(schema.safeParse(config).error?.issues[0]?.path).toEqual([field]);
});

test.each([
  [512, 1000, 512],
  [0, 1000, 1000],
  [2 ** 63, 1000, 1000],
])('a container’s limit of %d on a machine of %d leaves %d', (constrained, machine, want) => {
  expect(memoryOf(constrained, machine)).toBe(want);
});

test('the real process has memory, and less than there is', () => {
  expect(processMemory.live()).toBeGreaterThan(mib);
  expect(processMemory.resident()).toBeLessThan(processMemory.total());
});

test('the factory builds it on the real process', async () => {
  const next = new RecordingConsumer();
  const limiter = factory.create(testSettings(), schema.parse({ limit_percentage: 100 }), next);
  await limiter.start?.(host);
  expect((await limiter.consume(stamped('traces', ['a']), noContext)).status).toBe('accepted');
  await limiter.shutdown?.(AbortSignal.abort());
});
