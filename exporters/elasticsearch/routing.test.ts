import { expect, test } from 'vitest';
import { logs, made, metrics, spans, text } from './test/documents.ts';

const indices = (...args: Parameters<typeof made>) => made(...args).documents.map(({ action }) => action._index);
const record = (...attributes: object[]) => ({ timeUnixNano: '1', attributes });
const stream = (dataset: string, namespace?: string) => [
  text('data_stream.dataset', dataset),
  ...(namespace === undefined ? [] : [text('data_stream.namespace', namespace)]),
];

test('a record’s data stream counts before its scope’s, and that before its resource’s', () => {
  const resource = { attributes: stream('res', 'prod') };
  expect(indices(logs([record()], resource))).toEqual(['logs-res.otel-prod']);
  expect(indices(logs([record()], resource, { attributes: stream('sco') }))).toEqual(['logs-sco.otel-prod']);
  expect(indices(logs([record(...stream('rec')), record()], resource, { attributes: stream('sco') }))).toEqual([
    'logs-rec.otel-prod',
    'logs-sco.otel-prod',
  ]);
});

test('elasticsearch.index counts before data streams, and the static index before both', () => {
  const batch = logs([record(...stream('rec'), text('elasticsearch.index', 'mine'))]);
  expect(indices(batch)).toEqual(['mine']);
  expect(indices(batch, { logs_index: 'all' })).toEqual(['all']);
  const { source } = made(batch).documents[0]!;
  expect(source.data_stream).toBeUndefined();
  expect(source.attributes).toEqual({});
});

test('events of spans go with the logs', () => {
  const batch = spans([{ events: [{ name: 'e', attributes: stream('ev') }, { name: 'f' }] }]);
  expect(indices(batch)).toEqual(['traces-generic.otel-default', 'logs-ev.otel-default', 'logs-generic.otel-default']);
  expect(indices(batch, { traces_index: 't', logs_index: 'l' })).toEqual(['t', 'l', 'l']);
});

test('the receiver in a scope’s name is the dataset where nobody names one', () => {
  const scope = {
    name: 'github.com/open-telemetry/opentelemetry-collector-contrib/receiver/hostmetricsreceiver/internal',
  };
  const gauge = { name: 'm', gauge: { dataPoints: [{ asInt: '1' }] } };
  expect(indices(metrics([gauge], {}, scope))).toEqual(['metrics-hostmetricsreceiver.otel-default']);
  expect(indices(metrics([gauge], { attributes: stream('x') }, scope))).toEqual(['metrics-x.otel-default']);
});

test('characters that a data stream’s name may not have are replaced, and the name is cut', () => {
  const batch = logs([record(...stream('A-b/c*', 'N S')), record(...stream('x'.repeat(200)))]);
  expect(indices(batch)).toEqual(['logs-a_b_c_.otel-n_s', `logs-${'x'.repeat(95)}.otel-default`]);
});

test('only bodymap lets attributes name the type', () => {
  const batch = logs([{ ...record(text('data_stream.type', 'metrics')), body: { kvlistValue: { values: [] } } }]);
  expect(indices(batch, { mapping: { mode: 'bodymap' } })).toEqual(['metrics-generic-default']);
  expect(indices(batch)).toEqual(['logs-generic.otel-default']);
});

test('logstash_format ends the name in the date', () => {
  const logstash_format = { enabled: true, prefix_separator: '_', date_format: '%Y.%m.%d' };
  expect(indices(logs([record()]), { logs_index: 'app', logstash_format })).toEqual(['app_2024.02.29']);
  expect(indices(logs([record()]), { mapping: { mode: 'none' }, logstash_format })).toEqual([
    'logs-generic-default_2024.02.29',
  ]);
});

test('ids and pipelines of the records’ own, when they are asked for', () => {
  const batch = logs([
    record(text('elasticsearch.document_id', 'x"1'), text('elasticsearch.ingest_pipeline', 'p')),
    record(),
  ]);
  const over = { logs_dynamic_id: { enabled: true }, logs_dynamic_pipeline: { enabled: true } };
  expect(made(batch, over).documents.map(({ action }) => action)).toEqual([
    { _index: 'logs-generic.otel-default', _id: 'x"1', pipeline: 'p' },
    { _index: 'logs-generic.otel-default' },
  ]);
  expect(made(batch).documents[0]!.action).toEqual({ _index: 'logs-generic.otel-default' });
});

test('stable ids are equal for equal documents and no others', () => {
  const over = { document_ids: 'stable' };
  const ids = (...records: object[]) => made(logs(records), over).documents.map(({ action }) => action._id);
  const [a, b, c] = ids(record(), record(), record(text('a', 'b')));
  expect(a).toMatch(/^[\w-]{27}$/);
  expect(b).toBe(a);
  expect(c).not.toBe(a);
  expect(ids(record())).toEqual([a]);
});
