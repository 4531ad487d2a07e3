import { expect, test } from 'vitest';
import { differencesFromOtelcol } from '../../bench/peers/beside_otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import type { ProcessorFactory } from '../../internal/core/component.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { seededRandom } from '../../internal/otlp/sample.ts';
import { isPlain, keysDiffer } from '../../internal/testkit/canonical.ts';
import { generateRequest, randomRequest } from '../../internal/testkit/generate.ts';
import { loadOracle, type Oracle } from '../../internal/testkit/oracle.ts';
import redaction from './index.ts';

/*
 * Redaction beside the Go collector's: the same requests, with values of every type, through both. What comes out must be
 * equal but for the order of attributes. Skipped where that collector can neither be found nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const all = { allow_all_keys: true };
const debug = { summary: 'debug' };
/** Of several patterns that find the same text upstream uses the first of a map, another one each time. */
const card = '4[0-9]{12}(?:[0-9]{3})?';
const someKeys = ['a', 'card', 'http.method', 'http.request.method', 'service.name'];

const hashes = ['', 'md5', 'sha1', 'sha3', 'SHA3', 'hmac-sha256', 'hmac-sha512'];

const configs: object[] = [
  {},
  { allowed_keys: someKeys },
  { allowed_keys: someKeys, ...debug },
  { allowed_keys: someKeys, summary: 'info', blocked_values: [card, '^[a-c]'] },
  { ...all, ...debug, blocked_values: [card, '[é-ü]+'], ignored_keys: ['a'], ignored_key_patterns: ['^http\\.'] },
  { ...all, ...debug, blocked_values: [card], blocked_key_patterns: ['token', 'a$'] },
  { ...all, ...debug, blocked_values: [card, 'x+'], allowed_values: ['^4111', 'http'] },
  { ...all, ...debug, blocked_values: ['.'], redact_all_types: true },
  { ...all, summary: 'info', blocked_values: ['[0-9]+'], redact_all_types: true },
  { ...all, ...debug, blocked_key_patterns: ['.'], redact_all_types: true },
  { ...all, ...debug, blocked_key_patterns: ['.'], allowed_values: ['^$'] },
  { ...all, ...debug, blocked_values: ['^$'], redact_all_types: true },
  { ...all, blocked_values: ['.*'], summary: 'silent' },
  { ...all, ...debug, allowed_values: ['.*'] },
  ...hashes.map((hash_function) => ({
    ...all,
    ...debug,
    hash_function,
    hmac_key: 'k'.repeat(64),
    blocked_values: [card, '[éß]'],
    blocked_key_patterns: ['token'],
  })),
];

const urlKeys = ['url.full', 'http.url', 'card', 'list', 'empty'];
const names = ['redis', 'valkey', 'memcached', 'mongo', 'opensearch', 'es'];
const database = (name: string, more: object = {}) => ({
  ...all,
  ...debug,
  redact_all_types: true,
  db_sanitizer: { [name]: { enabled: true, attributes: ['db.statement', 'db.query.text'] }, ...more },
});
const sanitizers: object[] = [
  { ...all, ...debug, url_sanitizer: { enabled: true, attributes: urlKeys } },
  { ...all, redact_all_types: true, url_sanitizer: { enabled: true, attributes: urlKeys, sanitize_span_name: false } },
  { ...all, url_sanitizer: { enabled: true }, allowed_values: ['users'], blocked_values: ['[0-9]{2}'] },
  { allowed_keys: ['url.full'], url_sanitizer: { enabled: true, attributes: urlKeys } },
  ...names.map((name) => database(name)),
  database('redis', { sanitize_span_name: false }),
  database('redis', { mongo: { enabled: true, attributes: ['db.statement'] }, memcached: { enabled: true } }),
  { ...database('redis'), url_sanitizer: { enabled: true, attributes: ['db.statement'] } },
];

const text = (stringValue: string) => ({ stringValue });
const pairs = (entries: Record<string, object>) => Object.entries(entries).map(([key, value]) => ({ key, value }));

/** What redactions are for, and what one before this has left. */
const attributes = pairs({
  a: text('4111111111111111 and 4222222222222'),
  card: text('card 4111111111111111 é'),
  number: { intValue: '4111111111111111' },
  double: { doubleValue: 4111111111111111 },
  list: { arrayValue: { values: [text('4111111111111111'), { intValue: '4' }, {}] } },
  map: { kvlistValue: { values: pairs({ token: text('abc'), n: { doubleValue: 0.5 } }) } },
  bytes: { bytesValue: Buffer.from('4111111111111111') },
  my_token: text('one\ntwo\n'),
  n_token: { intValue: '5' },
  empty: text(''),
  none: {},
  yes: { boolValue: true },
  'http.method': text('x4111111111111111x'),
});
const before = pairs({
  'redaction.masked.keys': text('zz,number'),
  'redaction.masked.count': { intValue: '2' },
  'redaction.redacted.keys': { intValue: '1' },
  'redaction.redacted.count': text('1'),
  'redaction.allowed.keys': text('4111111111111111'),
  'redaction.allowed.count': { intValue: '7' },
  'redaction.ignored.count': { doubleValue: 2 },
  'redaction.body.masked.keys': text('x'),
  'redaction.body.masked.count': { intValue: '1' },
});
const any = { kvlistValue: { values: attributes } };
const bodies = [
  undefined,
  {},
  ...attributes.map(({ value }) => value),
  any,
  { arrayValue: { values: [any, text('4111111111111111'), { arrayValue: { values: [any] } }] } },
  { kvlistValue: { values: pairs({ a: any, card: { arrayValue: { values: [any] } }, token: any }) } },
];

const records: Record<Signal, (attributes: object[]) => object> = {
  traces: (attributes) => ({
    resourceSpans: [
      {
        resource: { attributes },
        scopeSpans: [
          {
            scope: { name: 's', attributes },
            spans: [{ name: 'n', attributes, events: [{ name: 'e', attributes }], links: [{ attributes }] }],
          },
        ],
      },
    ],
  }),
  logs: (attributes) => ({
    resourceLogs: [
      {
        resource: { attributes },
        scopeLogs: [{ scope: { attributes }, logRecords: bodies.map((body) => ({ body, attributes })) }],
      },
    ],
  }),
  metrics: (attributes) => ({
    resourceMetrics: [
      {
        resource: { attributes },
        scopeMetrics: [
          {
            scope: { attributes },
            metrics: [
              { name: 'g', metadata: attributes, gauge: { dataPoints: [{ attributes, asInt: 1 }] } },
              { name: 's', sum: { dataPoints: [{ attributes, exemplars: [{ filteredAttributes: attributes }] }] } },
              { name: 'h', histogram: { dataPoints: [{ attributes }] } },
              { name: 'e', exponentialHistogram: { dataPoints: [{ attributes }] } },
              { name: 'y', summary: { dataPoints: [{ attributes }] } },
              { name: 'none' },
            ],
          },
        ],
      },
    ],
  }),
};

function requests(signal: Signal, oracle: Oracle): Uint8Array[] {
  const request = oracle.request(signal);
  const own = [attributes, [...attributes, ...before], [...before, ...attributes]].map((list) =>
    request.encode(request.fromObject(records[signal](list))).finish(),
  );
  const usual = [1, 2, 3].map((seed) => generateRequest(signal, { items: 40, resources: 4, seed }));
  const odd = Array.from({ length: 2000 }, (_, i) => randomRequest(signal, i + 1)).filter((bytes) => {
    const read = oracle.read(signal, bytes);
    return keysDiffer(read) && isPlain(read);
  });
  return [...own, ...usual, ...odd.slice(0, 60)];
}

/** Texts that the sanitizers read, and what they do not expect. */
const urls = [
  ...[
    '/users/fdklsd/j4elk/23993/job/2',
    '123',
    '/123',
    '123/',
    '/v1/products/22j',
    '/products//org/3',
    '/attach?a=b',
    '?',
    '*&',
  ],
  ...[
    'GET /api/cart?sessionId=55f4e5ea',
    'https://example.com:8443/a b/c#d',
    '/a/b/c/d/e/f/g/h/i/j',
    '/a/b/c/d/e/f/g/h/xkcdq/9',
  ],
  ...[
    '/a/b/c/d/e/f/g/h/12/x',
    '/a/b/c/d/e/f/g/h/zxqj/x',
    '/grüße/日本',
    'a/é',
    '/w/index.php/*',
    '/-/_/./ /',
    '/e2e/5xx/x5/xx5x',
    '😀/a',
  ],
];
const redisCommands = [
  ...[
    'SET key value',
    'set k v EX 5',
    'GET k',
    'AUTH a b',
    'MSET a 1 b 2 c',
    'HSET h a 1 b 2',
    'ZADD k NX CH 1 a 2 b',
    'ZADD k',
    'ZADD k NX',
  ],
  ...[
    'ZADD k NX XX',
    'CONFIG SET a b',
    'CONFIG GET a',
    'BITFIELD k GET u4 0 SET u4 1 9 INCRBY u2 100 1',
    'BITFIELD SET a b c d',
    'GEOADD k 1 2 m 3 4 n',
  ],
  ...[
    'LINSERT k BEFORE p v',
    'SADD k a b c',
    'SET "a b" "c \\" d" e',
    'SET k "un closed',
    'GET a\nSET b c\n\nDEL d',
    '  SET   a\t b  ',
    'SET a b \n GET c',
  ],
  ...[
    'SET a b\r\nGET c',
    'PING\nPING',
    'SET a "b\nc" d\nGET e',
    'SET a \\" b',
    'x',
    '\u00a0SET a b\u0085',
    'SET é ü',
    'SETEX k 1 v w',
    'ApPeNd k v',
  ],
];
const queries = [
  ...['set key 0 900 5\r\nvalue', 'get k ', ' get k\r\n\r\nx'],
  ...[
    '{"find": "users", "filter": {"a": 5, "b": [1, "x", {"c": null}], "d": {}}}',
    ' [1, 2.5e3, true, "a\\"b", [], {}] ',
    '"x"',
    '5',
    'null',
    '{"a":',
    '{}',
  ],
  ...['{"a":{"b":{"c":[[1],[2,[3]]]}}}\n', '{"é\\u0041" : "\\\\"}', '  '],
];

const random = seededRandom(3);
const pieces = [
  'SET',
  'k',
  ' ',
  ' ',
  '\n',
  '\r',
  '\t',
  '"',
  '\\',
  'MSET',
  '/',
  '/',
  '?',
  'x1',
  'é',
  '{',
  '}',
  ':',
  '1',
  'word',
  'zxq',
  '-',
];
const anything = Array.from({ length: 400 }, () =>
  Array.from({ length: 1 + random() * 12 }, () => pieces[Math.floor(random() * pieces.length)]).join(''),
);

/** Each text as an attribute beside each system, as a span's name and as a body. */
function sanitizable(signal: Signal): object {
  const systems = [undefined, 'redis', 'Valkey', 'memcached', 'mongodb', 'opensearch', 'elasticsearch', 'mysql', ''];
  const each = [...urls, ...redisCommands, ...queries, ...anything].flatMap((said) =>
    systems.map((system, i) => ({
      said,
      kind: i % 6,
      attributes: [
        ...pairs(
          Object.fromEntries(['url.full', 'db.statement', 'db.query.text', 'note'].map((key) => [key, text(said)])),
        ),
        ...(system === undefined ? [] : pairs({ [i % 2 ? 'db.system' : 'db.system.name']: text(system) })),
        ...(i % 3 ? [] : pairs({ 'http.method': text('GET') })),
      ],
    })),
  );
  if (signal === 'traces') {
    const spans = each.map(({ said: name, kind, attributes }) => ({ name, kind, attributes }));
    return { resourceSpans: [{ scopeSpans: [{ spans }] }] };
  }
  if (signal === 'logs') {
    const logRecords = each.map(({ said, attributes }) => ({ body: text(said), attributes }));
    return { resourceLogs: [{ scopeLogs: [{ logRecords }] }] };
  }
  const dataPoints = each.map(({ attributes }) => ({ attributes }));
  return { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ gauge: { dataPoints } }] }] }] };
}

interop.each(['traces', 'logs', 'metrics'] as const)('%s come out as from the Go collector', async (signal) => {
  const oracle = await loadOracle();
  const sent = requests(signal, oracle);
  expect(await differencesFromOtelcol(oracle, signal, redaction as ProcessorFactory, configs, sent)).toBe('');
});

interop.each(['traces', 'logs', 'metrics'] as const)('%s are sanitized as by the Go collector', async (signal) => {
  const oracle = await loadOracle();
  const request = oracle.request(signal);
  const sent = [...requests(signal, oracle), request.encode(request.fromObject(sanitizable(signal))).finish()];
  expect(await differencesFromOtelcol(oracle, signal, redaction as ProcessorFactory, sanitizers, sent)).toBe('');
});
