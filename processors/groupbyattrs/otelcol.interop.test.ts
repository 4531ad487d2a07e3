import { expect, test } from 'vitest';
import { differencesFromOtelcol } from '../../bench/peers/beside_otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import type { ProcessorFactory } from '../../internal/core/component.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { keysDiffer } from '../../internal/testkit/canonical.ts';
import { generateRequest, randomRequest } from '../../internal/testkit/generate.ts';
import { loadOracle, type Oracle } from '../../internal/testkit/oracle.ts';
import groupbyattrs from './index.ts';

/*
 * Beside the Go collector's: the same requests, with values of every type, through both, and the same comes out but for
 * the order of attributes. What that one does not look at, and so loses, is taken out of the requests before:
 * schema URLs, attributes of scopes, dropped counts and entities of resources, units and temporality of metrics.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const configs = [
  {},
  { keys: ['a'] },
  { keys: ['http.method', 'grüße', ''] },
  { keys: ['http.request.method', 'a', 'a', 'none'] },
  { keys: ['sample.id'] },
  { keys: ['日本語', '😀', 'a', 'http.route', 'url.path', 'http.response.status_code'] },
];

interop.each(['traces', 'logs', 'metrics'] as const)('%s come out as from the Go collector', async (signal) => {
  const oracle = await loadOracle();
  const sent = requests(signal, oracle);
  const factory = groupbyattrs as ProcessorFactory;
  expect(await differencesFromOtelcol(oracle, signal, factory, configs, sent)).toBe('');
});

/** Requests as Go's model holds them: a few thousand items of an SDK, and several hundred of every shape. */
function requests(signal: Signal, oracle: Oracle): Uint8Array[] {
  const usual = Array.from({ length: 40 }, (_, i) => generateRequest(signal, { items: 80, resources: 5, seed: i + 1 }));
  const odd = Array.from({ length: 1500 }, (_, i) => randomRequest(signal, i + 1));
  const fit = odd.filter((bytes) => keysDiffer(oracle.read(signal, bytes))).slice(0, 150);
  return [...usual, ...fit].flatMap((bytes) => plain(signal, oracle, bytes));
}

type Loose = any;

function plain(signal: Signal, oracle: Oracle, bytes: Uint8Array): Uint8Array[] {
  const type = oracle.request(signal);
  const read = type.toObject(type.decode(bytes)) as Loose;
  const [groups, scopes, records] = {
    traces: ['resourceSpans', 'scopeSpans', 'spans'],
    logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
    metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  }[signal] as [string, string, string];
  const kept = [];
  for (const { resource = {}, [scopes]: inner = [] } of read[groups] ?? []) {
    const keptScopes = [];
    for (const { scope = {}, [records]: all = [] } of inner) {
      const some = signal === 'metrics' ? all.flatMap(plainMetric) : all;
      const { name, version } = scope;
      if (some.length > 0) keptScopes.push({ scope: { name, version }, [records]: some });
    }
    if (keptScopes.length > 0) kept.push({ resource: { attributes: resource.attributes }, [scopes]: keptScopes });
  }
  const request = { [groups]: kept };
  strip(request);
  return kept.length > 0 ? [type.encode(type.fromObject(request)).finish()] : [];
}

function plainMetric(metric: Loose): Loose[] {
  const kind = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'].find((each) => metric[each]);
  if (!kind || !metric[kind].dataPoints?.length) return [];
  const data: Loose = { dataPoints: metric[kind].dataPoints };
  if (kind !== 'gauge' && kind !== 'summary') data.aggregationTemporality = 2;
  if (kind === 'sum') data.isMonotonic = true;
  return [{ name: metric.name, unit: 'ms', description: `${metric.name} as ${kind}`, [kind]: data }];
}

/** Go's model has no indices into the dictionary of profiles. */
function strip(value: Loose): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  delete value.keyStrindex;
  delete value.stringValueStrindex;
  for (const each of Object.values(value)) strip(each);
}
