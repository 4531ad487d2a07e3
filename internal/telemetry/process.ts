import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Clock } from '../core/clock.ts';
import type { MemoryBudget } from '../core/memory.ts';
import type { Meter, MetricSpec } from '../core/telemetry.ts';

/** How often the event loop is looked at: often enough to see what delays a batch, seldom enough to cost nothing. */
const sampleMs = 20;

/** Numbers older than this are read anew; one scrape reads all of its numbers within it. */
const sameScrapeMs = 100;

/**
 * Metrics of the process: upstream's `otelcol_process_*`, the event loop, garbage collection and the memory budget.
 * @returns a function that ends them
 */
export function observeProcess(meter: Meter, memory: MemoryBudget, clock: Clock): () => void {
  const ends: (() => void)[] = [];
  const gauge = (spec: MetricSpec, read: () => number) => void ends.push(meter.observe(spec, read));
  const counter = (spec: MetricSpec, read: () => number) =>
    void ends.push(meter.observe({ ...spec, monotonic: true }, read));

  const started = clock.monotonic();
  counter(
    { name: 'otelcol_process_uptime', help: 'Uptime of the process in seconds' },
    () => (clock.monotonic() - started) / 1000,
  );
  counter({ name: 'otelcol_process_cpu_seconds', help: 'Total CPU user and system time in seconds' }, () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge(
    { name: 'otelcol_process_memory_rss', help: 'Total physical memory (resident set size) in bytes' },
    residentOrUnknown,
  );
  const heap = fresh(clock, getHeapStatistics);
  gauge(
    {
      name: 'otelcol_process_runtime_heap_alloc_bytes',
      help: 'Bytes of live objects: the V8 heap and the buffers outside it',
    },
    () => heap().used_heap_size + heap().external_memory,
  );
  counter(
    { name: 'otelcol_process_runtime_total_alloc_bytes', help: 'Cumulative bytes allocated on the V8 heap' },
    () => heap().total_allocated_bytes,
  );
  gauge(
    {
      name: 'otelcol_process_runtime_total_sys_memory_bytes',
      help: 'Bytes of memory obtained from the operating system for the V8 heap and the buffers outside it',
    },
    () => heap().total_heap_size + heap().external_memory + heap().malloced_memory,
  );

  gauge({ name: 'sluice_memory_budget_bytes', help: 'Bytes of telemetry the process may hold' }, () => memory.capacity);
  gauge({ name: 'sluice_memory_held_bytes', help: 'Bytes of telemetry the process holds now' }, () => memory.used);
  gauge(
    { name: 'sluice_memory_held_peak_bytes', help: 'Most bytes of telemetry the process held at once since its start' },
    () => memory.peak,
  );

  const resources = fresh(clock, countResources);
  for (const type of ['socket', 'server', 'timer', 'other'] as const) {
    gauge(
      {
        name: 'sluice_open_handles',
        help: 'What keeps the event loop busy: open sockets, listening servers, timers',
        level: 'normal',
        labels: { type },
      },
      () => resources()[type],
    );
  }
  observeEventLoop(meter, clock, ends);
  observeGarbageCollection(meter, ends);
  return () => {
    for (const end of ends) end();
  };
}

/** The delay is reset by each scrape, so that a maximum is that of the time since the last one. */
function observeEventLoop(meter: Meter, clock: Clock, ends: (() => void)[]): void {
  // Not once per turn (samplePerIteration): that counts the time an idle process sleeps.
  const delay = monitorEventLoopDelay({ resolution: sampleMs });
  delay.enable();
  ends.push(() => delay.disable());
  const read = fresh(clock, () => {
    // What is recorded is the time between two samples.
    const seconds = (ns: number) => Math.max(0, ns / 1e6 - sampleMs) / 1000;
    const row = {
      '0.5': seconds(delay.percentile(50)),
      '0.99': seconds(delay.percentile(99)),
      '1': seconds(delay.max),
    };
    const empty = delay.count === 0;
    delay.reset();
    return empty ? { '0.5': 0, '0.99': 0, '1': 0 } : row;
  });
  for (const quantile of ['0.5', '0.99', '1'] as const) {
    ends.push(
      meter.observe(
        {
          name: 'sluice_event_loop_delay_seconds',
          help: 'How late timers were because the event loop was busy, since the last scrape; quantile 1 is the latest',
          labels: { quantile },
        },
        () => read()[quantile],
      ),
    );
  }
}

function observeGarbageCollection(meter: Meter, ends: (() => void)[]): void {
  const kinds = { [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor', [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major' };
  const pauses = new Map(
    ['minor', 'major', 'other'].map((kind) => {
      const labels = { kind };
      const seconds = meter.counter({
        name: 'sluice_gc_pause_seconds',
        help: 'Time spent in garbage collection',
        level: 'normal',
        labels,
      });
      const count = meter.counter({ name: 'sluice_gc_pauses', help: 'Garbage collections', level: 'normal', labels });
      return [kind, { seconds, count }];
    }),
  );
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as { detail?: { kind?: number } }).detail ?? {};
      const pause = pauses.get((kind === undefined ? undefined : kinds[kind]) ?? 'other')!;
      pause.seconds.add(entry.duration / 1000);
      pause.count.add(1);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  ends.push(() => observer.disconnect());
}

function countResources(): { socket: number; server: number; timer: number; other: number } {
  const counts = { socket: 0, server: 0, timer: 0, other: 0 };
  for (const name of process.getActiveResourcesInfo()) {
    if (name === 'TCPSocketWrap' || name === 'PipeWrap') counts.socket += 1;
    else if (name === 'TCPServerWrap' || name === 'PipeServerWrap') counts.server += 1;
    else if (name === 'Timeout' || name === 'Immediate') counts.timer += 1;
    else counts.other += 1;
  }
  return counts;
}

/** Reads once for all series of one scrape. */
function fresh<T>(clock: Clock, read: () => T): () => T {
  let last: { readonly value: T; readonly at: number } | undefined;
  return () => {
    const now = clock.monotonic();
    if (!last || now - last.at > sameScrapeMs) last = { value: read(), at: now };
    return last.value;
  };
}

/** In a root without /proc the system does not tell: one number less, not a scrape less. */
function residentOrUnknown(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return Number.NaN;
  }
}
