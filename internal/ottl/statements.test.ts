import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkRequest } from '../otlp/check.ts';
import { Payload, type Signal } from '../otlp/payload.ts';
import { walkSpans } from '../otlp/view/walk.ts';
import { loadOracle } from '../testkit/oracle.ts';
import { type Context, compileStatement, inferContext, OttlError, Pass, parseStatement } from './index.ts';

const oracle = await loadOracle();

type Json = Record<string, any>;
const text = (stringValue: string) => ({ stringValue });
const pairs = (entries: Record<string, unknown>) => Object.entries(entries).map(([key, value]) => ({ key, value }));

const attributes = pairs({
  s: text('Hello'),
  i: { intValue: '9007199254740993' },
  list: { arrayValue: { values: [text('a'), { intValue: '2' }] } },
  map: {
    kvlistValue: {
      values: pairs({ x: { intValue: '1' }, deep: { kvlistValue: { values: pairs({ y: text('z') }) } } }),
    },
  },
});
const resource = { attributes: pairs({ 'service.name': text('cart') }) };
const scope = { name: 'lib', version: '1', attributes: pairs({ in: text('scope') }) };
const span = {
  traceId: Buffer.alloc(16, 1),
  spanId: Buffer.alloc(8, 2),
  name: 'GET /users/17',
  kind: 2,
  startTimeUnixNano: '1700000000000000001',
  attributes,
  events: [{ name: 'first', attributes }, { name: 'second' }],
  status: { code: 2, message: 'boom' },
};
const log = { severityNumber: 9, body: text('hi'), attributes };
const metric = {
  name: 'm',
  unit: 's',
  sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ asInt: '5', attributes }, { asDouble: 1.5 }] },
};
const histogram = {
  name: 'h',
  histogram: { dataPoints: [{ count: '3', sum: 4, bucketCounts: ['1', '2'], explicitBounds: [1] }] },
};

const names = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
} as const;

/** Bytes of a field that no schema knows. */
const unknownField = Buffer.from([0xba, 0x3e, 0x02, 0x08, 0x01]);

function request(signal: Signal, records: object[]): Payload {
  const [groups, scopes, items] = names[signal];
  const message = { [groups]: [{ resource, schemaUrl: 'r', [scopes]: [{ scope, schemaUrl: 's', [items]: records }] }] };
  const type = oracle.request(signal);
  const bytes = type.encode(type.fromObject(message)).finish();
  return new Payload(signal, [bytes], 1, bytes.length);
}

interface Outcome {
  resource: Json;
  scope: Json;
  group: Json;
  record: Json;
}

function read(payload: Payload): Outcome {
  const [groups, scopes, items] = names[payload.signal];
  const decoded = oracle.read(payload.signal, Buffer.concat(payload.chunks)) as Json;
  const group = decoded[groups][0];
  const inner = group[scopes][0];
  return { resource: group.resource, scope: inner.scope, group, record: inner[items][0] };
}

function apply(payload: Payload, context: Context, statements: readonly string[]): Payload {
  let out = payload;
  for (const statement of statements) {
    const compiled = compileStatement(statement, context);
    if (!compiled.ok) throw new Error(`${statement}: ${compiled.problem.message}`);
    out = new Pass(payload.signal, { ...compiled, context, run: (scene) => void compiled.run(scene) }).run(out);
  }
  return out;
}

/** What an attribute's value says, short. */
function plain(value: Json | undefined): unknown {
  if (!value) return undefined;
  if (value.kvlistValue)
    return Object.fromEntries((value.kvlistValue.values ?? []).map((pair: Json) => [pair.key, plain(pair.value)]));
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(plain);
  const [said] = Object.values(value);
  return said;
}

function attributesOf(record: Json): Record<string, unknown> {
  return Object.fromEntries((record.attributes ?? []).map((pair: Json) => [pair.key, plain(pair.value)]));
}

const before = { s: 'Hello', i: '9007199254740993', list: ['a', '2'], map: { x: '1', deep: { y: 'z' } } };

const onAttributes: [string | string[], Record<string, unknown>][] = [
  ['set(attributes["s"], "Bye")', { ...before, s: 'Bye' }],
  ['set(attributes["n"], attributes["i"] + 1)', { ...before, n: '9007199254740994' }],
  ['set(attributes["n"], nil)', before],
  [
    'set(attributes["n"], {"a": [1, true, 1.5, 0x01], "b": attributes["s"]})',
    { ...before, n: { a: ['1', true, 1.5, 'AQ=='], b: 'Hello' } },
  ],
  ['set(attributes["map"]["deep"]["y"], "new")', { ...before, map: { x: '1', deep: { y: 'new' } } }],
  ['set(attributes["map"]["new"]["k"][1], "v")', { ...before, map: { ...before.map, new: { k: [undefined, 'v'] } } }],
  ['set(attributes["list"][1], "b")', { ...before, list: ['a', 'b'] }],
  ['set(attributes["copy"], attributes["map"])', { ...before, copy: before.map }],
  ['set(attributes, {"only": 1})', { only: '1' }],
  ['set(attributes, {})', {}],
  ['set(attributes["s"], "x") where kind == 9', before],
  [
    'set(attributes[Concat(["a", name], ":")], true) where kind == SPAN_KIND_SERVER',
    { ...before, 'a:GET /users/17': true },
  ],
  ['delete_key(attributes, "s")', { i: before.i, list: before.list, map: before.map }],
  ['delete_key(attributes, "none")', before],
  ['delete_key(attributes["map"], "x")', { ...before, map: { deep: { y: 'z' } } }],
  ['delete_matching_keys(attributes, "^[si]$")', { list: before.list, map: before.map }],
  ['keep_keys(attributes, ["s", "none"])', { s: 'Hello' }],
  ['keep_matching_keys(attributes, "^l")', { list: before.list }],
  ['limit(attributes, 2, ["map"])', { s: 'Hello', map: before.map }],
  ['truncate_all(attributes, 2)', { ...before, s: 'He' }],
  ['replace_match(attributes["s"], "H*o", "glob")', { ...before, s: 'glob' }],
  ['replace_match(attributes["s"], "h*o", "glob")', before],
  ['replace_all_matches(attributes, "{Hello,x}", "glob")', { ...before, s: 'glob' }],
  ['replace_pattern(attributes["s"], "l(.)", "[$1]")', { ...before, s: 'He[l]o' }],
  [
    'replace_pattern(attributes["s"], "l+", "$0$0", MD5, "<%s>")',
    { ...before, s: `He<${createHash('md5').update('llll').digest('hex')}>o` },
  ],
  ['replace_all_patterns(attributes, "value", "[lo]", "0")', { ...before, s: 'He000' }],
  [
    'replace_all_patterns(attributes, "key", "^(.)$", "k.$1")',
    { 'k.s': 'Hello', 'k.i': before.i, list: before.list, map: before.map },
  ],
  ['flatten(attributes)', { s: 'Hello', i: before.i, 'list.0': 'a', 'list.1': '2', 'map.x': '1', 'map.deep.y': 'z' }],
  [
    'flatten(attributes, "p", 1)',
    { 'p.s': 'Hello', 'p.i': before.i, 'p.list.0': 'a', 'p.list.1': '2', 'p.map.x': '1', 'p.map.deep': { y: 'z' } },
  ],
  ['merge_maps(attributes, {"s": "new", "t": 1}, "upsert")', { ...before, s: 'new', t: '1' }],
  ['merge_maps(attributes, {"s": "new", "t": 1}, "insert")', { ...before, t: '1' }],
  ['merge_maps(attributes, ParseJSON("{\\"s\\":\\"new\\",\\"t\\":1}"), "update")', { ...before, s: 'new' }],
  ['append(attributes["list"], "b")', { ...before, list: ['a', '2', 'b'] }],
  ['append(attributes["s"], values = [1, 2])', { ...before, s: ['Hello', '1', '2'] }],
  ['append(attributes["none"], "x")', { ...before, none: ['x'] }],
  ['delete_index(attributes["list"], 0)', { ...before, list: ['2'] }],
  ['stringify_all(attributes)', { s: 'Hello', i: before.i, list: '["a",2]', map: '{"deep":{"y":"z"},"x":1}' }],
  [
    ['set(attributes["a"], 1)', 'set(attributes["b"], attributes["a"] + 1)', 'delete_key(attributes, "a")'],
    { ...before, b: '2' },
  ],
];
test.each(onAttributes)('%s', (statements, want) => {
  for (const [signal, record, context] of [
    ['traces', span, 'span'],
    ['logs', { ...log, severityNumber: 2 }, 'log'],
  ] as const) {
    const list = [statements].flat();
    if (context === 'log' && list.some((statement) => /kind|name/.test(statement))) continue;
    const out = read(apply(request(signal, [record]), context, list));
    expect(attributesOf(out.record)).toEqual(want);
    const { attributes: _, ...rest } = out.record;
    const { attributes: __, ...same } = read(request(signal, [record])).record;
    expect(rest).toEqual(same);
  }
});

const onFields: [Signal, object, Context, string, (out: Outcome) => unknown, unknown][] = [
  ['traces', span, 'span', 'set(name, Concat([kind.string, name], " "))', (o) => o.record.name, 'Server GET /users/17'],
  ['traces', span, 'span', 'replace_pattern(name, "/\\\\d+", "/{id}")', (o) => o.record.name, 'GET /users/{id}'],
  ['traces', span, 'span', 'set(name, "")', (o) => o.record.name, undefined],
  ['traces', span, 'span', 'set(kind, SPAN_KIND_CLIENT)', (o) => o.record.kind, 3],
  ['traces', span, 'span', 'set(kind.string, "Producer")', (o) => o.record.kind, 4],
  ['traces', span, 'span', 'set(status.code, STATUS_CODE_OK)', (o) => o.record.status, { code: 1, message: 'boom' }],
  ['traces', span, 'span', 'set(status.message, "x")', (o) => o.record.status, { code: 2, message: 'x' }],
  [
    'traces',
    span,
    'span',
    'set(trace_id, TraceID(0x000102030405060708090a0b0c0d0e0f))',
    (o) => o.record.traceId,
    'AAECAwQFBgcICQoLDA0ODw==',
  ],
  [
    'traces',
    span,
    'span',
    'set(parent_span_id.string, "0102030405060708")',
    (o) => o.record.parentSpanId,
    'AQIDBAUGBwg=',
  ],
  ['traces', span, 'span', 'set(trace_state["k"], "v")', (o) => o.record.traceState, 'k=v'],
  [
    'traces',
    span,
    'span',
    'set(end_time, start_time + Duration("1s"))',
    (o) => o.record.endTimeUnixNano,
    '1700000001000000001',
  ],
  ['traces', span, 'span', 'set(start_time_unix_nano, 5)', (o) => o.record.startTimeUnixNano, '5'],
  ['traces', span, 'span', 'set(flags, 256)', (o) => o.record.flags, 256],
  ['traces', span, 'span', 'set(dropped_attributes_count, 7)', (o) => o.record.droppedAttributesCount, 7],
  [
    'traces',
    span,
    'span',
    'set(resource.attributes["from"], name)',
    (o) => attributesOf(o.resource),
    { 'service.name': 'cart', from: 'GET /users/17' },
  ],
  ['traces', span, 'span', 'set(scope.name, "new")', (o) => o.scope.name, 'new'],
  [
    'traces',
    span,
    'span',
    'set(resource.schema_url, "new")',
    (o) => [o.group.schemaUrl, attributesOf(o.resource)],
    ['new', { 'service.name': 'cart' }],
  ],
  [
    'traces',
    span,
    'resource',
    'set(attributes["service.name"], "x")',
    (o) => attributesOf(o.resource),
    { 'service.name': 'x' },
  ],
  ['traces', span, 'resource', 'set(dropped_attributes_count, 3)', (o) => o.resource.droppedAttributesCount, 3],
  [
    'traces',
    span,
    'scope',
    'set(attributes["r"], resource.attributes["service.name"])',
    (o) => attributesOf(o.scope),
    { in: 'scope', r: 'cart' },
  ],
  ['traces', span, 'scope', 'set(scope.version, "2")', (o) => o.scope.version, '2'],
  [
    'traces',
    span,
    'spanevent',
    'set(name, Concat([name, span.name], "@")) where event_index == 1',
    (o) => o.record.events.map((event: Json) => event.name),
    ['first', 'second@GET /users/17'],
  ],
  [
    'traces',
    span,
    'spanevent',
    'set(span.attributes["last"], name)',
    (o) => attributesOf(o.record),
    { ...before, last: 'second' },
  ],
  [
    'traces',
    span,
    'spanevent',
    'delete_key(attributes, "s")',
    (o) => attributesOf(o.record.events[0]),
    { i: before.i, list: before.list, map: before.map },
  ],
  ['logs', log, 'log', 'set(body, {"msg": body})', (o) => plain(o.record.body), { msg: 'hi' }],
  ['logs', log, 'log', 'set(body.string, "s")', (o) => plain(o.record.body), 's'],
  ['logs', log, 'log', 'set(severity_number, SEVERITY_NUMBER_ERROR2)', (o) => o.record.severityNumber, 18],
  ['logs', log, 'log', 'set(time, Unix(1700000000))', (o) => o.record.timeUnixNano, '1700000000000000000'],
  [
    'logs',
    log,
    'log',
    'set(event_name, severity_text) where severity_text == ""',
    (o) => o.record.eventName,
    undefined,
  ],
  ['metrics', metric, 'metric', 'set(name, Concat([name, unit], "."))', (o) => o.record.name, 'm.s'],
  ['metrics', metric, 'metric', 'set(is_monotonic, false)', (o) => o.record.sum.isMonotonic ?? false, false],
  [
    'metrics',
    metric,
    'metric',
    'set(aggregation_temporality, AGGREGATION_TEMPORALITY_DELTA)',
    (o) => o.record.sum.aggregationTemporality,
    1,
  ],
  ['metrics', metric, 'metric', 'set(metadata["k"], 1)', (o) => o.record.metadata, pairs({ k: { intValue: '1' } })],
  [
    'metrics',
    metric,
    'datapoint',
    'set(value_double, 2.5) where value_int == 5',
    (o) => o.record.sum.dataPoints.map((point: Json) => [point.asInt, point.asDouble]),
    [
      [undefined, 2.5],
      [undefined, 1.5],
    ],
  ],
  [
    'metrics',
    metric,
    'datapoint',
    'set(attributes["m"], metric.name)',
    (o) => o.record.sum.dataPoints.map((point: Json) => attributesOf(point).m),
    ['m', 'm'],
  ],
  [
    'metrics',
    metric,
    'datapoint',
    'set(resource.attributes["m"], metric.name)',
    (o) => attributesOf(o.resource).m,
    'm',
  ],
  [
    'metrics',
    histogram,
    'datapoint',
    'set(bucket_counts, [4, 5, 6])',
    (o) => o.record.histogram.dataPoints[0].bucketCounts,
    ['4', '5', '6'],
  ],
  ['metrics', histogram, 'datapoint', 'set(count, count + 1)', (o) => o.record.histogram.dataPoints[0].count, '4'],
  [
    'metrics',
    histogram,
    'datapoint',
    'set(explicit_bounds, [0.5])',
    (o) => o.record.histogram.dataPoints[0].explicitBounds,
    [0.5],
  ],
];
test.each(onFields)('%s %# in %s: %s', (signal, record, context, statement, pick, want) => {
  expect(pick(read(apply(request(signal, [record]), context, [statement])))).toEqual(want);
});

test('a record that no statement changes is copied as it is, and a batch without a change is handed on', () => {
  const payload = request('traces', [span, { ...span, name: 'other' }]);
  expect(apply(payload, 'span', ['set(name, "x") where name == "none"', 'delete_key(attributes, "none")'])).toBe(
    payload,
  );
  expect(apply(payload, 'resource', ['set(attributes["a"], 1) where false'])).toBe(payload);
});

test('fields that no schema knows survive at every level', () => {
  const type = oracle.type('opentelemetry.proto.trace.v1.Span');
  const wrap = (tag: number, ...parts: Uint8Array[]) => {
    const body = Buffer.concat(parts);
    const head = body.length < 128 ? [tag, body.length] : [tag, (body.length & 0x7f) | 0x80, body.length >> 7];
    return Buffer.concat([Buffer.from(head), body]);
  };
  const event = wrap(0x5a, Buffer.from([0x12, 0x01, 0x65]), unknownField);
  const attribute = wrap(0x4a, Buffer.from([0x0a, 0x01, 0x6b]), unknownField, Buffer.from([0x12, 0x00]));
  const known = type.encode(type.fromObject({ name: 'a', attributes })).finish();
  const spanBytes = wrap(0x12, known, attribute, event, unknownField);
  const scopeBytes = wrap(0x12, wrap(0x0a, Buffer.from([0x0a, 0x01, 0x73]), unknownField), spanBytes, unknownField);
  const resourceBytes = wrap(0x0a, wrap(0x0a, unknownField), scopeBytes, unknownField);
  const bytes = Buffer.concat([resourceBytes, unknownField]);
  let payload = new Payload('traces', [bytes], 1, bytes.length);
  const count = (buf: Uint8Array) => Buffer.from(buf).toString('hex').split(unknownField.toString('hex')).length - 1;
  expect(count(bytes)).toBe(8);
  payload = apply(payload, 'spanevent', [
    'set(attributes["a"], 1)',
    'set(span.name, "b")',
    'set(resource.attributes["x"], 2)',
  ]);
  payload = apply(payload, 'span', [
    'set(attributes["k"], 5)',
    'delete_key(attributes, "s")',
    'set(scope.name, "t")',
    'set(status.code, 1)',
  ]);
  payload = apply(payload, 'resource', ['set(schema_url, "u")']);
  expect(count(Buffer.concat(payload.chunks))).toBe(8);
  expect(read(payload).record.name).toBe('b');
});

const failing: [string, string][] = [
  ['set(name, 1)', 'expected string, got int64'],
  ['set(kind, "x")', 'expected int64, got string'],
  ['set(attributes, "x")', 'expected a map'],
  ['set(attributes["s"], trace_id)', 'cannot hold trace id'],
  ['set(attributes["s"]["x"], 1)', 'cannot be indexed'],
  ['set(trace_id.string, "xy")', '32 hexadecimal digits'],
  ['delete_key(attributes["none"], "x")', 'expected map, got nil'],
  ['set(flags, -1)', 'out of range'],
  ['delete_index(attributes["list"], 9)', 'out of bounds'],
  ['set(attributes["x"][100000], 1)', 'at most 10000'],
];
test.each(failing)('%s fails and says why', (statement, message) => {
  expect.assertions(1);
  try {
    apply(request('traces', [span]), 'span', [statement]);
  } catch (thrown) {
    if (!(thrown instanceof OttlError)) throw thrown;
    expect(thrown.message).toContain(message);
  }
});

const refused: [Context, string, string, string][] = [
  ['span', 'sett(name, "x")', 'sett', 'did you mean set?'],
  ['span', 'set("a", "x")', '"a"', 'expected a path'],
  ['spanevent', 'set(event_index, 1)', 'event_index', 'cannot be set'],
  ['datapoint', 'set(metric.name, "x")', 'set(metric.name, "x")', 'use the metric context'],
  ['span', 'limit(attributes, -1, [])', '-1', 'expected 0 or more'],
  ['span', 'limit(attributes, name, [])', 'name', 'written out'],
  ['span', 'merge_maps(attributes, {}, "x")', '"x"', '"insert"'],
  ['span', 'replace_pattern(name, "(", "x")', '"("', 'no regular expression'],
  ['span', 'replace_pattern(name, "a", "x", Concat)', 'Concat', 'takes 2 arguments'],
  ['span', 'IsMatch(name, "x")', 'IsMatch', 'begins with an editor'],
];
test.each(refused)('in %s, %s is refused', (context, statement, place, message) => {
  const compiled = compileStatement(statement, context);
  if (compiled.ok) throw new Error('accepted');
  const { problem } = compiled;
  expect(problem.message).toContain(message);
  expect(statement.slice(problem.at, problem.at + problem.length)).toBe(place);
});

const inferred: [string[], Context | string][] = [
  [['set(span.name, "x") where resource.attributes["a"] == 1'], 'span'],
  [['set(span.name, "x")', 'set(spanevent.name, span.name)'], 'spanevent'],
  [['set(resource.attributes["a"], 1)'], 'resource'],
  [['set(instrumentation_scope.name, resource.attributes["a"])'], 'scope'],
  [['set(resource.attributes["a"], 1) where resource.attributes["b"] == 2'], 'resource'],
  [['set(name, "x")'], 'begins with'],
  [['set(log.body, "x")'], 'begins with'],
];
test.each(inferred)('the context of %j is %s', (statements, want) => {
  const parsed = statements.map((statement) => {
    const one = parseStatement(statement);
    if (!one.ok) throw new Error(one.problem.message);
    return one.ast;
  });
  const got = inferContext(parsed, ['resource', 'scope', 'span', 'spanevent']);
  if (got.ok) expect(got.context).toBe(want);
  else expect(got.problem.message).toContain(want);
});

test('a key that is no UTF-8 survives what is done to others, and a huge list of attributes is no trouble', () => {
  const attribute = (key: string) =>
    Buffer.concat([Buffer.from([0x4a, key.length + 4, 0x0a, key.length]), Buffer.from(key), Buffer.from([0x12, 0x00])]);
  const many = Array.from({ length: 50_000 }, (_, i) => attribute(`key${i}`));
  const length = (bytes: Uint8Array) => {
    const out = [];
    let rest = bytes.length;
    for (; rest > 127; rest >>>= 7) out.push((rest & 127) | 128);
    return Buffer.from([...out, rest]);
  };
  const wrap = (tag: number, bytes: Uint8Array) => Buffer.concat([Buffer.from([tag]), length(bytes), bytes]);
  const whole = Buffer.from([0x4a, 0x08, 0x0a, 0x02, 0xff, 0xfe, 0x12, 0x02, 0x0a, 0x00]);
  const bytes = wrap(0x0a, wrap(0x12, wrap(0x12, Buffer.concat([whole, ...many]))));
  const payload = new Payload('traces', [bytes], 1, bytes.length);
  const out = apply(payload, 'span', [
    'set(attributes["new"], 1)',
    'delete_key(attributes, "key7")',
    'delete_matching_keys(attributes, "^key.*9$")',
    'truncate_all(attributes, 100)',
    'limit(attributes, 1000, ["new"])',
  ]);
  const content = Buffer.concat(out.chunks);
  expect(content.includes(whole)).toBe(true);
  const walk = walkSpans(out);
  expect(walk.nextResource() && walk.nextScope() && walk.nextRecord()).toBe(true);
  expect(walk.record.attributes.count()).toBe(1000);
});

test('what a statement nests deeper than receivers follow is not written', () => {
  const nested = (levels: number) => `ParseJSON("${'['.repeat(levels)}${']'.repeat(levels)}")`;
  const out = apply(request('traces', [span]), 'span', [`set(attributes["deep"], ${nested(38)})`]);
  expect(checkRequest('traces', Buffer.concat(out.chunks))).not.toHaveProperty('malformed');
  expect(() => apply(request('traces', [span]), 'span', [`set(attributes["deep"], ${nested(60)})`])).toThrow(
    expect.objectContaining({ message: expect.stringContaining('nested too deep') }),
  );
});
