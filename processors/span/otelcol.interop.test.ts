import { expect, test } from 'vitest';
import { differencesFromOtelcol } from '../../bench/peers/beside_otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import type { ProcessorFactory } from '../../internal/core/component.ts';
import { keysDiffer } from '../../internal/testkit/canonical.ts';
import { generateRequest, randomRequest } from '../../internal/testkit/generate.ts';
import { loadOracle, type Oracle } from '../../internal/testkit/oracle.ts';
import span from './index.ts';

/*
 * The span processor beside the Go collector's: the same requests through both. What comes out must be equal but for the
 * order of attributes. Skipped where that collector can neither be found nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const from = (...keys: string[]) => ({ name: { from_attributes: keys, separator: '::' } });
const to = (rules: string[], more: object = {}) => ({ name: { to_attributes: { rules, ...more } } });
const two = ['^/(?P<first>[a-z]+)/', '(?P<number>[0-9]+)(?P<rest>.*)$'];

const configs: object[] = [
  ...['s', 'i', 'd', 'big', 'tiny', 'whole', 'minus', 'nan', 'inf', 't', 'list', 'map', 'bytes', 'none', 'empty'].map(
    (key) => from(key),
  ),
  from('a'),
  from('s', 'i', 'a'),
  from('s', 'absent'),
  from(''),
  from('http.method', 'grüße'),
  { name: { from_attributes: ['s', 'i'], separator: '' } },
  { name: { from_attributes: ['s', 'empty'] } },
  to(two),
  to(two, { break_after_match: true }),
  to(two, { keep_original_name: true }),
  to(['^/(?P<user_id>.*)$']),
  to(['(?P<a>[^ ]*) (?P<b>[^ ]*)', '(?P<all>.*)']),
  to(['(?P<nothing>)', 'GET']),
  to(['GET']),
  to(['(?P<x>[é😀]+)']),
  { name: { from_attributes: ['path'], to_attributes: { rules: two } } },
  { ...from('s'), include: { match_type: 'regexp', span_names: ['users'] } },
  { ...to(two), exclude: { match_type: 'strict', span_kinds: ['SPAN_KIND_SERVER'] } },
  { status: { code: 'Ok' } },
  { status: { code: 'Unset' } },
  { status: { code: 'Error', description: 'why' } },
  { status: { code: 'Error' }, include: { match_type: 'strict', attributes: [{ key: 's' }] } },
];

const any = {
  s: { stringValue: 'text' },
  path: { stringValue: '/orders/17/items' },
  empty: { stringValue: '' },
  i: { intValue: '-9223372036854775808' },
  d: { doubleValue: 0.1 },
  big: { doubleValue: 1.5e300 },
  tiny: { doubleValue: 5e-324 },
  whole: { doubleValue: 1e21 },
  minus: { doubleValue: -0 },
  nan: { doubleValue: Number.NaN },
  inf: { doubleValue: Number.NEGATIVE_INFINITY },
  t: { boolValue: true },
  list: { arrayValue: { values: [{ stringValue: 'x' }] } },
  map: { kvlistValue: {} },
  bytes: { bytesValue: Buffer.from('x') },
  none: {},
};
const attributes = Object.entries(any).map(([key, value]) => ({ key, value }));
const names = ['', 'GET', '/users/42/x', '/users/42', 'GET /grüße 12', '😀é', 'one two three', '/users/1/2/3\n4'];

function requests(oracle: Oracle): Uint8Array[] {
  const request = oracle.request('traces');
  const spans = names.flatMap((name) =>
    [[], attributes, attributes.slice(0, 2)].map((attributes, i) => ({
      name,
      attributes,
      kind: i,
      status: i ? { code: i, message: 'bad' } : undefined,
    })),
  );
  const own = request.encode(request.fromObject({ resourceSpans: [{ scopeSpans: [{ spans }] }] })).finish();
  const usual = [1, 2, 3].map((seed) => generateRequest('traces', { items: 40, resources: 4, seed }));
  const odd = Array.from({ length: 600 }, (_, i) => randomRequest('traces', i + 1));
  return [own, ...usual, ...odd.filter((bytes) => keysDiffer(oracle.read('traces', bytes))).slice(0, 60)];
}

interop('spans are named and renamed, and their status set, as by the Go collector', async () => {
  const oracle = await loadOracle();
  expect(await differencesFromOtelcol(oracle, 'traces', span as ProcessorFactory, configs, requests(oracle))).toBe('');
});
