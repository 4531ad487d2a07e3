import { expect, test } from 'vitest';
import { differencesFromOtelcol } from '../../bench/peers/beside_otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import type { ProcessorFactory } from '../../internal/core/component.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
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

interop.each(['traces', 'logs', 'metrics'] as const)('%s come out as from the Go collector', async (signal) => {
  const oracle = await loadOracle();
  const sent = requests(signal, oracle);
  expect(await differencesFromOtelcol(oracle, signal, redaction as ProcessorFactory, configs, sent)).toBe('');
});
