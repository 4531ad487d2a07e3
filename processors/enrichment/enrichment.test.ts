import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Component, Host } from '../../internal/core/component.ts';
import { type Consumer, noContext } from '../../internal/core/consumer.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import { walkLogs, walkMetrics, walkSpans } from '../../internal/otlp/view/walk.ts';
import { testFolder } from '../../internal/testkit/folder.ts';
import { generatePayload } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, type TestSettings, testSettings } from '../../internal/testkit/settings.ts';
import factory from './index.ts';

const host: Host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };
const { parse } = factory.schema as unknown as { parse(value: unknown): never };
const owner = { name: 'catalogue', key: 'resource.service.name' };

async function make(config: unknown, signal: Signal = 'traces', settings: TestSettings = testSettings({ signal })) {
  const next = new RecordingConsumer();
  const component = factory.create(settings, parse(config), next) as Required<Component> & Consumer;
  await component.start(host);
  return { component, next, settings };
}

function resources(batch: Payload): Record<string, unknown>[] {
  const walks = { traces: walkSpans, metrics: walkMetrics, logs: walkLogs };
  const walk = walks[batch.signal](batch);
  const all: Record<string, unknown>[] = [];
  while (walk.nextResource()) {
    const one: Record<string, unknown> = {};
    const { attributes } = walk.resource.resource;
    for (let pair = attributes.next(); pair; pair = attributes.next()) one[pair.key] = pair.value.plain();
    all.push(one);
  }
  return all;
}

test.each(['traces', 'metrics', 'logs'] as const)(
  '%s: a static catalogue writes owner and tier on the resource alone',
  async (signal) => {
    const entries = { frontend: { 'service.owner.name': 'web', tier: 1 } };
    const { component, next, settings } = await make({ sources: [{ ...owner, type: 'static', entries }] }, signal);
    const batch = generatePayload(signal, { items: 20, resources: 2 });
    await component.consume(batch, noContext);
    const [frontend, cart] = resources(next.taken[0]!);
    expect(frontend).toMatchObject({ 'service.name': 'frontend', 'service.owner.name': 'web', tier: 1n });
    expect(cart).toEqual(resources(batch)[1]);
    expect(next.taken[0]!.itemCount).toBe(20);
    const count = (outcome: string) =>
      settings.meter.value('sluice_enrichment_lookups_total', { processor: 'test', source: 'catalogue', outcome });
    expect([count('hit'), count('miss')]).toEqual([1, 1]);
    await component.shutdown(AbortSignal.timeout(1000));
  },
);

test('what is there already is kept, overwritten or set beside with a prefix, source after source', async () => {
  const sources = [
    { name: 'a', type: 'static', values: { 'service.version': 'a', fresh: 'a' } },
    { name: 'b', type: 'static', values: { 'service.version': 'b', fresh: 'b' } },
  ];
  const check = async (conflict: string, want: unknown) => {
    const { component, next } = await make({ conflict, sources });
    await component.consume(generatePayload('traces', { items: 1 }), noContext);
    expect(resources(next.taken[0]!)[0], conflict).toMatchObject(want as object);
  };
  await check('keep', { 'service.version': '2.14.1', fresh: 'a' });
  await check('overwrite', { 'service.version': 'b', fresh: 'b' });
  await check('prefix', { 'service.version': '2.14.1', 'a.service.version': 'a', fresh: 'a', 'b.fresh': 'b' });
});

test('a key of the resource may write on records, and a key of a record is looked up per value', async () => {
  const sources = [
    { ...owner, type: 'static', target: 'record', entries: { frontend: { owner: 'web' } } },
    { name: 'm', type: 'static', key: 'record.http.response.status_code', entries: { '200': { fine: true } } },
  ];
  const { component, next } = await make({ sources });
  await component.consume(generatePayload('traces', { items: 50 }), noContext);
  const walk = walkSpans(next.taken[0]!);
  let owners = 0;
  let fine = 0;
  while (walk.nextResource())
    while (walk.nextScope())
      while (walk.nextRecord()) {
        if (walk.record.attributes.find(Buffer.from('owner'))?.value.stringValue === 'web') owners++;
        if (walk.record.attributes.find(Buffer.from('fine'))?.value.boolValue) fine++;
      }
  expect(owners).toBe(50);
  expect(fine).toBeGreaterThan(30);
  expect(fine).toBeLessThanOrEqual(50);
});

test('without configuration a batch that has a service name is passed on as the very same', async () => {
  const { component, next } = await make(null);
  const batch = generatePayload('traces', { items: 5 });
  await component.consume(batch, noContext);
  expect(next.taken[0]).toBe(batch);
});

test('an unknown service gets the name of its pod', async () => {
  const values = { 'service.name': 'unknown_service:node' };
  const sources = [{ name: 'old', type: 'static', conflict: 'overwrite', values }];
  const { component, next } = await make({ sources });
  await component.consume(generatePayload('traces', { items: 1 }), noContext);
  expect(resources(next.taken[0]!)[0]).toMatchObject({ 'service.name': 'frontend-6d4cf56db6-0' });
});

test('a catalogue is read again when it changes; a broken line is skipped and a broken file keeps the last good one', async () => {
  const path = join(await testFolder(), 'services.csv');
  const settings = testSettings();
  await writeFile(path, 'key,owner\nfrontend,"web, team"\ncart\n"cart,x\nemail,post\n');
  const { component, next } = await make({ sources: [{ ...owner, type: 'file', path }] }, 'traces', settings);
  const owned = async () => {
    await settings.clock.advance(5000);
    await component.consume(generatePayload('traces', { items: 1 }), noContext);
    return resources(next.taken.at(-1)!)[0]!.owner;
  };
  expect(await owned()).toBe('web, team');
  expect(settings.logger.warnings()).toEqual([expect.stringContaining('line 3: expected 2 columns, got 1')]);
  const labels = { processor: 'test', source: 'catalogue' };
  expect(settings.meter.value('sluice_enrichment_skipped_entries_total', labels)).toBe(2);
  await writeFile(path, 'key,owner\nfrontend,new\n');
  await expect.poll(owned).toBe('new');
  await writeFile(path, 'no such column\n');
  await expect.poll(async () => (await owned()) && settings.logger.warnings().at(-1)).toContain('the column key');
  expect(await owned()).toBe('new');
  await component.shutdown(AbortSignal.timeout(1000));
  expect(settings.clock.timers).toBe(0);
});

test('a file that cannot be used stops the start and says which', async () => {
  const path = join(await testFolder(), 'services.yaml');
  const sources = [{ ...owner, type: 'file', path }];
  await expect(make({ sources })).rejects.toThrow('there is no such file');
  await writeFile(path, 'a: [');
  await expect(make({ sources })).rejects.toThrow(`source catalogue: cannot use ${path}`);
  await expect(make({ sources: [{ ...sources[0], max_file_bytes: 2 }] })).rejects.toThrow('max_file_bytes is 2');
});

test('what is wrong in a source is told', () => {
  const issue = (source: object) => {
    const { safeParse } = factory.schema as unknown as { safeParse(value: unknown): { error?: Error } };
    return safeParse({ sources: [{ name: 's', ...source }] }).error?.message;
  };
  expect(issue({ type: 'geoip', key: 'record.client.address' })).toContain('expected the path of a file');
  expect(issue({ type: 'file', path: 'x' })).toContain('expected what to look up');
  expect(issue({ type: 'static', key: 'record.a', target: 'resource', entries: {} })).toContain('no wider');
  expect(issue({ type: 'http', key: 'record.a', http: { url: 'http://{key}/' } })).toContain('{key} behind the host');
  expect(issue({ type: 'static', values: { a: 1 } })).toBeUndefined();
});
