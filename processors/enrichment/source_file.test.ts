import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Component, Host } from '../../internal/core/component.ts';
import { type Consumer, noContext } from '../../internal/core/consumer.ts';
import { Shared } from '../../internal/core/shared.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { walkLogs, walkMetrics, walkSpans } from '../../internal/otlp/view/walk.ts';
import { Inlet, Outlet, runningCollector, type TestConfig } from '../../internal/testkit/collector.ts';
import { generatePayload } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import factory from './index.ts';

const { parse } = factory.schema as unknown as { parse(value: unknown): never };
const key = 'resource.service.name';

function file(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'source-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'services.yaml');
  writeFileSync(path, content);
  return path;
}

/** A pipeline of each signal with the same processor. */
function pipelines(source: object): { config: TestConfig; inlet: Inlet; outlet: Outlet } {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  const line = { receivers: ['inlet'], processors: ['enrichment'], exporters: ['outlet'] };
  const sources = [{ name: 'catalogue', type: 'file', key, ...source }];
  const config = {
    receivers: { inlet },
    processors: { enrichment: { factory, config: parse({ sources }) } },
    exporters: { outlet },
    pipelines: { traces: line, metrics: line, logs: line },
  };
  return { config, inlet, outlet };
}

function owner(batch: Payload): unknown {
  const walk = { traces: walkSpans, metrics: walkMetrics, logs: walkLogs }[batch.signal](batch);
  walk.nextResource();
  return walk.resource.resource.attributes.find(Buffer.from('owner'))?.value.plain();
}

test('a file that several pipelines use is in memory once, also over a reload, and not at all after the end', async () => {
  const path = file('frontend: { owner: web }\n');
  const { config, inlet, outlet } = pipelines({ path });
  const running = await runningCollector(config);
  for (const signal of ['traces', 'metrics', 'logs'] as const) await inlet.send(generatePayload(signal, { items: 1 }));
  expect(outlet.taken.map(owner)).toEqual(['web', 'web', 'web']);
  const bytes = running.memory.apart;
  expect(bytes).toBeGreaterThan(100);
  expect(bytes).toBe(
    running.meter.value('sluice_enrichment_file_bytes', { processor: 'enrichment', source: 'catalogue' }),
  );
  const [timers, components] = [running.clock.timers, running.collector.components().length];
  // Other options of the processor, the same ones of the file.
  const next = pipelines({ path, conflict: 'overwrite' });
  await running.reload({ ...next.config, receivers: config.receivers!, exporters: config.exporters! });
  await expect.poll(() => running.collector.components().length).toBe(components);
  expect([running.memory.apart, running.clock.timers]).toEqual([bytes, timers]);
  await running.collector.shutdown(AbortSignal.timeout(5000));
  expect([running.memory.apart, running.clock.timers]).toEqual([0, 0]);
});

test('who reads the same file otherwise has it for himself', async () => {
  const path = file('frontend: { owner: web }\n');
  const host: Host = {
    extension: () => undefined,
    fatal() {},
    system: { statuses: () => [], onStatus: () => () => {} },
    shared: new Shared(),
  };
  const settings = testSettings();
  const start = async (source: object) => {
    const sources = [{ name: 'catalogue', type: 'file', key, path, ...source }];
    const component = factory.create(settings, parse({ sources }), new RecordingConsumer()) as Required<Component>;
    await component.start(host);
    return component;
  };
  const all = [await start({}), await start({ name: 'other' })];
  const bytes = settings.memory.apart;
  all.push(await start({ write: { owner: 'service.owner.name' } }), await start({ max_entries: 5 }));
  expect(settings.memory.apart).toBeGreaterThan(2.5 * bytes);
  for (const component of all) await component.shutdown(AbortSignal.timeout(1000));
  expect([settings.memory.apart, settings.clock.timers]).toEqual([0, 0]);
});

test('a shutdown while a file is still being read lets it go', async () => {
  const path = file('frontend: { owner: web }\n');
  const shared = new Shared();
  const settings = testSettings();
  const sources = [{ name: 'catalogue', type: 'file', key, path }];
  const component = factory.create(settings, parse({ sources }), new RecordingConsumer()) as Required<Component>;
  const system = { statuses: () => [], onStatus: () => () => {} };
  const started = component.start({ extension: () => undefined, fatal() {}, system, shared });
  await component.shutdown(AbortSignal.timeout(1000));
  await started;
  expect([settings.memory.apart, settings.clock.timers]).toEqual([0, 0]);
});

test('what a catalogue takes is told as it grows with the entries that are in use, and no further', async () => {
  const lines = Array.from({ length: 1000 }, (_, i) => `service${i},team ${i}`);
  const path = file(['key,owner', 'frontend,web', ...lines].join('\n'));
  const settings = testSettings();
  const sources = [{ name: 'catalogue', type: 'file', format: 'csv', key, path }];
  const config = parse({ sources });
  const component = factory.create(settings, config, new RecordingConsumer()) as Required<Component> & Consumer;
  await component.start({
    extension: () => undefined,
    fatal() {},
    system: { statuses: () => [], onStatus: () => () => {} },
  });
  const before = settings.memory.apart;
  await component.consume(generatePayload('traces', { items: 1 }), noContext);
  const after = settings.memory.apart;
  expect(after).toBeGreaterThan(before);
  expect(after).toBeLessThan(before * 1.01);
  for (let i = 0; i < 100; i++) await component.consume(generatePayload('traces', { items: 1 }), noContext);
  expect(settings.memory.apart).toBe(after);
  await component.shutdown(AbortSignal.timeout(1000));
});
