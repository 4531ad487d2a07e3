import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { permanent, retryable } from '../../internal/core/outcome.ts';
import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { Attributes, Plain } from '../../internal/otlp/view/value.ts';
import { walkLogs } from '../../internal/otlp/view/walk.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload, generatePayload, randomRequest } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

type Map = Record<string, Plain>;
interface Log {
  readonly body?: Plain;
  readonly severity?: number;
  readonly attributes?: Map;
  readonly time?: bigint;
  readonly resource?: Map;
  readonly scope?: string;
}

function put(out: Writer, field: number, map: Map = {}): void {
  for (const [key, value] of Object.entries(map)) {
    out.raw(encodeField(field, Buffer.from(key), encodeValue(value)).bytes);
  }
}

/** Each log record under a resource of its own. */
function logs(...records: readonly Log[]): Payload {
  const out = new Writer();
  for (const { body = 'x', severity = 9, attributes, time = 5n, resource, scope = '' } of records) {
    const group = out.open(1);
    const about = out.open(1);
    put(out, 1, resource);
    out.close(about);
    const inner = out.open(2);
    const library = out.open(1);
    out.string(1, scope);
    out.close(library);
    const record = out.open(2);
    out.fixed64(1, time);
    out.varint(2, severity);
    out.bytes(5, encodeValue(body));
    put(out, 6, attributes);
    out.fixed64(11, time);
    out.close(record);
    out.close(inner);
    out.close(group);
  }
  return asPayload('logs', out.finish());
}

function read(list: Attributes): Map {
  const map: Map = {};
  for (let pair = list.next(); pair; pair = list.next()) map[pair.key] = pair.value.plain();
  return map;
}

function taken(next: RecordingConsumer) {
  return next.taken.flatMap((batch) => {
    const all = [];
    const walk = walkLogs(asPayload('logs', Buffer.concat(batch.chunks)));
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const { record } = walk;
          all.push({
            body: record.body.plain(),
            attributes: read(record.attributes),
            time: record.timeUnixNano,
            observed: record.observedTimeUnixNano,
            scope: walk.scope.scope.name,
            resource: read(walk.resource.resource.attributes),
          });
        }
      }
    }
    return all;
  });
}

function make(config: object = {}, next = new RecordingConsumer()) {
  const account = new TestAccount();
  const settings = testSettings({ id: 'logdedup', kind: 'processor', signal: 'logs', account });
  const dedup = factory.create(settings, schema.parse(config), next);
  const early = () =>
    settings.meter.value('sluice_logdedup_early_flushes_total', { processor: 'logdedup', 'otel.signal': 'logs' });
  const send = (batch: Payload) => dedup.consume(batch, noContext);
  const entries = () =>
    settings.meter.value('sluice_logdedup_entries', { processor: 'logdedup', 'otel.signal': 'logs' });
  return { dedup, next, account, settings, clock: settings.clock, memory: settings.memory, send, early, entries };
}

/** Bodies with how often they came, after one interval. */
async function counts(config: object, ...records: readonly Log[]) {
  const { send, clock, next } = make(config);
  await send(logs(...records));
  await clock.advance(10_000);
  return taken(next).map(({ body, attributes }) => [body, attributes.log_count]);
}

test('what says the same within the interval is passed on once, with its count and times', async () => {
  const { send, clock, next, account, memory } = make({ timezone: 'Asia/Kolkata' });
  const same = { body: 'down', attributes: { a: 1n, b: 'x' }, resource: { host: 'h' }, scope: 'lib' };
  await send(logs(same, { ...same, time: 7n }));
  expect([account.held, account.left]).toEqual([1, 1]);
  await clock.advance(4000);
  await send(logs({ ...same, attributes: { b: 'x', a: 1n } }, { ...same, severity: 17 }));
  expect([account.held, account.left, next.items]).toEqual([2, 2, 0]);
  await clock.advance(6000);
  const [first, second, ...rest] = taken(next);
  expect(rest).toEqual([]);
  expect(first).toEqual({
    body: 'down',
    attributes: {
      a: 1n,
      b: 'x',
      log_count: 3n,
      first_observed_timestamp: '2023-11-15T03:43:20+05:30',
      last_observed_timestamp: '2023-11-15T03:43:24+05:30',
    },
    time: 1_700_000_010_000_000_000n,
    observed: 1_700_000_000_000_000_000n,
    scope: 'lib',
    resource: { host: 'h' },
  });
  expect(second?.attributes).toMatchObject({ log_count: 1n });
  expect([account.held, account.handedOn, account.left, memory.used, clock.timers]).toEqual([0, 2, 2, 0, 0]);
  await send(logs(same));
  await clock.advance(10_000);
  expect(taken(next)[2]?.attributes).toMatchObject({ log_count: 1n });
});

test('resource, scope, severity, body and attributes tell records apart; times do not', async () => {
  const base: Log = { body: 'a', attributes: { k: 1n } };
  const others: Log[] = [
    { ...base, body: 'b' },
    { ...base, attributes: { k: 2n } },
    { ...base, attributes: { k: '1' } },
    { ...base, attributes: {} },
    { ...base, severity: 13 },
    { ...base, scope: 'lib' },
    { ...base, resource: { host: 'h' } },
  ];
  const found = await counts({}, base, ...others, { ...base, time: 9n });
  expect(found.map(([, count]) => count)).toEqual([2n, 1n, 1n, 1n, 1n, 1n, 1n, 1n]);
});

test('excluded fields are neither compared nor passed on', async () => {
  const { send, clock, next } = make({
    exclude_fields: ['body.timestamp', 'attributes.host\\.name', 'attributes.src.ip'],
  });
  const log = (n: bigint): Log => ({
    body: {
      pairs: [
        ['timestamp', n],
        ['text', 'hi'],
      ],
    },
    attributes: {
      'host.name': `h${n}`,
      src: {
        pairs: [
          ['ip', n],
          ['port', 80n],
        ],
      },
      other: true,
    },
  });
  await send(logs(log(1n), log(2n)));
  await clock.advance(10_000);
  const [only, ...rest] = taken(next);
  expect(rest).toEqual([]);
  expect(only?.body).toEqual({ pairs: [['text', 'hi']] });
  expect(only?.attributes).toMatchObject({ other: true, src: { pairs: [['port', 80n]] }, log_count: 2n });
  expect(only?.attributes).not.toHaveProperty(['host.name']);
});

test('only included fields are compared, all of a record that has none of them', async () => {
  const found = await counts(
    { include_fields: ['attributes.id', 'body.user.name'] },
    { body: 'a', attributes: { id: 1n } },
    { body: 'b', attributes: { id: 1n } },
    { body: 'c', attributes: { id: '1' } },
    { body: { pairs: [['user', { pairs: [['name', 'ann']] }]] } },
    {
      body: {
        pairs: [
          [
            'user',
            {
              pairs: [
                ['name', 'ann'],
                ['age', 5n],
              ],
            },
          ],
        ],
      },
    },
    { body: 'd' },
    { body: 'e' },
  );
  expect(found.map(([, count]) => count)).toEqual([2n, 1n, 2n, 1n, 1n]);
});

test('what no condition selects passes at once, what cannot be evaluated too', async () => {
  const { send, next, settings } = make({
    conditions: ['log.attributes["id"] == 1', 'attributes["p"] == 2', 'HasPrefix(log.attributes["n"], "x")'],
  });
  await send(
    logs(
      { body: 'a', attributes: { id: 1n } },
      { body: 'b', attributes: { n: 5n } },
      { body: 'c', attributes: { p: 2n } },
    ),
  );
  expect(taken(next).map(({ body, attributes }) => [body, attributes])).toEqual([['b', { n: 5n }]]);
  expect(settings.logger.warnings().length).toBe(1);
});

test('where what passes at once is refused nothing is merged, since all of it comes again', async () => {
  const next = new RecordingConsumer((_, call) => (call === 0 ? retryable('busy') : permanent('invalid', 'no')));
  const { send, account, memory, clock } = make({ conditions: ['body == "a"'] }, next);
  expect((await send(logs({ body: 'a' }, { body: 'b' }))).status).toBe('retryable');
  expect((await send(logs({ body: 'a' }, { body: 'b' }))).status).toBe('permanent');
  expect([account.held, account.left, memory.used, clock.timers]).toEqual([0, 0, 0, 0]);
});

test('shutdown passes on what is kept; what comes later is refused', async () => {
  const { send, dedup, next, account, clock, memory } = make();
  await send(logs({ body: 'a' }, { body: 'a' }));
  await dedup.shutdown?.(AbortSignal.timeout(1000));
  expect(taken(next).map(({ attributes }) => attributes.log_count)).toEqual([2n]);
  expect([account.held, clock.timers, memory.used]).toEqual([0, 0, 0]);
  expect((await send(logs({ body: 'a' }))).status).toBe('retryable');
});

test.each([
  ['entries', { max_entries: 100 }],
  ['bytes', { max_bytes: 20_000 }],
])('a flood of different records ends the interval early: bounded in %s', async (_, config) => {
  const { send, next, account, clock, memory, early, entries } = make(config);
  let most = 0;
  for (let i = 0; i < 1000; i++) {
    await send(logs({ body: `body ${i}`, resource: { n: BigInt(i) } }));
    most = Math.max(most, entries());
  }
  await clock.advance(0);
  expect(most).toBeLessThanOrEqual(120);
  expect(early()).toBeGreaterThanOrEqual(8);
  expect(next.items + account.held).toBe(1000);
  expect(memory.used).toBeLessThan(40_000);
});

test('huge records and huge resources are passed on in batches of moderate size', async () => {
  const { send, clock, next, memory } = make();
  const huge = 'r'.repeat(1_500_000);
  for (let i = 0; i < 3; i++)
    await send(logs({ body: `${i}${huge}` }, { body: `b${i}`, resource: { huge: `${i}${huge}` } }));
  await clock.advance(10_000);
  expect(next.items).toBe(6);
  expect(next.taken.length).toBeGreaterThan(4);
  expect(memory.used).toBe(0);
});

test('wall time that goes back is told as it is, and the interval ends all the same', async () => {
  const { send, clock, next } = make();
  const { now } = clock;
  let jump = 0;
  clock.now = () => now.call(clock) + jump;
  await send(logs({}));
  jump = -3_600_000;
  await send(logs({}));
  await clock.advance(10_000);
  expect(taken(next)[0]?.attributes).toMatchObject({
    first_observed_timestamp: '2023-11-14T22:13:20Z',
    last_observed_timestamp: '2023-11-14T21:13:20Z',
    log_count: 2n,
  });
});

test('a count attribute that came with the record is replaced', async () => {
  const { send, clock, next } = make({ log_count_attribute: 'n' });
  await send(logs({ attributes: { n: 5n, last_observed_timestamp: 'x' } }));
  await clock.advance(10_000);
  const bytes = Buffer.concat(next.taken[0]!.chunks).toString('latin1');
  expect(taken(next)[0]?.attributes.n).toBe(1n);
  expect(bytes.split('last_observed_timestamp').length).toBe(2);
});

test('log records of every shape come out well-formed, each counted once', async () => {
  for (let seed = 1; seed < 80; seed++) {
    const config = seed % 2 ? {} : { exclude_fields: ['attributes.a', 'attributes.http\\.method.a', 'body.a'] };
    const { send, clock, next, account, memory } = make(config);
    const batch = asPayload('logs', randomRequest('logs', seed, { disorder: true, unknown: true, padded: true }));
    await send(batch);
    await send(batch);
    await clock.advance(10_000);
    const total = taken(next).reduce((sum, { attributes }) => sum + (attributes.log_count as bigint), 0n);
    expect(total).toBe(BigInt(2 * batch.itemCount));
    expect([account.held, memory.used]).toEqual([0, 0]);
    expect(account.left + next.items).toBe(2 * batch.itemCount);
  }
});

test('the same records again, many at a time, all merge', async () => {
  const { send, clock, next, account } = make();
  const batch = generatePayload('logs', { items: 500 });
  for (let i = 0; i < 5; i++) await send(batch);
  const { held } = account;
  await clock.advance(10_000);
  expect(next.items).toBe(held);
  expect(held + account.left).toBe(2500);
  expect(account.left).toBeGreaterThanOrEqual(2000);
});

test.each([
  [{ interval: '0s' }, 'interval'],
  [{ log_count_attribute: '' }, 'log_count_attribute'],
  [{ timezone: 'Mars/Olympus' }, 'timezone'],
  [{ conditions: ['log.nme == 1'] }, 'conditions.0'],
  [{ exclude_fields: ['body'] }, 'exclude_fields.0'],
  [{ exclude_fields: ['resource.x'] }, 'exclude_fields.0'],
  [{ exclude_fields: ['body.a', 'body.a'] }, 'exclude_fields.1'],
  [{ exclude_fields: ['body.a'], include_fields: ['body.b'] }, 'include_fields'],
  [{ include_fields: ['attributes'] }, 'include_fields'],
])('%j is refused at %s', (config, path) => {
  const paths = schema.safeParse(config).error?.issues.map((issue) => issue.path.join('.'));
  expect(paths).toContain(path);
});
