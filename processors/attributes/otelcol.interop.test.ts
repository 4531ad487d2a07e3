import { expect, test } from 'vitest';
import { differencesFromOtelcol } from '../../bench/peers/beside_otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import type { ProcessorFactory } from '../../internal/core/component.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { keysDiffer } from '../../internal/testkit/canonical.ts';
import { generateRequest, randomRequest } from '../../internal/testkit/generate.ts';
import { loadOracle, type Oracle } from '../../internal/testkit/oracle.ts';
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

interop.each(['traces', 'logs', 'metrics'] as const)(
  'attributes: %s come out as from the Go collector',
  async (signal) => {
    await compare(signal, attributes as ProcessorFactory, [...lists, ...forRecords[signal]]);
  },
);

interop.each(['traces', 'logs', 'metrics'] as const)(
  'resource: %s come out as from the Go collector',
  async (signal) => {
    const configs = lists.map(({ actions }) => ({ attributes: actions }));
    await compare(signal, resource as ProcessorFactory, configs);
  },
);

async function compare(signal: Signal, factory: ProcessorFactory, configs: object[]): Promise<void> {
  const oracle = await loadOracle();
  expect(await differencesFromOtelcol(oracle, signal, factory, configs, requests(signal, oracle))).toBe('');
}
