import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Component, Host } from '../../internal/core/component.ts';
import { type Consumer, noContext } from '../../internal/core/consumer.ts';
import { Payload } from '../../internal/otlp/payload.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import factory from './index.ts';

const host: Host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };
const { parse } = factory.schema as unknown as { parse(value: unknown): never };
const key = 'resource.service.name';

type Value = string | Uint8Array | ((out: Writer) => void);

/** A resource with these attributes, some of them no UTF-8, and one span. */
function batchOf(attributes: readonly (readonly [key: string | Uint8Array, value: Value])[]): Payload {
  const out = new Writer(1024);
  const group = out.open(1);
  const resource = out.open(1);
  for (const [name, value] of attributes) {
    const pair = out.open(1);
    out.bytes(1, Buffer.from(name as string));
    const any = out.open(2);
    if (typeof value === 'function') value(out);
    else out.bytes(1, Buffer.from(value as string));
    out.close(any);
    out.close(pair);
  }
  out.close(resource);
  const scope = out.open(2);
  const span = out.open(2);
  out.string(5, 'a');
  out.close(span);
  out.close(scope);
  out.close(group);
  const bytes = out.finish();
  return new Payload('traces', [bytes], 1, bytes.length);
}

function hugeMap(entries: number): Value {
  return (out) => {
    const list = out.open(6);
    for (let i = 0; i < entries; i++) {
      const pair = out.open(1);
      out.string(1, `key ${i}`);
      const value = out.open(2);
      out.string(1, 'value');
      out.close(value);
      out.close(pair);
    }
    out.close(list);
  };
}

async function make(config: object) {
  const settings = testSettings();
  const next = new RecordingConsumer();
  const component = factory.create(settings, parse(config), next) as Required<Component> & Consumer;
  await component.start(host);
  onTestFinished(() => component.shutdown(AbortSignal.timeout(1000)));
  const outcome = (name: string) =>
    settings.meter.value('sluice_enrichment_lookups_total', { processor: 'test', source: 's', outcome: name });
  return { component, next, settings, outcome };
}

function attribute(batch: Payload, name: string): unknown {
  const walk = walkSpans(batch);
  walk.nextResource();
  return walk.resource.resource.attributes.find(Buffer.from(name))?.value.plain();
}

const entries = { frontend: { owner: 'web' } };

test('keys and values that are no UTF-8 pass as they came, and are nobody’s name', async () => {
  const { component, next, outcome } = await make({ sources: [{ name: 's', type: 'static', key, entries }] });
  const broken = Buffer.from([0xc3, 0x28, 0xff, 0xfe]);
  const batch = batchOf([
    [broken, 'x'],
    ['service.name', broken],
  ]);
  await component.consume(batch, noContext);
  expect(next.taken[0]).toBe(batch);
  expect(outcome('miss')).toBe(1);
  await component.consume(
    batchOf([
      [broken, broken],
      ['service.name', 'frontend'],
      [broken, 'y'],
    ]),
    noContext,
  );
  const written = Buffer.from(next.taken[1]!.chunks[0]!);
  expect(attribute(next.taken[1]!, 'owner')).toBe('web');
  expect(written.toString('latin1').split(broken.toString('latin1')).length - 1).toBe(3);
});

test('a map of 100,000 entries where a name is expected is a miss that nobody decodes', async () => {
  const { component, next, outcome } = await make({ sources: [{ name: 's', type: 'static', key, entries }] });
  const batch = batchOf([['service.name', hugeMap(100_000)]]);
  await component.consume(batch, noContext);
  await component.consume(batchOf([['service.name', 'x'.repeat(100_000)]]), noContext);
  expect(next.taken[0]).toBe(batch);
  expect([outcome('miss'), outcome('absent')]).toEqual([2, 0]);
});

test('a resource of 20,000 attributes and a huge map gets its facts, the rest as it came', async () => {
  const { component, next } = await make({ sources: [{ name: 's', type: 'static', key, entries }] });
  const many = Array.from({ length: 20_000 }, (_, i) => [`attribute ${i}`, 'v'] as const);
  await component.consume(batchOf([...many, ['map', hugeMap(10_000)], ['service.name', 'frontend']]), noContext);
  const [taken] = next.taken;
  expect(attribute(taken!, 'owner')).toBe('web');
  expect(attribute(taken!, 'attribute 19999')).toBe('v');
  expect(attribute(taken!, 'map')).toMatchObject({ pairs: { length: 10_000 } });
});

/** What becomes of a catalogue with this text: the trouble that is logged, or that stops the start. */
async function catalogue(name: string, text: string, options: object = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'catalogue-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, name);
  writeFileSync(path, text);
  const { component, next, settings } = await make({ sources: [{ name: 's', type: 'file', key, path, ...options }] });
  await component.consume(batchOf([['service.name', 'frontend']]), noContext);
  const labels = { processor: 'test', source: 's' };
  return {
    owner: attribute(next.taken[0]!, 'owner'),
    skipped: settings.meter.value('sluice_enrichment_skipped_entries_total', labels),
    warnings: settings.logger.warnings().join(),
  };
}

test('broken entries of a catalogue are skipped and counted, the others serve', async () => {
  const deep = '['.repeat(20) + ']'.repeat(20);
  const good = '"frontend": { "owner": "web" }';
  const check = async (bad: string, trouble: string) => {
    const { owner, skipped, warnings } = await catalogue('c.json', `{ ${bad}, ${good} }`);
    expect({ owner, skipped }, bad).toEqual({ owner: 'web', skipped: 1 });
    expect(warnings).toContain(trouble);
  };
  await check('"cart": 5', 'entry "cart": expected fields with values');
  await check('"cart": ["a"]', 'entry "cart": expected fields with values');
  await check(`"cart": { "a": ${deep} }`, 'nest deeper than 8 levels');
  await check(`"${'long'.repeat(1000)}": null`, 'expected fields with values');
});

test('a catalogue with more entries than max_entries serves the first ones', async () => {
  const others = Array.from({ length: 5000 }, (_, i) => `service${i},x\n`).join('');
  const { owner, skipped, warnings } = await catalogue('c.csv', `key,owner\nfrontend,web\n${others}`, {
    max_entries: 100,
  });
  expect({ owner, skipped }).toEqual({ owner: 'web', skipped: 4901 });
  expect(warnings).toContain('more than max_entries (100)');
});

test('a catalogue that is broken as a whole stops the start and says where', async () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: { o: [*c,*c,*c,*c,*c,*c,*c,*c] }\n`;
  await expect(catalogue('c.yaml', bomb)).rejects.toThrow(/cannot use .*c\.yaml: .*alias/);
  await expect(catalogue('c.yaml', 'a: {\n b')).rejects.toThrow(/at line \d/);
  await expect(catalogue('c.json', '{ "a": { ')).rejects.toThrow(/cannot use .*JSON/);
  await expect(catalogue('c.json', '['.repeat(200_000))).rejects.toThrow(/cannot use .*c\.json/);
  await expect(catalogue('c.csv', '\u0000\u0001\n')).rejects.toThrow('the column key');
});

test('an unknown service is named by what a detect source alone knows', async () => {
  vi.stubEnv('POD_NAME', 'cart-6d4cf56db6-0');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { component, next } = await make({ sources: [{ name: 's', type: 'detect' }] });
  await component.consume(batchOf([['service.name', 'unknown_service:node']]), noContext);
  await component.consume(batchOf([['service.name', 'shop']]), noContext);
  expect(next.taken.map((batch) => attribute(batch, 'service.name'))).toEqual(['cart-6d4cf56db6-0', 'shop']);
  expect(attribute(next.taken[1]!, 'k8s.pod.name')).toBe('cart-6d4cf56db6-0');
});
