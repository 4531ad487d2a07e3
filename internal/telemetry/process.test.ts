import { expect, onTestFinished, test, vi } from 'vitest';
import { MemoryBudget } from '../core/memory.ts';
import { FakeClock } from '../testkit/clock.ts';
import { createMeter } from './meter.ts';
import { observeProcess } from './process.ts';

function started() {
  const telemetry = { metrics: { level: 'normal' as const, prometheus: [], otlp: [] }, resource: {} };
  const handle = createMeter(telemetry, { name: 'sluice', version: '1' }, 'one');
  const memory = new MemoryBudget(1000);
  const clock = new FakeClock();
  const end = observeProcess(handle.meter, memory, clock);
  const value = (name: string, label?: string) => {
    for (const series of handle.registry.get(name)?.series.values() ?? []) {
      if ('value' in series && (!label || Object.values(series.labels).includes(label))) return series.value;
    }
    return undefined;
  };
  return { ...handle, memory, clock, end, value };
}

test('the process metrics of upstream carry plausible values', async () => {
  const { value, clock, end } = started();
  await clock.advance(2500);
  expect(value('otelcol_process_uptime')).toBe(2.5);
  expect(value('otelcol_process_cpu_seconds')).toBeGreaterThan(0);
  const rss = value('otelcol_process_memory_rss')!;
  expect(rss).toBeGreaterThan(20e6);
  const live = value('otelcol_process_runtime_heap_alloc_bytes')!;
  expect(live).toBeGreaterThan(1e6);
  expect(value('otelcol_process_runtime_total_sys_memory_bytes')).toBeGreaterThanOrEqual(live);
  expect(value('otelcol_process_runtime_total_alloc_bytes')).toBeGreaterThan(1e6);
  end();
});

test('where the system does not tell the resident memory, as in a root without /proc, the rest is still served', async () => {
  const { scrape, end } = started();
  vi.spyOn(process.memoryUsage, 'rss').mockImplementation(() => {
    throw new Error('ENOENT: no such file or directory, uv_resident_set_memory');
  });
  onTestFinished(() => void vi.restoreAllMocks());
  const text = await scrape();
  expect(text).toContain('otelcol_process_memory_rss Nan');
  expect(text).toContain('otelcol_process_cpu_seconds ');
  end();
});

test('the memory budget shows what is held and what was held at most', () => {
  const { value, memory, end } = started();
  memory.tryReserve(700);
  memory.release(500);
  expect(['budget', 'held', 'held_peak'].map((what) => value(`sluice_memory_${what}_bytes`))).toEqual([1000, 200, 700]);
  end();
});

test('a blocked event loop shows as the latest timer, until the next scrape', async () => {
  const { value, clock, end } = started();
  onTestFinished(end);
  const latest = async () => {
    await clock.advance(1000);
    return value('sluice_event_loop_delay_seconds', '1')!;
  };
  const block = () => {
    const until = performance.now() + 150;
    while (performance.now() < until);
    return new Promise((resolve) => setTimeout(resolve, 0));
  };
  const afterBlock = async () => {
    await block();
    return latest();
  };
  await vi.waitUntil(async () => (await afterBlock()) > 0.1, { timeout: 10_000 });
  await vi.waitUntil(async () => (await latest()) < 0.1, { timeout: 10_000 });
});

test('garbage collections are counted', async () => {
  const { value, end } = started();
  const garbage: unknown[] = [];
  for (let round = 0; round < 1000 && !value('sluice_gc_pauses', 'minor'); round += 1) {
    for (let i = 0; i < 10_000; i += 1) garbage[i % 100] = { i };
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(value('sluice_gc_pauses', 'minor')).toBeGreaterThan(0);
  expect(value('sluice_gc_pause_seconds', 'minor')).toBeGreaterThan(0);
  end();
});

test('ending leaves no observed series behind', () => {
  const { registry, end } = started();
  end();
  expect(registry.read().map((family) => family.name)).toEqual(['sluice_gc_pause_seconds', 'sluice_gc_pauses']);
});
