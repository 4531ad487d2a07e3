import { expect, test } from 'vitest';
import { int, logs, made, metrics, only, otlp, spans, text } from './test/documents.ts';

/*
 * The documents of each mapping mode, written down from the specification of upstream's exporter: its README, and the
 * names of the Elastic Common Schema. What they do not show: that a server takes them, see elasticsearch.backends.test.ts.
 */

const traceId = Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex');
const spanId = Buffer.from('0102030405060708', 'hex');
const time = '1705314600000000000'; // 2024-01-15T10:30:00Z
const resource = {
  attributes: [
    text('service.name', 'shop'),
    text('service.instance.id', 'i-1'),
    text('host.name', 'h'),
    text('os.type', 'darwin'),
    text('telemetry.sdk.name', 'opentelemetry'),
    text('telemetry.sdk.language', 'go'),
    text('telemetry.sdk.version', '1.2.3'),
  ],
};
const scope = { name: 'lib', version: '1', attributes: [text('lib.kind', 'x')] };
const record = {
  timeUnixNano: time,
  observedTimeUnixNano: '1705314600000000123',
  severityNumber: 9,
  severityText: 'INFO',
  body: { stringValue: 'hello' },
  traceId,
  spanId,
  flags: 1,
  attributes: [text('event.name', 'login'), int('http.response.status_code', '200'), text('exception.type', 'E')],
  droppedAttributesCount: 2,
};
const span = {
  traceId,
  spanId,
  parentSpanId: Buffer.alloc(8, 9),
  traceState: 'a=b',
  name: 'GET /',
  kind: 2,
  startTimeUnixNano: time,
  endTimeUnixNano: '1705314600150000000',
  attributes: [text('db.system', 'postgresql'), text('db.query.text', 'SELECT 1')],
  status: { code: 1, message: 'fine' },
  links: [{ traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(8, 2), attributes: [text('why', 'retry')] }],
  events: [{ timeUnixNano: '1705314600050000000', name: 'query.done', attributes: [int('rows', '1')] }],
  droppedEventsCount: 3,
};

test('otel: a log record', () => {
  const { documents } = made(logs([record], resource, scope));
  expect(documents).toEqual([
    {
      action: { _index: 'logs-generic.otel-default' },
      source: {
        '@timestamp': '1705314600000.0',
        observed_timestamp: '1705314600000.000123',
        data_stream: { type: 'logs', dataset: 'generic.otel', namespace: 'default' },
        severity_text: 'INFO',
        severity_number: 9,
        trace_id: '0102030405060708090a0b0c0d0e0f10',
        span_id: '0102030405060708',
        attributes: { 'event.name': 'login', 'http.response.status_code': 200, 'exception.type': 'E' },
        dropped_attributes_count: 2,
        event_name: 'login',
        body: { text: 'hello' },
        resource: {
          attributes: {
            'service.name': 'shop',
            'service.instance.id': 'i-1',
            'host.name': 'h',
            'os.type': 'darwin',
            'telemetry.sdk.name': 'opentelemetry',
            'telemetry.sdk.language': 'go',
            'telemetry.sdk.version': '1.2.3',
          },
        },
        scope: { name: 'lib', version: '1', attributes: { 'lib.kind': 'x' } },
      },
    },
  ]);
});

test.each([
  ['a map', { kvlistValue: { values: [text('a', 'b')] } }, { structured: { a: 'b' } }],
  [
    'a list of maps',
    { arrayValue: { values: [{ kvlistValue: { values: [text('a', 'b')] } }] } },
    { structured: [{ a: 'b' }] },
  ],
  ['a list of others', { arrayValue: { values: [{ intValue: '1' }] } }, { structured: { value: [1] } }],
  ['a number', { doubleValue: 2 }, { text: 2 }],
])('otel: a body that is %s', (_, body, want) => {
  expect(only(logs([{ ...record, body }])).body).toEqual(want);
});

test('otel: a span and its event, which is a document of its own among the logs', () => {
  const { documents } = made(spans([span], resource, scope));
  const context = {
    resource: expect.objectContaining({ attributes: expect.objectContaining({ 'service.name': 'shop' }) }),
    scope: { name: 'lib', version: '1', attributes: { 'lib.kind': 'x' } },
  };
  expect(documents).toEqual([
    {
      action: { _index: 'traces-generic.otel-default' },
      source: {
        '@timestamp': '1705314600000.0',
        data_stream: { type: 'traces', dataset: 'generic.otel', namespace: 'default' },
        trace_id: '0102030405060708090a0b0c0d0e0f10',
        span_id: '0102030405060708',
        trace_state: 'a=b',
        parent_span_id: '0909090909090909',
        name: 'GET /',
        kind: 'Server',
        duration: 150_000_000,
        attributes: { 'db.system': 'postgresql', 'db.query.text': 'SELECT 1' },
        dropped_events_count: 3,
        links: [{ trace_id: '01'.repeat(16), span_id: '02'.repeat(8), attributes: { why: 'retry' } }],
        status: { message: 'fine', code: 'Ok' },
        ...context,
      },
    },
    {
      action: { _index: 'logs-generic.otel-default' },
      source: {
        '@timestamp': '1705314600050.0',
        data_stream: { type: 'logs', dataset: 'generic.otel', namespace: 'default' },
        trace_id: '0102030405060708090a0b0c0d0e0f10',
        span_id: '0102030405060708',
        event_name: 'query.done',
        attributes: { rows: 1, 'event.name': 'query.done' },
        ...context,
      },
    },
  ]);
});

test('otel: points of one identity and time are one document, with a template for each metric', () => {
  const point = { startTimeUnixNano: '1705314599000000000', timeUnixNano: time, attributes: [text('x', 'y')] };
  const batch = metrics(
    [
      { name: 'g', unit: 's', gauge: { dataPoints: [{ ...point, asDouble: 1 }] } },
      {
        name: 'c',
        unit: 's',
        sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: [{ ...point, asInt: '5' }] },
      },
      {
        name: 'd',
        unit: 's',
        sum: { isMonotonic: true, aggregationTemporality: 1, dataPoints: [{ ...point, asInt: '6' }] },
      },
      { name: 'other', unit: 'By', gauge: { dataPoints: [{ ...point, asInt: '7' }] } },
      { name: 'q', unit: 's', summary: { dataPoints: [{ ...point, count: '2', sum: 3 }] } },
    ],
    resource,
    scope,
  );
  const { documents, body } = made(batch);
  expect(documents.map(({ source }) => source.metrics)).toEqual([
    { g: 1, c: 5, d: 6, q: { sum: 3, value_count: 2 } },
    { other: 7 },
  ]);
  expect(body).toContain('"g":1.0,"c":5,');
  expect(documents[0]!.action).toEqual({
    _index: 'metrics-generic.otel-default',
    dynamic_templates: {
      'metrics.g': 'gauge_double',
      'metrics.c': 'counter_long',
      'metrics.d': 'gauge_long',
      'metrics.q': 'summary',
    },
  });
  expect(documents[0]!.source).toMatchObject({
    '@timestamp': '1705314600000.0',
    start_timestamp: '1705314599000.0',
    unit: 's',
    attributes: { x: 'y' },
    _metric_names_hash: expect.stringMatching(/^[0-9a-f]{8}$/),
  });
});

test('otel: the order of attributes does not tell points apart, and a name that comes twice begins another document', () => {
  const point = (a: string, b: string) => ({ timeUnixNano: time, asInt: '1', attributes: [text(a, a), text(b, b)] });
  const gauge = (name: string, dataPoint: object) => ({ name, gauge: { dataPoints: [dataPoint] } });
  const { documents } = made(
    metrics([gauge('m', point('a', 'b')), gauge('n', point('b', 'a')), gauge('m', point('a', 'b'))]),
  );
  expect(documents.map(({ source }) => source.metrics)).toEqual([{ m: 1, n: 1 }, { m: 1 }]);
});

test('otel: the same resource and scope in another request of the batch share documents', () => {
  const gauge = (name: string) => ({ name, gauge: { dataPoints: [{ timeUnixNano: time, asInt: '1' }] } });
  const one = (name: string) => ({ resource, scopeMetrics: [{ scope, metrics: [gauge(name)] }] });
  const other = {
    resource: { attributes: [text('service.name', 'else')] },
    scopeMetrics: [{ scope, metrics: [gauge('c')] }],
  };
  const { documents } = made(otlp('metrics', { resourceMetrics: [one('a'), other, one('b')] }));
  expect(documents.map(({ source }) => source.metrics)).toEqual([{ a: 1, b: 1 }, { c: 1 }]);
});

test('otel: maps among the attributes of a metric are JSON in a string, since a dimension can be no object', () => {
  const attributes = [{ key: 'm', value: { kvlistValue: { values: [text('a', 'b"')] } } }];
  const { source } = made(
    metrics([{ name: 'g', gauge: { dataPoints: [{ timeUnixNano: time, asInt: '1', attributes }] } }]),
  ).documents[0]!;
  expect(source.attributes).toEqual({ m: '{"a":"b\\""}' });
});

test('otel: keys of maps join their parents with dots, and each path is there once', () => {
  const map = {
    key: 'm',
    value: {
      kvlistValue: { values: [text('x', '1'), { key: 'y', value: { kvlistValue: { values: [text('z', '2')] } } }] },
    },
  };
  const document = only(logs([{ ...record, attributes: [map, text('m.x', 'later'), text('n', 'too')] }]));
  expect(document.attributes).toEqual({ 'm.x': '1', 'm.y.z': '2', n: 'too' });
});

test('otel: latitude and longitude become one point', () => {
  const double = (key: string, doubleValue: number) => ({ key, value: { doubleValue } });
  const attributes = [
    double('client.geo.location.lat', 1.5),
    double('client.geo.location.lon', 2),
    double('geo.location.lat', 3),
  ];
  const document = only(logs([{ ...record, attributes }]));
  expect(document.attributes).toEqual({ 'client.geo.location': [2, 1.5], 'geo.location.lat': 3 });
});

test('none: the names of OTLP, flat, attributes under Attributes', () => {
  const { documents } = made(logs([record], resource, scope), { mapping: { mode: 'none' } });
  expect(documents).toEqual([
    {
      action: { _index: 'logs-generic-default' },
      source: {
        '@timestamp': '2024-01-15T10:30:00.000000000Z',
        'Attributes.data_stream.dataset': 'generic',
        'Attributes.data_stream.namespace': 'default',
        'Attributes.data_stream.type': 'logs',
        'Attributes.event.name': 'login',
        'Attributes.exception.type': 'E',
        'Attributes.http.response.status_code': 200,
        Body: 'hello',
        'Resource.host.name': 'h',
        'Resource.os.type': 'darwin',
        'Resource.service.instance.id': 'i-1',
        'Resource.service.name': 'shop',
        'Resource.telemetry.sdk.language': 'go',
        'Resource.telemetry.sdk.name': 'opentelemetry',
        'Resource.telemetry.sdk.version': '1.2.3',
        'Scope.lib.kind': 'x',
        'Scope.name': 'lib',
        'Scope.version': '1',
        SeverityNumber: 9,
        SeverityText: 'INFO',
        SpanId: '0102030405060708',
        TraceFlags: 1,
        TraceId: '0102030405060708090a0b0c0d0e0f10',
      },
    },
  ]);
});

const plainSpan = {
  '@timestamp': '2024-01-15T10:30:00.000000000Z',
  EndTimestamp: '2024-01-15T10:30:00.150000000Z',
  Duration: 150_000,
  Kind: 'SPAN_KIND_SERVER',
  Link: '[{"attribute":{"why":"retry"},"spanID":"0202020202020202","traceID":"01010101010101010101010101010101"}]',
  Name: 'GET /',
  ParentSpanId: '0909090909090909',
  SpanId: '0102030405060708',
  TraceId: '0102030405060708090a0b0c0d0e0f10',
  TraceStatus: 1,
  TraceStatusDescription: 'fine',
  'Scope.name': 'lib',
  'Scope.version': '1',
};

test('none: a span with links and events in it', () => {
  expect(only(spans([span], {}, { name: 'lib', version: '1' }), { mapping: { mode: 'none' } })).toEqual({
    ...plainSpan,
    'Attributes.data_stream.dataset': 'generic',
    'Attributes.data_stream.namespace': 'default',
    'Attributes.data_stream.type': 'traces',
    'Attributes.db.query.text': 'SELECT 1',
    'Attributes.db.system': 'postgresql',
    'Events.query.done.rows': 1,
    'Events.query.done.time': '2024-01-15T10:30:00.050000000Z',
  });
});

test('raw: the same without the prefixes', () => {
  expect(only(spans([span], {}, { name: 'lib', version: '1' }), { mapping: { mode: 'raw' } })).toEqual({
    ...plainSpan,
    'data_stream.dataset': 'generic',
    'data_stream.namespace': 'default',
    'data_stream.type': 'traces',
    'db.query.text': 'SELECT 1',
    'db.system': 'postgresql',
    'query.done.rows': 1,
    'query.done.time': '2024-01-15T10:30:00.050000000Z',
  });
});

test('ecs: a log record, by the names of the Elastic Common Schema, nested', () => {
  expect(only(logs([record], resource, scope), { mapping: { mode: 'ecs' } })).toEqual({
    '@timestamp': '2024-01-15T10:30:00.000000000Z',
    agent: { name: 'opentelemetry/go', version: '1.2.3' },
    data_stream: { type: 'logs', dataset: 'generic', namespace: 'default' },
    error: { type: 'E' },
    event: { action: 'login', severity: 9 },
    host: { name: 'h', hostname: 'h', os: { platform: 'darwin', type: 'macos' } },
    http: { response: { status_code: 200 } },
    lib: { kind: 'x' },
    log: { level: 'INFO' },
    message: 'hello',
    service: { name: 'shop', node: { name: 'i-1' } },
    span: { id: '0102030405060708' },
    trace: { id: '0102030405060708090a0b0c0d0e0f10' },
  });
});

test('ecs: a span', () => {
  expect(only(spans([span], {}, {}), { mapping: { mode: 'ecs' } })).toEqual({
    '@timestamp': '2024-01-15T10:30:00.000000000Z',
    data_stream: { type: 'traces', dataset: 'generic', namespace: 'default' },
    event: { outcome: 'success' },
    parent: { id: '0909090909090909' },
    span: {
      db: { statement: 'SELECT 1', type: 'postgresql' },
      id: '0102030405060708',
      kind: 'SERVER',
      links: [{ trace: { id: '01'.repeat(16) }, span: { id: '02'.repeat(8) } }],
      name: 'GET /',
    },
    trace: { id: '0102030405060708090a0b0c0d0e0f10' },
  });
});

test.each(['ecs', 'none', 'raw'])('%s: metrics of one time and attributes are one document', (mode) => {
  const point = { timeUnixNano: time, attributes: [text('x.y', 'z')] };
  const batch = metrics(
    [
      { name: 'a.count', gauge: { dataPoints: [{ ...point, asInt: '1' }] } },
      { name: 'a.load', gauge: { dataPoints: [{ ...point, asDouble: 2.5 }] } },
    ],
    { attributes: [text('host.name', 'h')] },
  );
  expect(only(batch, { mapping: { mode } })).toEqual({
    '@timestamp': '2024-01-15T10:30:00.000000000Z',
    a: { count: 1, load: 2.5 },
    data_stream: { type: 'metrics', dataset: 'generic', namespace: 'default' },
    host: { name: 'h', hostname: 'h' },
    x: { y: 'z' },
  });
});

test('bodymap: the body is the document, and a body that is no map is refused with the reason', () => {
  const body = { kvlistValue: { values: [text('a.b', 'c'), int('n', '9007199254740993')] } };
  const {
    documents,
    body: json,
    refused,
  } = made(logs([{ body }, { body: { stringValue: 'x' } }]), { mapping: { mode: 'bodymap' } });
  expect(documents.map(({ source }) => Object.keys(source))).toEqual([['a.b', 'n']]);
  expect(json).toContain('{"a.b":"c","n":9007199254740993}');
  expect(refused).toEqual([{ item: 1, reason: 'the mapping mode bodymap needs a map for a body, got string' }]);
});

test('bodymap: spans and metrics are refused', () => {
  const { refused } = made(spans([span]), { mapping: { mode: 'bodymap' } });
  expect(refused).toEqual([{ item: 0, reason: 'the mapping mode bodymap is for logs, not for traces' }]);
});

test('the scope’s attribute counts before the client’s header, and that before the configuration', () => {
  const batch = (mode?: string) =>
    logs([record], {}, mode === undefined ? {} : { attributes: [text('elastic.mapping.mode', mode)] });
  const has = (key: string, ...args: Parameters<typeof made>) => key in made(...args).documents[0]!.source;
  expect(has('trace', batch(), { mapping: { mode: 'ecs' } })).toBe(true);
  expect(has('TraceId', batch(), { mapping: { mode: 'ecs' } }, 'none')).toBe(true);
  expect(has('trace_id', batch('otel'), { mapping: { mode: 'ecs' } }, 'none')).toBe(true);
});

test('a mode that is none, or that the client may not ask for, refuses the records with the reason', () => {
  const scoped = made(logs([record], {}, { attributes: [text('elastic.mapping.mode', 'fancy')] }));
  expect(scoped.refused[0]!.reason).toContain('fancy');
  const asked = made(logs([record]), { mapping: { allowed_modes: ['otel'] } }, 'ecs');
  expect(asked.refused[0]!.reason).toContain('"ecs"');
  expect(asked.documents).toEqual([]);
});
