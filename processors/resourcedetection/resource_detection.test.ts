import { afterEach, expect, test } from 'vitest';
import type { Host } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { Shared } from '../../internal/core/shared.ts';
import { type Surroundings, systemSurroundings } from '../../internal/detection/surroundings.ts';
import { hang } from '../../internal/detection/test/service.ts';
import { servers } from '../../internal/detection/test/world.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import { ResourceDetection } from './resource_detection.ts';

const serving = servers();
const oracle = await loadOracle();
const signals: readonly Signal[] = ['traces', 'metrics', 'logs'];
const host: Host = {
  extension: () => undefined,
  fatal() {},
  system: { statuses: () => [], onStatus: () => () => {} },
};
const groups = { traces: 'resourceSpans', metrics: 'resourceMetrics', logs: 'resourceLogs' } as const;
const url140 = 'https://opentelemetry.io/schemas/1.40.0';

const open: ResourceDetection[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.shutdown();
});

interface Rig {
  readonly signal?: Signal;
  readonly env?: Record<string, string>;
  readonly host?: Host;
}

async function started(config: object, { signal = 'traces', env = {}, host: around = host }: Rig = {}) {
  const settings = testSettings({ id: 'resourcedetection', kind: 'processor', signal });
  const next = new RecordingConsumer();
  const world: Surroundings = { ...systemSurroundings(), env, read: async () => undefined };
  const processor = new ResourceDetection(settings, schema.parse(config), next, world);
  open.push(processor);
  await processor.start(around);
  const through = async (batch: Payload) => {
    await processor.consume(batch, noContext);
    return next.taken.at(-1)!;
  };
  return { settings, processor, through };
}

type Attributes = Record<string, unknown>;
const plain = (value: any): unknown =>
  value?.arrayValue ? value.arrayValue.values.map(plain) : value && Object.values(value)[0];
const attributesOf = (list: any[] = []): Attributes =>
  Object.fromEntries(list.map(({ key, value }) => [key, plain(value)]));

/** A request with one resource of these attributes for each argument. */
function request(signal: Signal, ...resources: { attributes?: Attributes; schemaUrl?: string }[]): Payload {
  const tree = resources.map(({ attributes = {}, schemaUrl = '' }) => ({
    resource: { attributes: Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } })) },
    schemaUrl,
  }));
  const type = oracle.request(signal);
  return asPayload(signal, type.encode(type.fromObject({ [groups[signal]]: tree })).finish());
}

function resourcesOf({ signal, chunks }: Payload): { attributes: Attributes; schemaUrl: string }[] {
  const tree: any = oracle.read(signal, Buffer.concat(chunks));
  const list: any[] = tree[groups[signal]] ?? [];
  return list.map(({ resource, schemaUrl = '' }) => ({ attributes: attributesOf(resource?.attributes), schemaUrl }));
}
test.each(signals)('%s: what is detected replaces what the resource says, and adds what it lacks', async (signal) => {
  const env = { OTEL_RESOURCE_ATTRIBUTES: 'team=gold,region=eu%2Dwest' };
  const { through } = await started({}, { signal, env });
  const out = await through(request(signal, { attributes: { team: 'tin', a: 'b' } }, {}));
  expect(resourcesOf(out)).toEqual([
    { attributes: { team: 'gold', a: 'b', region: 'eu-west' }, schemaUrl: '' },
    { attributes: { team: 'gold', region: 'eu-west' }, schemaUrl: '' },
  ]);
});

test('with override off, what the telemetry says of itself stays', async () => {
  const env = { OTEL_RESOURCE_ATTRIBUTES: 'team=gold,region=eu' };
  const { through } = await started({ override: false }, { env });
  const out = await through(request('traces', { attributes: { team: 'tin' } }));
  expect(resourcesOf(out)[0]!.attributes).toEqual({ team: 'tin', region: 'eu' });
});

test('of two detectors that set an attribute the first counts, also where the second answers sooner', async () => {
  const env = { OTEL_RESOURCE_ATTRIBUTES: 'service.name=env,a=1', HEROKU_APP_NAME: 'dyno', HEROKU_APP_ID: 'id' };
  const through = async (...detectors: string[]) => {
    const { through } = await started({ detectors }, { env });
    return resourcesOf(await through(request('logs', {})))[0]!.attributes;
  };
  expect(await through('env', 'heroku')).toMatchObject({ 'service.name': 'env', a: '1', 'heroku.app.id': 'id' });
  expect(await through(' heroku', 'env ')).toMatchObject({ 'service.name': 'dyno', a: '1', 'heroku.app.id': 'id' });
});

test.each(signals)('%s: the schema URL is set where the group has none, as the detectors say', async (signal) => {
  const { through } = await started({ detectors: ['heroku'] }, { signal, env: { HEROKU_APP_ID: 'id' } });
  const out = await through(request(signal, {}, { schemaUrl: 'https://opentelemetry.io/schemas/1.9.0' }));
  expect(resourcesOf(out).map(({ schemaUrl }) => schemaUrl)).toEqual([
    url140,
    'https://opentelemetry.io/schemas/1.9.0',
  ]);
});

test('a batch whose resources say it all already is handed on as it is', async () => {
  const { through } = await started({}, { env: { OTEL_RESOURCE_ATTRIBUTES: 'a=b' } });
  const batch = request('traces', { attributes: { x: 'y', a: 'b' } });
  expect(await through(batch)).toBe(batch);
});

test('where nothing is detected, nothing is looked at', async () => {
  const { through } = await started({});
  const batch = request('traces', { attributes: { x: 'y' } });
  expect(await through(batch)).toBe(batch);
});

test('everything else of a request stays, fields that nobody knows too', async () => {
  const env = { OTEL_RESOURCE_ATTRIBUTES: 'detected.a=1,detected.b=2' };
  for (const signal of signals) {
    const { through } = await started({}, { signal, env });
    for (let seed = 1; seed <= 30; seed++) {
      const batch = asPayload(
        signal,
        randomRequest(signal, seed, { unknown: true, padded: seed % 2 === 0, disorder: seed % 3 === 0 }),
      );
      const out = await through(batch);
      const tree: any = oracle.read(signal, Buffer.concat(batch.chunks));
      for (const group of tree[groups[signal]] ?? []) {
        const added = Object.entries({ 'detected.a': '1', 'detected.b': '2' }).map(([key, stringValue]) => ({
          key,
          value: { stringValue },
        }));
        group.resource = { ...group.resource, attributes: [...(group.resource?.attributes ?? []), ...added] };
      }
      expect(oracle.read(signal, Buffer.concat(out.chunks)), `${signal} ${seed}`).toEqual(tree);
      expect(out.itemCount).toBe(batch.itemCount);
    }
  }
  // What the oracle drops on reading: a field of tag 1000 in the resource and in its group.
  const stranger = Buffer.from([0xc2, 0x3e, 1, 7]);
  const group = Buffer.concat([Buffer.from([10, stranger.length]), stranger, stranger]);
  const { through } = await started({ detectors: ['env', 'heroku'] }, { env: { ...env, HEROKU_APP_ID: 'x' } });
  const out = await through(asPayload('traces', Buffer.concat([Buffer.from([10, group.length]), group])));
  const count = Buffer.concat(out.chunks).toString('latin1').split(stranger.toString('latin1')).length - 1;
  expect(count).toBe(2);
});

test('pipelines share one detection, which ends with the last of them', async () => {
  const around = { ...host, shared: new Shared() };
  const config = { detectors: ['env', 'system'], refresh_interval: '1m', system: { hostname_sources: ['os'] } };
  const first = await started(config, { host: around, env: { OTEL_RESOURCE_ATTRIBUTES: 'a=b' } });
  const second = await started(config, { host: around, env: { OTEL_RESOURCE_ATTRIBUTES: 'a=c' } });
  expect(resourcesOf(await second.through(request('traces', {})))[0]!.attributes).toMatchObject({ a: 'b' });
  expect([first.settings.clock.timers, second.settings.clock.timers]).toEqual([1, 0]);
  await first.processor.shutdown();
  expect(first.settings.clock.timers).toBe(1);
  await second.processor.shutdown();
  expect(first.settings.clock.timers).toBe(0);
});

test('a shutdown ends a start that waits for a service, and one that ends later leaves nothing behind', async () => {
  const env = { ECS_CONTAINER_METADATA_URI_V4: (await serving(() => hang)).url };
  const settings = testSettings({ id: 'resourcedetection', kind: 'processor' });
  const config = schema.parse({ detectors: ['ecs'], refresh_interval: '1s' });
  const world = { ...systemSurroundings(), env };
  const processor = new ResourceDetection(settings, config, new RecordingConsumer(), world);
  const start = processor.start(host);
  await processor.shutdown();
  await start;
  expect([settings.clock.timers, settings.logger.warnings()]).toEqual([0, []]);
});

test('a refresh changes what is written', async () => {
  const env: Record<string, string> = { OTEL_RESOURCE_ATTRIBUTES: 'a=1' };
  const { through, settings } = await started({ refresh_interval: '10s' }, { env });
  const value = async () => resourcesOf(await through(request('traces', {})))[0]!.attributes.a;
  expect(await value()).toBe('1');
  env.OTEL_RESOURCE_ATTRIBUTES = 'a=2';
  await settings.clock.advance(9000);
  expect(await value()).toBe('1');
  await settings.clock.advance(1000);
  expect(await value()).toBe('2');
});

test('a refresh that fails leaves what was found, is told once and counted, and the next that works is used', async () => {
  const env: Record<string, string> = { OTEL_RESOURCE_ATTRIBUTES: 'a=1' };
  const { through, settings } = await started({ refresh_interval: '10s' }, { env });
  env.OTEL_RESOURCE_ATTRIBUTES = 'broken';
  await settings.clock.advance(30_000);
  expect(resourcesOf(await through(request('traces', {})))[0]!.attributes).toEqual({ a: '1' });
  expect(settings.logger.warnings()).toEqual([
    'the env detector failed: OTEL_RESOURCE_ATTRIBUTES: expected key=value pairs, joined by commas, in ASCII, got "broken". What it found before stays',
  ]);
  const count = (outcome: string) =>
    settings.meter.value('sluice_resource_detections_total', {
      processor: 'resourcedetection',
      detector: 'env',
      outcome,
    });
  expect([count('found'), count('failed')]).toEqual([1, 3]);
  env.OTEL_RESOURCE_ATTRIBUTES = 'a=3';
  await settings.clock.advance(10_000);
  expect(resourcesOf(await through(request('traces', {})))[0]!.attributes).toEqual({ a: '3' });
});

test.each<[object, string]>([
  [{ detectors: ['consul'] }, 'the Go collector\'s detector "consul" is not there: remove it'],
  [{ detectors: ['sistem'] }, 'expected the name of a detector, got "sistem"; did you mean "system"?'],
  [{ detectors: [] }, 'expected at least one detector'],
  [{ timeout: '0s' }, 'expected a duration above 0'],
  [{ system: { hostname_sources: ['nowhere'] } }, 'Invalid option'],
  [
    { system: { resource_attributes: { 'host.nme': { enabled: true } } } },
    'the system detector has no attribute "host.nme"; did you mean "host.name"?',
  ],
  [{ ec2: { tags: ['('], tags_from_imds: true } }, 'a group is not closed'],
  [{ k8s_api: { auth_type: 'kubeConfig' } }, 'expected serviceAccount or none, got "kubeConfig"'],
])('%j is refused: %s', (config, message) => {
  const parsed = schema.safeParse(config);
  expect(parsed.error?.issues.map((issue) => JSON.stringify(issue)).join()).toContain(
    JSON.stringify(message).slice(1, -1),
  );
});
