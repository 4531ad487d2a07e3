import { expect, test } from 'vitest';
import { Payload, type Signal } from '../otlp/payload.ts';
import { walkLogs, walkMetrics, walkSpans } from '../otlp/view/walk.ts';
import { loadOracle } from '../testkit/oracle.ts';
import { type Context, compileCondition, OttlError, Scene } from './index.ts';

const oracle = await loadOracle();

const text = (stringValue: string) => ({ stringValue });
const attributes = [
  ['s', text('Hello')],
  ['é', text('ü😀')],
  ['i', { intValue: '9007199254740993' }],
  ['seven', { intValue: 7 }],
  ['d', { doubleValue: 1.5 }],
  ['t', { boolValue: true }],
  ['b', { bytesValue: Buffer.from([1, 2]) }],
  [
    'list',
    {
      arrayValue: {
        values: [text('a'), { intValue: 2 }, { kvlistValue: { values: [{ key: 'k', value: text('v') }] } }],
      },
    },
  ],
  [
    'map',
    {
      kvlistValue: {
        values: [
          { key: 'x', value: { intValue: 1 } },
          { key: 'y', value: text('z') },
        ],
      },
    },
  ],
  ['empty', {}],
  ['json', text('{"a":[1,true,null],"b":{"c":"d"}}')],
].map(([key, value]) => ({ key, value }));
const resource = { attributes: [{ key: 'service.name', value: text('cart') }], droppedAttributesCount: 3 };
const scope = { name: 'lib', version: '1.2', attributes: [{ key: 'in', value: text('scope') }] };

const span = {
  traceId: Buffer.from('0102030405060708090a0b0c0d0e0f10', 'hex'),
  spanId: Buffer.from('0102030405060708', 'hex'),
  traceState: 'a=1,b=2',
  name: 'GET /users',
  kind: 2,
  startTimeUnixNano: '1700000000000000001',
  endTimeUnixNano: '1700000001500000001',
  attributes,
  events: [
    { timeUnixNano: '5', name: 'first' },
    { timeUnixNano: '6', name: 'second', attributes },
  ],
  links: [{ spanId: Buffer.alloc(8, 1) }],
  status: { code: 2, message: 'boom' },
  flags: 257,
};
const log = {
  timeUnixNano: '1700000000000000000',
  severityNumber: 17,
  severityText: 'ERROR',
  body: { kvlistValue: { values: [{ key: 'msg', value: text('hi') }] } },
  attributes,
  eventName: 'ev',
};
const metrics = {
  sum: {
    name: 'requests',
    unit: '1',
    sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ asInt: 5, attributes }] },
  },
  histogram: {
    name: 'latency',
    histogram: {
      aggregationTemporality: 1,
      dataPoints: [{ count: 3, sum: 4.5, bucketCounts: [1, 2], explicitBounds: [0.5], attributes }],
    },
  },
  exponential: {
    name: 'exp',
    exponentialHistogram: {
      dataPoints: [{ count: 3, scale: -2, zeroCount: 1, positive: { offset: -3, bucketCounts: [4, 5] }, attributes }],
    },
  },
};

function request(signal: Signal, record: object): Payload {
  const groups = {
    traces: { resourceSpans: [{ resource, schemaUrl: 'r', scopeSpans: [{ scope, schemaUrl: 's', spans: [record] }] }] },
    logs: {
      resourceLogs: [{ resource, schemaUrl: 'r', scopeLogs: [{ scope, schemaUrl: 's', logRecords: [record] }] }],
    },
    metrics: {
      resourceMetrics: [{ resource, schemaUrl: 'r', scopeMetrics: [{ scope, schemaUrl: 's', metrics: [record] }] }],
    },
  };
  const type = oracle.request(signal);
  const bytes = type.encode(type.fromObject(groups[signal])).finish();
  return new Payload(signal, [bytes], 1, bytes.length);
}

/** A scene that stands on the record. */
function sceneOf(signal: Signal, record: object): Scene {
  const scene = new Scene();
  const payload = request(signal, record);
  const walk = signal === 'traces' ? walkSpans(payload) : signal === 'logs' ? walkLogs(payload) : walkMetrics(payload);
  walk.nextResource();
  walk.nextScope();
  walk.nextRecord();
  scene.resource = walk.resource;
  scene.scope = walk.scope;
  if (signal === 'traces') {
    scene.span = walk.record as typeof scene.span;
    for (const index of [0, 1]) {
      const event = scene.span.events;
      for (let i = 0; i <= index; i++) scene.event = event.next()!;
      scene.eventIndex = index;
    }
  } else if (signal === 'logs') scene.log = walk.record as typeof scene.log;
  else {
    scene.metric = walk.record as typeof scene.metric;
    scene.point = scene.metric.data!.points.next()!;
  }
  return scene;
}

function check(scene: Scene, context: Context, condition: string, want: boolean | string): void {
  const compiled = compileCondition(condition, context);
  if (!compiled.ok) throw new Error(`${compiled.problem.message} at ${compiled.problem.at}`);
  let got: boolean | string;
  try {
    got = compiled.test(scene);
  } catch (thrown) {
    if (!(thrown instanceof OttlError)) throw thrown;
    got = thrown.message;
  }
  if (typeof want === 'string') expect(got).toContain(want);
  else expect(got).toBe(want);
}

// What holds of the span above; false after `not`, an error's words otherwise.
const onSpan: (string | [string, string])[] = [
  'name == "GET /users"',
  '"GET /users" == name',
  'not name != "GET /users"',
  'name > "GET /u" and name < "H"',
  'span.name == "GET /users"',
  'kind == SPAN_KIND_SERVER',
  '2 == kind',
  'kind < 3 and kind >= 2 and 1 < kind',
  'kind == 2.0',
  'kind.string == "Server"',
  'kind.deprecated_string == "SPAN_KIND_SERVER"',
  'status.code == STATUS_CODE_ERROR and status.message == "boom"',
  'trace_id == TraceID(0x0102030405060708090a0b0c0d0e0f10)',
  'trace_id == TraceID("0102030405060708090a0b0c0d0e0f10")',
  'trace_id.string == "0102030405060708090a0b0c0d0e0f10"',
  'span_id != SpanID(0x0000000000000000)',
  'not trace_id == 0x0102030405060708090a0b0c0d0e0f10',
  'not trace_id == nil',
  'parent_span_id == SpanID(0x0000000000000000)',
  'parent_span_id.string == "0000000000000000"',
  'IsRootSpan()',
  'trace_state == "a=1,b=2"',
  'trace_state["b"] == "2"',
  'trace_state["c"] == ""',
  'start_time_unix_nano == 1700000000000000001',
  'end_time_unix_nano - start_time_unix_nano == 1500000000',
  'end_time - start_time == Duration("1.5s")',
  'end_time - start_time > Duration("1s")',
  'start_time < end_time and start_time + Duration("2s") > end_time',
  'Milliseconds(end_time - start_time) == 1500',
  'Seconds(end_time - start_time) == 1.5',
  'UnixSeconds(start_time) == 1700000000',
  'Year(start_time) == 2023 and Month(start_time) == 11 and Weekday(start_time) == 2',
  'TruncateTime(start_time, Duration("1h")) == Unix(1699999200)',
  'flags == 257',
  'dropped_attributes_count == 0',
  'Len(events) == 2 and Len(links) == 1',
  'resource.attributes["service.name"] == "cart"',
  'resource.dropped_attributes_count == 3 and resource.schema_url == "r"',
  'instrumentation_scope.name == "lib" and scope.version == "1.2"',
  'scope.attributes["in"] == "scope" and scope.schema_url == "s"',
  'attributes["s"] == "Hello"',
  'not attributes["s"] == "hello"',
  'attributes["é"] == "ü😀"',
  'attributes["i"] == 9007199254740993',
  'not attributes["i"] == 9007199254740992',
  'attributes["i"] > 9007199254740992',
  'attributes["seven"] == 7.0 and attributes["seven"] > 6.5',
  'attributes["d"] == 1.5 and attributes["d"] < 2',
  'attributes["t"] == true and attributes["t"] > false',
  'attributes["b"] == 0x0102 and attributes["b"] < 0x02',
  'not attributes["s"] == 7 and attributes["s"] != 7 and not attributes["s"] < 7',
  'attributes["none"] == nil and not attributes["none"] != nil',
  'attributes["empty"] == nil',
  'attributes["s"] != nil and nil != attributes["s"]',
  'nil == nil and nil <= nil and not nil < nil',
  'attributes["list"][0] == "a" and attributes["list"][1] == 2 and attributes["list"][2]["k"] == "v"',
  'attributes["map"]["x"] == 1 and attributes["map"]["none"] == nil',
  'attributes["map"] == {"y": "z", "x": 1}',
  'not attributes["map"] == {"y": "z", "x": 1.0}',
  'attributes["list"] == ["a", 2, {"k": "v"}]',
  ['attributes["list"][5] == 1', 'out of bounds'],
  ['attributes["s"]["x"] == 1', 'cannot be indexed'],
  ['attributes["map"][0] == 1', 'expected a string as key'],
  'attributes[Concat(["s", "even"], "")] == 7',
  ['attributes[1 + 1] == 7', 'expected a string as key'],
  'IsMatch(name, "^GET /u.*s$") and not IsMatch(name, "^POST")',
  'IsMatch(attributes["seven"], "^7$") and not IsMatch(attributes["none"], ".*")',
  'IsMatch(attributes["map"], "\\"x\\":1")',
  'IsString(name) and IsInt(attributes["seven"]) and IsDouble(attributes["d"]) and IsBool(attributes["t"])',
  'IsMap(attributes["map"]) and IsList(attributes["list"]) and not IsMap(attributes["list"]) and IsMap(attributes)',
  'not IsString(nil)',
  ['HasPrefix(attributes["none"], "x")', 'expected string, got nil'],
  ['HasPrefix(attributes["seven"], "7")', 'expected string, got int64'],
  'HasPrefix(name, "GET") and HasSuffix(name, "users")',
  'Len(name) == 10 and Len(attributes["é"]) == 6 and Len(attributes) == 11 and Len(attributes["b"]) == 2',
  ['Len(kind) == 1', 'cannot measure int64'],
  'Int("12") == 12 and Int(1.9) == 1 and Int(true) == 1 and Int("x") == nil and Int(nil) == nil',
  'Double("1.5") == 1.5 and Double(attributes["seven"]) == 7.0',
  ['Double(name) == 1.0', 'is no number'],
  'String(attributes["d"]) == "1.5" and String(0x0aff) == "0aff" and String(true) == "true"',
  'String(attributes["list"]) == "[\\"a\\",2,{\\"k\\":\\"v\\"}]"',
  'Bool("true") and not Bool(0)',
  'Concat(["a", attributes["none"], 1], "-") == "a-<nil>-1"',
  'Split("a,b", ",")[1] == "b"',
  ['Split("a,b", ",")[2] == "b"', 'out of bounds'],
  'Substring("héllo", 0, 3) == "hé" and Substring("héllo", 0, 2, true) == "h"',
  ['Substring("abc", 2, 2) == "c"', 'run past'],
  'ToLowerCase("AÉ") == "aé" and ToUpperCase("straße") == "STRAßE"',
  'ToSnakeCase("JSONData v2") == "json_data_v_2" and ToCamelCase("some_name") == "SomeName"',
  'ConvertCase("AbC", "lower") == "abc" and Trim("  a ") == "a" and TrimPrefix("abc", "a") == "bc"',
  'Index("héllo", "l") == 3 and Index(["a", "b"], "b") == 1 and Index("a", "x") == -1',
  'Coalesce([attributes["none"], attributes["s"], "x"]) == "Hello"',
  'ContainsValue(attributes["list"], "a") and not ContainsValue(attributes["list"], "z")',
  'Format("%s-%03d-%.2f-%v", ["a", 7, 1.5, true]) == "a-007-1.50-true"',
  'SHA256("a") == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"',
  'MD5("a") == "0cc175b9c0f1b6a831c399e269772661" and Hex(255) == "00000000000000ff" and Hex("a") == "61"',
  'FNV("hello") == -6615550055289275125',
  'Murmur3Hash("Hello World") == "ce837619" and Murmur3Hash128("Hello World") == "dbc2a0c1ab26631a27b4c09fcf1fe683"',
  'Base64Encode("a>?") == "YT4/" and Decode("YT4/", "base64") == "a>?"',
  ['Decode("!", "base64") == ""', 'could not decode'],
  '(kind + 1) * 2 - 3 == 3 and 7 / 2 == 3 and -7 / 2 == -3 and 7.0 / 2 == 3.5',
  '9223372036854775807 + 1 == -9223372036854775808',
  ['kind / (kind - 2) == 1', 'divide by 0'],
  ['1 / 0 == 1', 'divide by 0'],
  ['name + 1 == 1', 'cannot calculate with string'],
  '-kind == -2 and -(kind + 1) == -3',
  'true and (false or not false)',
  ['IsString(name) and Len(name)', 'expected bool'],
];
test.each(onSpan.map((row) => (typeof row === 'string' ? ([row, true] as const) : row)))(
  'of a span: %s',
  (condition, want) => check(sceneOf('traces', span), 'span', condition, want),
);

const elsewhere: [Signal, object, Context, string][] = [
  ['traces', span, 'spanevent', 'name == "second" and event_index == 1 and attributes["seven"] == 7'],
  ['traces', span, 'spanevent', 'spanevent.time_unix_nano == 6 and span.name == "GET /users"'],
  ['traces', span, 'resource', 'attributes["service.name"] == "cart" and resource.schema_url == "r"'],
  ['traces', span, 'scope', 'name == "lib" and resource.attributes["service.name"] == "cart"'],
  ['logs', log, 'log', 'severity_number >= SEVERITY_NUMBER_ERROR and severity_number < SEVERITY_NUMBER_FATAL'],
  [
    'logs',
    log,
    'log',
    'body["msg"] == "hi" and body.string == "{\\"msg\\":\\"hi\\"}" and IsMap(body) and log.event_name == "ev"',
  ],
  ['logs', log, 'log', 'trace_id.string == "00000000000000000000000000000000" and time == Unix(1700000000)'],
  ['metrics', metrics.sum, 'metric', 'name == "requests" and type == METRIC_DATA_TYPE_SUM and is_monotonic == true'],
  [
    'metrics',
    metrics.sum,
    'metric',
    'aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE and Len(data_points) == 1',
  ],
  [
    'metrics',
    metrics.sum,
    'datapoint',
    'value_int == 5 and value_double == 0.0 and count == nil and metric.name == "requests"',
  ],
  ['metrics', metrics.sum, 'datapoint', 'attributes["s"] == "Hello" and flags == FLAG_NONE'],
  [
    'metrics',
    metrics.histogram,
    'datapoint',
    'count == 3 and sum == 4.5 and bucket_counts == [1, 2] and explicit_bounds == [0.5]',
  ],
  ['metrics', metrics.histogram, 'datapoint', 'value_int == nil and attributes["s"] == "Hello" and scale == nil'],
  [
    'metrics',
    metrics.exponential,
    'datapoint',
    'scale == -2 and zero_count == 1 and positive.offset == -3 and positive.bucket_counts == [4, 5]',
  ],
  ['metrics', metrics.exponential, 'datapoint', 'attributes["seven"] == 7 and negative.bucket_counts == []'],
];
test.each(elsewhere)('of %s: %#', (signal, record, context, condition) => {
  check(sceneOf(signal, record), context, condition, true);
});

const refused: [Context, string, string, string, string?][] = [
  ['span', 'nme == "a"', 'nme', 'span has no field nme', 'name'],
  ['span', 'attribute["a"] == 1', 'attribute["a"]', 'has no field', 'attributes'],
  ['span', 'status.cod == 1', 'cod', 'span.status has no field cod', 'code'],
  ['span', 'name.x == 1', 'x', 'nothing follows it'],
  ['span', 'name["x"] == 1', '"x"', 'cannot be indexed'],
  ['span', 'attributes["a"].b == 1', 'b', 'nothing may follow the keys'],
  ['span', 'log.body == "a"', 'log', 'cannot be reached from here'],
  ['span', 'otelcol.client.addr == "a"', 'otelcol', 'not supported'],
  ['span', 'kind == SPAN_KIND_SEVER', 'SPAN_KIND_SEVER', 'knows no', 'SPAN_KIND_SERVER'],
  ['span', 'resource.cache["a"] == 1', 'cache["a"]', 'cannot be reached'],
  ['span', 'IsMach(name, "a")', 'IsMach', 'unknown function', 'IsMatch'],
  ['span', 'ParseXML(name) == 1', 'ParseXML', 'not supported: XML'],
  ['span', 'IsMatch(name)', 'IsMatch', 'pattern is missing'],
  ['span', 'IsMatch(name, "a", "b")', '"b"', 'too many arguments'],
  ['span', 'IsMatch(name, patern = "a")', 'patern = "a"', 'no parameter patern', 'pattern'],
  ['span', 'IsMatch(name, target = "a")', 'target = "a"', 'given twice'],
  ['span', 'IsMatch(name, "(")', '"("', 'not closed'],
  ['span', 'IsMatch(name, 5)', '5', 'expected string, got int64'],
  ['span', 'TraceID(0x01) == trace_id', '0x01', 'expected 16 bytes'],
  ['span', 'name == IsMatch', 'IsMatch', 'is a converter'],
  ['log', 'IsRootSpan()', 'IsRootSpan', 'unknown function'],
];
test.each(refused)('in %s, %s is refused', (context, condition, place, message, suggestion) => {
  const compiled = compileCondition(condition, context);
  if (compiled.ok) throw new Error('accepted');
  const { problem } = compiled;
  expect(problem.message).toContain(message);
  expect(condition.slice(problem.at, problem.at + problem.length)).toBe(place);
  expect(problem.suggestion).toBe(suggestion);
});
