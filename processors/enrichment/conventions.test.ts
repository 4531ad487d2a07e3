import { expect, test } from 'vitest';
import type { Component, Host } from '../../internal/core/component.ts';
import { type Consumer, noContext } from '../../internal/core/consumer.ts';
import { decodeJson, encodeJson } from '../../internal/otlp/json.ts';
import { Payload, type Signal } from '../../internal/otlp/payload.ts';
import { seededRandom } from '../../internal/otlp/sample.ts';
import { canonical, firstDifference, keysDiffer } from '../../internal/testkit/canonical.ts';
import { asPayload, randomRequest } from '../../internal/testkit/generate.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import factory from './index.ts';
import { newestVersion, renames, undatedRenames } from './renames.ts';

const host: Host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };
const { parse } = factory.schema as unknown as { parse(value: unknown): never };
const url = (version: string) => `https://opentelemetry.io/schemas/${version}`;
const newest = url(newestVersion);

type Pairs = Readonly<Record<string, string>>;

/** One resource with one scope with one record, each with attributes. */
interface Case {
  readonly resource?: Pairs;
  readonly resourceUrl?: string;
  readonly scope?: Pairs;
  readonly scopeUrl?: string;
  readonly record?: Pairs;
  readonly event?: Pairs;
}

const list = (pairs: Pairs = {}) =>
  Object.entries(pairs).map(([key, stringValue]) => ({ key, value: { stringValue } }));
const plain = (attributes: { key: string; value: { stringValue: string } }[] = []): Pairs =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));

const shapes = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
} as const;

function payloadOf(signal: Signal, one: Case): Payload {
  const [groups, scopes, records] = shapes[signal];
  const attributes = list(one.record);
  const record = {
    traces: { name: 'a', attributes, events: one.event ? [{ name: 'e', attributes: list(one.event) }] : [] },
    metrics: { name: 'a', gauge: { dataPoints: [{ asDouble: 1, attributes }] } },
    logs: { attributes },
  }[signal];
  const scope = { scope: { name: 's', attributes: list(one.scope) }, [records]: [record], schemaUrl: one.scopeUrl };
  const group = { resource: { attributes: list(one.resource) }, [scopes]: [scope], schemaUrl: one.resourceUrl };
  const payload = decodeJson(signal, JSON.stringify({ [groups]: [group] }));
  if (!(payload instanceof Payload)) throw new Error(JSON.stringify(payload));
  return payload;
}

function caseOf(payload: Payload): Case {
  const [groups, scopes, records] = shapes[payload.signal];
  const text = Buffer.from(encodeJson(payload)).toString();
  const group = JSON.parse(text)[groups][0];
  const scope = group[scopes][0];
  const record = scope[records][0];
  const urls = [group.schemaUrl, scope.schemaUrl].filter(Boolean);
  expect(text.split('"schemaUrl"').length - 1, 'each URL once').toBe(urls.length);
  return {
    resource: plain(group.resource?.attributes),
    ...(group.schemaUrl && { resourceUrl: group.schemaUrl }),
    scope: plain(scope.scope.attributes),
    ...(scope.schemaUrl && { scopeUrl: scope.schemaUrl }),
    record: plain(record.attributes ?? record.gauge.dataPoints[0].attributes),
    ...(record.events?.length > 0 && { event: plain(record.events[0].attributes) }),
  };
}

async function check(
  signal: Signal,
  input: Case,
  want: Case | 'same',
  mode?: string | boolean,
  sources: readonly object[] = [],
): Promise<void> {
  const next = new RecordingConsumer();
  const upgrade = mode !== undefined && { upgrade_semantic_conventions: mode };
  const config = parse({ fill_service_name: false, sources, ...upgrade });
  const component = factory.create(testSettings({ signal }), config, next) as Required<Component> & Consumer;
  await component.start(host);
  const payload = payloadOf(signal, input);
  await component.consume(payload, noContext);
  await component.shutdown(AbortSignal.timeout(1000));
  if (want === 'same') expect(next.taken[0]).toBe(payload);
  else expect(caseOf(next.taken[0]!)).toEqual({ resource: {}, scope: {}, record: {}, ...want });
}

const old = { 'http.method': 'GET', 'db.name': 'shop', 'user.name': 'a' };

test('a scope that names an older schema gets the names and the URL of the newest', async () => {
  const upgraded = { 'http.request.method': 'GET', 'db.namespace': 'shop', 'user.name': 'a' };
  await check('traces', { scopeUrl: url('1.20.0'), record: old }, { scopeUrl: newest, record: upgraded });
});

test('only what was renamed after the version that the URL names is renamed', async () => {
  const half = { 'http.method': 'GET', 'db.namespace': 'shop', 'user.name': 'a' };
  await check('traces', { scopeUrl: url('1.21.0'), record: old }, { scopeUrl: newest, record: half });
  await check('traces', { scopeUrl: url('1.25.0'), record: old }, { scopeUrl: newest, record: old });
});

test('a scope’s URL is its own; without one it goes by its resource’s', async () => {
  const before = { 'deployment.environment': 'prod' };
  const after = { 'deployment.environment.name': 'prod' };
  const all = { resource: before, scope: before, record: before, event: before };
  const urls = { resourceUrl: url('1.26.0'), scopeUrl: url('1.27.0') };
  await check('traces', { ...all, ...urls }, { ...all, resource: after, resourceUrl: newest, scopeUrl: newest });
  await check(
    'traces',
    { ...all, resourceUrl: url('1.26.0') },
    { resource: after, scope: after, record: after, event: after, resourceUrl: newest },
  );
  await check(
    'logs',
    { resource: before, scope: before, record: before, resourceUrl: newest, scopeUrl: url('1.9.0') },
    { resource: before, scope: after, record: after, resourceUrl: newest, scopeUrl: newest },
  );
});

test('names of spans are those of spans alone', async () => {
  const both = { 'http.method': 'GET', 'deployment.environment': 'prod' };
  const want = { 'http.method': 'GET', 'deployment.environment.name': 'prod' };
  const input = { scopeUrl: url('1.20.0'), record: both, event: both };
  await check('logs', { scopeUrl: url('1.20.0'), record: both }, { scopeUrl: newest, record: want });
  await check('traces', input, {
    scopeUrl: newest,
    record: { 'http.request.method': 'GET', 'deployment.environment.name': 'prod' },
    event: want,
  });
});

test('of metrics the resources are upgraded, the points on request alone', async () => {
  const before = { 'deployment.environment': 'prod' };
  const after = { 'deployment.environment.name': 'prod' };
  const input = { resource: before, record: before, resourceUrl: url('1.20.0'), scopeUrl: url('1.20.0') };
  const stays = { resourceUrl: newest, scopeUrl: url('1.20.0') };
  await check('metrics', input, { resource: after, record: before, ...stays });
  await check('metrics', input, { resource: after, record: after, ...stays }, 'always');
  await check('metrics', { record: before, scopeUrl: url('1.20.0') }, 'same');
  // Also where something else leads down to the points.
  const marks = [{ name: 's', type: 'static', values: { mark: 'x' }, target: 'record' }];
  const marked = { resource: after, record: { ...before, mark: 'x' }, ...stays };
  await check('metrics', input, marked, 'by_schema_url', marks);
});

test('a batch without a schema URL, with a current, a newer, a foreign or a broken one is passed on as it is', async () => {
  const urls = ['', newest, url('1.99.0'), 'https://example.org/schemas/1.2.0', url('1.x.0'), url('2.0.0'), url('1.2')];
  for (const one of urls) {
    await check('traces', { record: old, resource: old, scopeUrl: one, resourceUrl: one }, 'same');
  }
});

test('where the new name is there already, both stay', async () => {
  const both = { 'http.method': 'GET', 'http.request.method': 'POST' };
  await check('traces', { scopeUrl: url('1.20.0'), record: both }, { scopeUrl: newest, record: both });
});

test('an old name is free for what a source writes, and a key is read as it came', async () => {
  const entries = { prod: { 'deployment.environment.name': 'kept out', 'deployment.environment': 'new' } };
  const sources = [{ name: 's', type: 'static', key: 'record.deployment.environment', entries }];
  const input = { scopeUrl: url('1.20.0'), record: { 'deployment.environment': 'prod' } };
  const want = { 'deployment.environment.name': 'prod', 'deployment.environment': 'new' };
  await check('logs', input, { scopeUrl: newest, record: want }, 'by_schema_url', sources);
});

test('always renames without a URL too, off never', async () => {
  const record = { ...old, 'net.sock.peer.addr': '10.0.0.1' };
  const upgraded = {
    'http.request.method': 'GET',
    'db.namespace': 'shop',
    'user.name': 'a',
    'network.peer.address': '10.0.0.1',
  };
  for (const mode of [true, 'always']) {
    await check('traces', { record }, { record: upgraded }, mode);
    await check('logs', { record, scopeUrl: newest }, { record: upgraded, scopeUrl: newest }, mode);
  }
  for (const mode of [false, 'off']) {
    await check('traces', { record, resourceUrl: url('1.20.0'), scopeUrl: url('1.20.0') }, 'same', mode);
  }
});

test('the table leads from each old name to one that is not old itself', () => {
  const all = [...renames, ...undatedRenames];
  const olds = new Set(all.map(([from]) => from));
  expect(olds.size).toBe(all.length);
  expect(all.filter(([, to]) => olds.has(to))).toEqual([]);
  // Whose values have other words now, or which are attributes again.
  for (const wrong of ['db.system', 'rpc.system', 'enduser.id', 'enduser.role', 'code.function', 'net.transport']) {
    expect(olds.has(wrong), wrong).toBe(false);
  }
});

/** What should come of a decoded request, told by the table alone. */
function modelOf(signal: Signal, request: any): any {
  const [groups, scopes, records] = shapes[signal];
  const versionOf = (text = '') => (text.startsWith(url('1.')) ? Number(text.split('.')[2]) : undefined);
  const last = Number(newestVersion.split('.')[1]);
  const isOld = (version: number | undefined) => version !== undefined && version < last;
  const rename = (holder: any, section: string, version: number | undefined) => {
    if (!holder?.attributes || !isOld(version)) return;
    const has = (key: string) => holder.attributes.some((one: any) => (one.key ?? '') === key);
    for (const [from, to, since, where] of renames) {
      if (since <= version! || (where !== 'all' && where !== section) || has(to)) continue;
      const old = holder.attributes.find((one: any) => one.key === from);
      // A value that is absent is an empty one.
      if (old) Object.assign(old, { key: to, value: old.value ?? {} });
    }
  };
  for (const group of request[groups] ?? []) {
    const outer = versionOf(group.schemaUrl);
    rename(group.resource, 'resource', outer);
    if (isOld(outer)) group.schemaUrl = newest;
    if (signal === 'metrics') continue;
    for (const scope of group[scopes] ?? []) {
      const version = scope.schemaUrl ? versionOf(scope.schemaUrl) : outer;
      rename(scope.scope, 'scope', version);
      if (scope.schemaUrl && isOld(version)) scope.schemaUrl = newest;
      for (const record of scope[records] ?? []) {
        rename(record, signal === 'traces' ? 'span' : 'log', version);
        for (const event of record.events ?? []) rename(event, 'event', version);
      }
    }
  }
  return request;
}

test.each(['traces', 'metrics', 'logs'] as const)(
  '%s: of 300 random requests with URLs of all ages just what the table says is renamed',
  async (signal) => {
    const oracle = await loadOracle();
    const type = oracle.request(signal);
    const random = seededRandom(7);
    const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
    const ages = ['', url('1.44.0'), url('1.4.0'), url('1.20.0'), url('1.21.0'), url('1.26.0'), url('1.39.0'), 'urn:x'];
    const olds = renames.map(([from]) => from);
    const next = new RecordingConsumer();
    const config = parse({ fill_service_name: false });
    const component = factory.create(testSettings({ signal }), config, next) as Required<Component> & Consumer;
    let changed = 0;
    for (let seed = 0; seed < 300; seed++) {
      const read: any = oracle.read(signal, randomRequest(signal, seed));
      const [groups, scopes] = shapes[signal];
      for (const group of read[groups] ?? []) {
        group.schemaUrl = pick(ages);
        for (const scope of group[scopes] ?? []) scope.schemaUrl = pick(ages);
      }
      // Every attribute list with names of its own, many of them old.
      JSON.stringify(read, (name, value) => {
        if (name === 'attributes') for (const [i, one] of value.entries()) one.key = i % 2 ? `k${i}` : pick(olds);
        return value;
      });
      if (!keysDiffer(read)) continue;
      const before = type.encode(type.fromObject(read)).finish();
      await component.consume(asPayload(signal, before), noContext);
      const after = Buffer.concat(next.taken.at(-1)!.chunks);
      const want = type.encode(type.fromObject(modelOf(signal, oracle.read(signal, before)))).finish();
      expect(firstDifference(canonical(oracle, signal, after), canonical(oracle, signal, want)), `${seed}`).toBe(
        undefined,
      );
      if (!after.equals(before)) changed++;
    }
    expect(changed).toBeGreaterThan(50);
  },
);
