import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import type { Attributes, Plain } from '../../internal/otlp/view/value.ts';
import { walkLogs, walkSpans } from '../../internal/otlp/view/walk.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload, generatePayload, randomRequest } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

type Map = Record<string, Plain>;
const visa = '4111111111111111';
const card = '4[0-9]{12}(?:[0-9]{3})?';

function putAll(out: Writer, field: number, map: Map): void {
  for (const [key, value] of Object.entries(map)) {
    out.raw(encodeField(field, Buffer.from(key), encodeValue(value)).bytes);
  }
}

/** The same attributes on resource, scope, span and event. */
function span(map: Map): Payload {
  const out = new Writer();
  const group = out.open(1);
  const resource = out.open(1);
  putAll(out, 1, map);
  out.close(resource);
  const scope = out.open(2);
  const library = out.open(1);
  putAll(out, 3, map);
  out.close(library);
  const record = out.open(2);
  const event = out.open(11);
  out.string(2, 'event');
  putAll(out, 3, map);
  out.close(event);
  putAll(out, 9, map);
  out.close(record);
  out.close(scope);
  out.close(group);
  return asPayload('traces', out.finish());
}

function log(body: Plain, map: Map = {}): Payload {
  const out = new Writer();
  const group = out.open(1);
  const scope = out.open(2);
  const record = out.open(2);
  out.bytes(5, encodeValue(`an earlier body with ${visa}`));
  out.bytes(5, encodeValue(body));
  putAll(out, 6, map);
  out.close(record);
  out.close(scope);
  out.close(group);
  return asPayload('logs', out.finish());
}

function through(signal: Signal, config: object, payload: Payload): Payload {
  const next = new RecordingConsumer();
  const processor = factory.create(testSettings({ kind: 'processor', signal }), schema.parse(config), next);
  void processor.consume(payload, noContext);
  return asPayload(signal, Buffer.concat(next.taken[0]!.chunks));
}

function read(list: Attributes): Map {
  const map: Map = {};
  for (let pair = list.next(); pair; pair = list.next()) map[pair.key] = pair.value.plain();
  return map;
}

function check(config: object, before: Map, after: Map): void {
  const walk = walkSpans(through('traces', config, span(before)));
  walk.nextResource();
  walk.nextScope();
  walk.nextRecord();
  const event = walk.record.events.next()!;
  expect(event.name).toBe('event');
  for (const list of [walk.resource.resource.attributes, walk.scope.scope.attributes, walk.record.attributes]) {
    expect(read(list)).toEqual(after);
  }
  expect(read(walk.record.events.rewind().next()!.attributes)).toEqual(after);
}

function checkLog(config: object, body: Plain, after: Plain, attributes: Map = {}): void {
  const out = through('logs', config, log(body));
  const walk = walkLogs(out);
  walk.nextResource();
  walk.nextScope();
  walk.nextRecord();
  expect(walk.record.body.plain()).toEqual(after);
  expect(read(walk.record.attributes)).toEqual(attributes);
}

const all = { allow_all_keys: true };

test('attributes that are not allowed are removed everywhere; without a list all are', () => {
  check({ allowed_keys: ['id'] }, { id: 1n, secret: 'x', other: true }, { id: 1n });
  check({}, { id: 1n, secret: 'x' }, {});
  check(
    { ignored_keys: ['id'], ignored_key_patterns: ['^safe\\.'] },
    { id: visa, 'safe.x': visa, x: visa },
    {
      id: visa,
      'safe.x': visa,
    },
  );
});

test('what matches in a value is masked, the rest of it stays', () => {
  const config = { ...all, blocked_values: [card, '(?i)password=\\S+'] };
  check(config, { note: `card ${visa}, Password=abc!` }, { note: 'card ****, ****' });
  check(config, { number: BigInt(visa), clean: 'x' }, { number: BigInt(visa), clean: 'x' });
  check({ ...config, redact_all_types: true }, { number: BigInt(visa) }, { number: '****' });
  check({ ...config, redact_all_types: true }, { list: ['a', visa] }, { list: '["a","****"]' });
});

test('allowed values win over blocked ones, blocked keys mask all of the value', () => {
  const config = { ...all, blocked_values: ['@'], allowed_values: ['.+@mycompany\\.com'] };
  check(config, { a: 'me@mycompany.com', b: 'me@other.com' }, { a: 'me@mycompany.com', b: 'me****other.com' });
  check(
    { ...all, blocked_key_patterns: ['.*token.*'] },
    { my_token: 'abc', n_token: 5n },
    {
      my_token: '****',
      n_token: '****',
    },
  );
});

test.each([
  ['md5', '900150983cd24fb0d6963f7d28e17f72'],
  ['sha1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  ['sha3', '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532'],
])('%s of what is masked', (hash_function, hash) => {
  check({ ...all, blocked_values: ['abc'], hash_function }, { a: '<abc>' }, { a: `<${hash}>` });
});

test('the summary counts, and names in the order of their bytes, and adds to an earlier one', () => {
  const config = {
    allowed_keys: ['b', 'a', 'ok'],
    blocked_values: ['x'],
    allowed_values: ['^ok$'],
    ignored_keys: ['i'],
  };
  const before = { b: 'x', a: 'xx', ok: 'ok', i: 'x', gone: 1n };
  const kept = { b: '****', a: '********', ok: 'ok', i: 'x' };
  check({ ...config, summary: 'info' }, before, {
    ...kept,
    'redaction.redacted.count': 1n,
    'redaction.masked.count': 2n,
    'redaction.allowed.count': 1n,
    'redaction.ignored.count': 1n,
  });
  check(
    { ...config, summary: 'debug' },
    { ...before, 'redaction.masked.keys': 'c', 'redaction.masked.count': 1n },
    {
      ...kept,
      'redaction.redacted.keys': 'gone',
      'redaction.redacted.count': 1n,
      'redaction.masked.keys': 'a,b,c',
      'redaction.masked.count': 3n,
      'redaction.allowed.keys': 'ok',
      'redaction.allowed.count': 1n,
      'redaction.ignored.count': 1n,
    },
  );
});

test('bodies of log records are redacted at any depth, and nothing of an earlier body is left', () => {
  const config = { ...all, blocked_values: [card] };
  checkLog(config, `paid with ${visa}`, 'paid with ****');
  checkLog(config, BigInt(visa), '****');
  checkLog(config, [visa, { pairs: [['n', visa]] }], ['****', { pairs: [['n', '****']] }]);
  checkLog(
    { allowed_keys: ['a'], blocked_values: [card] },
    {
      pairs: [
        ['a', visa],
        ['b', 1n],
      ],
    },
    { pairs: [['a', '****']] },
  );
  const told = { 'redaction.body.masked.keys': 'a.n', 'redaction.body.masked.count': 1n };
  const nested: Plain = { pairs: [['a', { pairs: [['n', visa]] }]] };
  checkLog({ ...config, summary: 'debug' }, nested, { pairs: [['a', { pairs: [['n', '****']] }]] }, told);
  const bytes = Buffer.concat(through('logs', config, log(`paid with ${visa}`)).chunks);
  expect(bytes.toString('latin1')).not.toContain(visa);
});

test('of a URL what is no word becomes a star, in attributes that are named, in bodies and in names of spans', () => {
  const config = { ...all, url_sanitizer: { enabled: true, attributes: ['url.full'] } };
  check(
    config,
    { 'url.full': '/users/4711/orders/v2?token=abc', note: '/users/4711' },
    { 'url.full': '/users/*/orders/v2', note: '/users/4711' },
  );
  checkLog(config, 'GET /users/4711/xkcdq', 'GET /users/*/*');
  check({ ...all, url_sanitizer: { attributes: ['url.full'] } }, { 'url.full': '/1' }, { 'url.full': '/1' });
});

test('values are left out of what is said to a database, where the attributes tell which', () => {
  const databases = { redis: { enabled: true, attributes: ['q'] }, mongo: { enabled: true, attributes: ['q'] } };
  const config = { ...all, db_sanitizer: databases };
  const q = 'HSET h name "Ada L." age 36\nGET h';
  check(config, { 'db.system': 'Redis', q, r: q }, { 'db.system': 'Redis', q: 'HSET h name ? age ?\nGET h', r: q });
  check(
    config,
    { 'db.system.name': 'mongodb', q: '{"find": "t", "filter": {"a": [1, {"b": "x"}]}}' },
    { 'db.system.name': 'mongodb', q: '{"find":"?","filter":{"a":["?",{"b":"?"}]}}' },
  );
  check(config, { q }, { q });
  checkLog(config, 'SET key secret', 'SET key ?');
  checkLog({ ...all, db_sanitizer: { memcached: { enabled: true } } }, 'set k 0 900 6\r\nsecret', 'set k 0 900 6');
});

test('SQL is read as the system beside it does in spans, whose names tell it, too', () => {
  const config = { ...all, db_sanitizer: { sql: { enabled: true, attributes: ['q'] } } };
  const q = `SELECT "a1" FROM t WHERE b = 'x' LIMIT 5`;
  const generic = 'SELECT "a?" FROM t WHERE b = ? LIMIT ?';
  for (const system of ['PostgreSQL', 'mariadb', 'sqlite', 'other_sql']) {
    check(config, { 'db.system': system, q, r: q }, { 'db.system': system, q: generic, r: q });
  }
  const mysql = 'SELECT ? FROM t WHERE b = ? LIMIT ?';
  check(config, { 'db.system.name': 'MySQL', q }, { 'db.system.name': 'MySQL', q: mysql });
  const unnamed = { ...all, db_sanitizer: { ...config.db_sanitizer, sanitize_span_name: false } };
  check(unnamed, { 'db.system': 'mysql', q }, { 'db.system': 'mysql', q: generic });
  check(config, { 'db.system': 'oracle', q }, { 'db.system': 'oracle', q });
  check(config, { q }, { q });
  checkLog(config, q, generic);
});

test('what has nothing to hide is passed on as the same batch', () => {
  const payload = generatePayload('metrics', { items: 20 });
  const next = new RecordingConsumer();
  const config = schema.parse({ ...all, blocked_values: [card.replace('4', '^never')] });
  void factory.create(testSettings({ kind: 'processor', signal: 'metrics' }), config, next).consume(payload, noContext);
  expect(next.taken[0]).toBe(payload);
});

test.each(['traces', 'logs', 'metrics'] as const)('%s are redacted the same where each text is decoded', (signal) => {
  // It matches nothing, and no text is without what it matches.
  const decoding = '\\b\\B';
  const configs = [
    { blocked_values: ['[0-9]', 'xx$', '(?i)É|grü'] },
    { blocked_values: ['a', '日'], allowed_values: ['http', 'ß'], summary: 'debug' },
    { allowed_values: ['t+p'], redact_all_types: true, summary: 'info' },
    { blocked_values: ['"q', '\\*b'], blocked_key_patterns: ['^h'], ignored_key_patterns: ['^a'], summary: 'debug' },
    { blocked_values: [], summary: 'debug' },
    { blocked_values: ['a'], url_sanitizer: { enabled: true, attributes: ['http.method', 'a'] } },
  ].map((config) => ({ ...all, ...config }));
  let changed = 0;
  for (let seed = 1; seed < 80; seed++) {
    const payload = asPayload(signal, randomRequest(signal, seed, { disorder: true, unknown: true }));
    for (const config of configs) {
      const after = Buffer.concat(through(signal, config, payload).chunks);
      const blocked_values = [...(config.blocked_values ?? []), decoding];
      const decoded = Buffer.concat(through(signal, { ...config, blocked_values }, payload).chunks);
      expect(after.equals(decoded), `seed ${seed}`).toBe(true);
      if (!after.equals(Buffer.concat(payload.chunks))) changed++;
    }
  }
  expect(changed).toBeGreaterThan(40);
});

test.each(['traces', 'logs', 'metrics'] as const)('%s of every shape stay well-formed', (signal) => {
  const config = { ...all, blocked_values: ['[a-z]'], redact_all_types: true, summary: 'debug' };
  for (let seed = 1; seed < 60; seed++)
    through(signal, config, asPayload(signal, randomRequest(signal, seed, { disorder: true, unknown: true })));
});

test.each([
  [{ blocked_values: ['('] }, 'blocked_values.0'],
  [{ hash_function: 'hmac-sha256' }, 'hmac_key'],
  [{ hash_function: 'hmac-sha512', hmac_key: 'k'.repeat(63) }, 'hmac_key'],
])('%j is refused at %s', (config, path) => {
  expect(schema.safeParse(config).error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
});
