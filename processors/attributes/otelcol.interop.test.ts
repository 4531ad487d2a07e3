import { expect, test } from 'vitest';
import { peer } from '../../bench/peers/peer.ts';
import { throughOtelcol } from '../../bench/peers/through_otelcol.ts';
import type { ProcessorFactory } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { asPayload, generateRequest, randomRequest } from '../../internal/testkit/generate.ts';
import { loadOracle, type Oracle } from '../../internal/testkit/oracle.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import resource from '../resource/index.ts';
import attributes from './index.ts';

/*
 * Sluice's processors beside the Go collector's: the same requests, with values of every type, through both. What comes
 * out must be equal but for the order of attributes, which a map does not have. Skipped where that collector can neither
 * be found nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const strict = (more: object) => ({ match_type: 'strict', ...more });
const regexp = (more: object) => ({ match_type: 'regexp', ...more });
const act = (...actions: object[]) => ({ actions });
const mark = act({ key: 'mark', value: 'x', action: 'upsert' });

const lists = [
  act({ key: 'a', value: 'new', action: 'insert' }),
  act({ key: 'a', value: 12, action: 'update' }, { key: 'b', value: true, action: 'upsert' }),
  act({ key: 'b', value: [1, 'x', { k: 2.5 }], action: 'upsert' }, { key: 'c', value: { k: ['v'] }, action: 'insert' }),
  act(
    { key: 'copy', from_attribute: 'a', action: 'upsert' },
    { key: 'd', from_attribute: 'none', default_value: 'd', action: 'upsert' },
  ),
  act({ key: 'a', action: 'delete' }, { pattern: '^http\\.', action: 'delete' }),
  act({ pattern: '.*', action: 'hash' }),
  act({ key: 'url.path', pattern: '^/(?P<first>[^/]+)/(?P<second>[^/]*)', action: 'extract' }),
  act(
    { key: 'a', action: 'convert', converted_type: 'string' },
    { key: 'http.response.status_code', action: 'convert', converted_type: 'string' },
  ),
  act(
    { key: 'a', action: 'convert', converted_type: 'int' },
    { key: 'b', action: 'convert', converted_type: 'double' },
  ),
];
const forRecords: Record<Signal, object[]> = {
  traces: [
    { ...mark, include: strict({ span_kinds: ['SPAN_KIND_SERVER'] }) },
    {
      ...mark,
      include: regexp({ span_names: ['^GET .*s$', 'POST'] }),
      exclude: strict({ attributes: [{ key: 'http.request.method', value: 'GET' }] }),
    },
    { ...mark, exclude: regexp({ resources: [{ key: 'service.name', value: '[a-d]' }] }) },
  ],
  logs: [
    { ...mark, include: regexp({ log_bodies: ['order', '^\\['] }) },
    { ...mark, include: strict({ log_severity_number: { min: 12, match_undefined: true } }) },
    { ...mark, exclude: strict({ log_severity_texts: ['INFO'] }) },
  ],
  metrics: [{ ...mark, include: regexp({ metric_names: ['^http', 'a'] }) }],
};

/** Requests of an SDK, and requests of every shape; but no key twice in a list, since deleting one reorders Go's list. */
function requests(signal: Signal, oracle: Oracle): Uint8Array[] {
  const usual = Array.from({ length: 20 }, (_, i) => generateRequest(signal, { items: 50, resources: 5, seed: i + 1 }));
  const odd = Array.from({ length: 600 }, (_, i) => randomRequest(signal, i + 1));
  return [...usual, ...odd.filter((bytes) => keysDiffer(oracle.read(signal, bytes))).slice(0, 60)];
}

function keysDiffer(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value) && value.some(isPair)) {
    if (new Set(value.map(({ key }) => key ?? '')).size < value.length) return false;
  }
  return Object.values(value).every(keysDiffer);
}

const isPair = (each: unknown) => typeof each === 'object' && each !== null && ('value' in each || 'key' in each);

interop.each(['traces', 'logs', 'metrics'] as const)(
  'attributes: %s come out as from the Go collector',
  async (signal) => {
    await compare(signal, 'attributes', attributes as ProcessorFactory, [...lists, ...forRecords[signal]]);
  },
);

interop.each(['traces', 'logs', 'metrics'] as const)(
  'resource: %s come out as from the Go collector',
  async (signal) => {
    const configs = lists.map(({ actions }) => ({ attributes: actions }));
    await compare(signal, 'resource', resource as ProcessorFactory, configs);
  },
);

async function compare(signal: Signal, type: string, factory: ProcessorFactory, configs: object[]): Promise<void> {
  const oracle = await loadOracle();
  const sent = requests(signal, oracle);
  // The Go collector normalizes what it decodes: only then are both fed the same.
  const [plain] = await throughOtelcol(signal, 'batch', [{ timeout: 0 }], sent);
  const theirs = await throughOtelcol(signal, type, configs, plain!);
  for (const [i, config] of configs.entries()) {
    const next = new RecordingConsumer();
    const { parse } = factory.schema as unknown as { parse(config: object): never };
    const processor = factory.create(testSettings({ kind: 'processor', signal }), parse(config), next);
    for (const request of plain!) await processor.consume(asPayload(signal, request), noContext);
    const ours = next.taken.map((batch) => Buffer.concat(batch.chunks));
    expect(ours.length, JSON.stringify(config)).toBe(theirs[i]!.length);
    for (const [n, bytes] of ours.entries()) {
      const [own, other] = [bytes, theirs[i]![n]!].map((each) => canonical(oracle, signal, each));
      expect(firstDifference(own!, other!), `${JSON.stringify(config)}, request ${n}`).toBe('none');
    }
  }
}

/** One line for a request: attributes sorted by key, and absent the same as empty. */
function canonical(oracle: Oracle, signal: Signal, bytes: Uint8Array): string {
  return JSON.stringify(oracle.read(signal, bytes), (_key, value) => {
    if (!Array.isArray(value) || !value.some(isPair)) return value;
    return [...value].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  });
}

/** Requests are long: the place where two part ways, with what stands around it. */
function firstDifference(ours: string, theirs: string): string {
  if (ours === theirs) return 'none';
  let at = 0;
  while (ours[at] === theirs[at]) at++;
  return `ours ${ours.slice(Math.max(0, at - 120), at + 80)}\ntheirs ${theirs.slice(Math.max(0, at - 120), at + 80)}`;
}
