import type { Signal } from './payload.ts';
import { FIXED32, FIXED64, LEN, VARINT } from './wire.ts';

/**
 * The OTLP messages, by name: the one declaration behind checking, views and JSON.
 * A test holds it against the .proto files in `proto/`, opentelemetry-proto 1.11.
 */
export type Scalar =
  | 'string'
  | 'bytes'
  | 'traceId' // bytes: empty or 16
  | 'spanId' // bytes: empty or 8
  | 'bool'
  | 'int32' // enums too
  | 'uint32'
  | 'sint32'
  | 'int64'
  | 'uint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed64'
  | 'double';

export interface Field {
  readonly number: number;
  /** lowerCamelCase, as in JSON. */
  readonly name: string;
  readonly type: Scalar | MessageName;
  readonly repeated: boolean;
  /** A member of a oneof, or `optional`: its default value is told from its absence. */
  readonly presence: boolean;
  /** The name of the oneof it belongs to. */
  readonly oneof: string | undefined;
}

export interface Message {
  readonly name: MessageName;
  readonly index: number;
  /** By ascending number. */
  readonly fields: readonly Field[];
}

// `number name type`; `*` after the type: repeated, `?`: optional, `|oneof`: member of that oneof.
const declarations = {
  TracesRequest: '1 resourceSpans ResourceSpans*',
  ResourceSpans: '1 resource Resource, 2 scopeSpans ScopeSpans*, 3 schemaUrl string',
  ScopeSpans: '1 scope InstrumentationScope, 2 spans Span*, 3 schemaUrl string',
  Event: '1 timeUnixNano fixed64, 2 name string, 3 attributes KeyValue*, 4 droppedAttributesCount uint32',
  Link: '1 traceId traceId, 2 spanId spanId, 3 traceState string, 4 attributes KeyValue*, 5 droppedAttributesCount uint32, 6 flags fixed32',
  Status: '2 message string, 3 code int32',
  MetricsRequest: '1 resourceMetrics ResourceMetrics*',
  ResourceMetrics: '1 resource Resource, 2 scopeMetrics ScopeMetrics*, 3 schemaUrl string',
  ScopeMetrics: '1 scope InstrumentationScope, 2 metrics Metric*, 3 schemaUrl string',
  Metric:
    '1 name string, 2 description string, 3 unit string, 5 gauge Gauge|data, 7 sum Sum|data, 9 histogram Histogram|data, 10 exponentialHistogram ExponentialHistogram|data, 11 summary Summary|data, 12 metadata KeyValue*',
  Gauge: '1 dataPoints NumberDataPoint*',
  Sum: '1 dataPoints NumberDataPoint*, 2 aggregationTemporality int32, 3 isMonotonic bool',
  Histogram: '1 dataPoints HistogramDataPoint*, 2 aggregationTemporality int32',
  ExponentialHistogram: '1 dataPoints ExponentialHistogramDataPoint*, 2 aggregationTemporality int32',
  Summary: '1 dataPoints SummaryDataPoint*',
  Buckets: '1 offset sint32, 2 bucketCounts uint64*',
  ValueAtQuantile: '1 quantile double, 2 value double',
  Exemplar:
    '2 timeUnixNano fixed64, 3 asDouble double|value, 4 spanId spanId, 5 traceId traceId, 6 asInt sfixed64|value, 7 filteredAttributes KeyValue*',
  LogsRequest: '1 resourceLogs ResourceLogs*',
  ResourceLogs: '1 resource Resource, 2 scopeLogs ScopeLogs*, 3 schemaUrl string',
  ScopeLogs: '1 scope InstrumentationScope, 2 logRecords LogRecord*, 3 schemaUrl string',
  Resource: '1 attributes KeyValue*, 2 droppedAttributesCount uint32, 3 entityRefs EntityRef*',
  EntityRef: '1 schemaUrl string, 2 type string, 3 idKeys string*, 4 descriptionKeys string*',
  InstrumentationScope: '1 name string, 2 version string, 3 attributes KeyValue*, 4 droppedAttributesCount uint32',
  KeyValue: '1 key string, 2 value AnyValue, 3 keyStrindex int32',
  AnyValue:
    '1 stringValue string|value, 2 boolValue bool|value, 3 intValue int64|value, 4 doubleValue double|value, 5 arrayValue ArrayValue|value, 6 kvlistValue KeyValueList|value, 7 bytesValue bytes|value, 8 stringValueStrindex int32|value',
  ArrayValue: '1 values AnyValue*',
  KeyValueList: '1 values KeyValue*',
  // Items, the messages that are counted, stand last.
  Span: '1 traceId traceId, 2 spanId spanId, 3 traceState string, 4 parentSpanId spanId, 5 name string, 6 kind int32, 7 startTimeUnixNano fixed64, 8 endTimeUnixNano fixed64, 9 attributes KeyValue*, 10 droppedAttributesCount uint32, 11 events Event*, 12 droppedEventsCount uint32, 13 links Link*, 14 droppedLinksCount uint32, 15 status Status, 16 flags fixed32',
  LogRecord:
    '1 timeUnixNano fixed64, 2 severityNumber int32, 3 severityText string, 5 body AnyValue, 6 attributes KeyValue*, 7 droppedAttributesCount uint32, 8 flags fixed32, 9 traceId traceId, 10 spanId spanId, 11 observedTimeUnixNano fixed64, 12 eventName string',
  NumberDataPoint:
    '2 startTimeUnixNano fixed64, 3 timeUnixNano fixed64, 4 asDouble double|value, 5 exemplars Exemplar*, 6 asInt sfixed64|value, 7 attributes KeyValue*, 8 flags uint32',
  HistogramDataPoint:
    '2 startTimeUnixNano fixed64, 3 timeUnixNano fixed64, 4 count fixed64, 5 sum double?, 6 bucketCounts fixed64*, 7 explicitBounds double*, 8 exemplars Exemplar*, 9 attributes KeyValue*, 10 flags uint32, 11 min double?, 12 max double?',
  ExponentialHistogramDataPoint:
    '1 attributes KeyValue*, 2 startTimeUnixNano fixed64, 3 timeUnixNano fixed64, 4 count fixed64, 5 sum double?, 6 scale sint32, 7 zeroCount fixed64, 8 positive Buckets, 9 negative Buckets, 10 flags uint32, 11 exemplars Exemplar*, 12 min double?, 13 max double?, 14 zeroThreshold double',
  SummaryDataPoint:
    '2 startTimeUnixNano fixed64, 3 timeUnixNano fixed64, 4 count fixed64, 5 sum double, 6 quantileValues ValueAtQuantile*, 7 attributes KeyValue*, 8 flags uint32',
};

export type MessageName = keyof typeof declarations;

export const messages: readonly Message[] = Object.entries(declarations).map(([name, declaration], index) => ({
  name: name as MessageName,
  index,
  fields: declaration.split(', ').map(parseField),
}));

const byName = new Map(messages.map((message) => [message.name, message]));

export function messageNamed(name: MessageName): Message {
  return byName.get(name)!;
}

export function isMessage(type: Field['type']): type is MessageName {
  return byName.has(type as MessageName);
}

function parseField(text: string): Field {
  const [number, name, rest] = text.split(' ') as [string, string, string];
  const [, type, mark, oneof] = /^(\w+)([*?]?)(?:\|(\w+))?$/.exec(rest)!;
  return {
    number: Number(number),
    name,
    type: type as Field['type'],
    repeated: mark === '*',
    presence: mark === '?' || oneof !== undefined,
    oneof,
  };
}

export function requestOf(signal: Signal): Message {
  return messageNamed(signal === 'traces' ? 'TracesRequest' : signal === 'metrics' ? 'MetricsRequest' : 'LogsRequest');
}

/** From this index on a message is an item: span, log record or data point. */
export const FIRST_ITEM = messageNamed('Span').index;

// What a tag means inside a message. Kinds from KIND_STRING on are length-delimited.
export const KIND_UNKNOWN = 0;
export const KIND_VARINT = 1;
export const KIND_FIXED64 = 2;
export const KIND_FIXED32 = 3;
/** A known field with a wire type that is not its own. */
export const KIND_MISTYPED = 4;
/** Field number 0, a stray end of a group, or wire types 6 and 7. */
export const KIND_INVALID = 5;
export const KIND_STRING = 8;
export const KIND_BYTES = 9;
export const KIND_TRACE_ID = 10;
export const KIND_SPAN_ID = 11;
export const KIND_PACKED_FIXED64 = 12;
export const KIND_PACKED_VARINT = 13;
/** KIND_MESSAGE + n: a message of index n. */
export const KIND_MESSAGE = 16;

/** Tags that `kinds` knows for each message: fields up to 31. */
export const TAGS = 256;

/** The kind of tag `t` in message `m`, at `m * TAGS + t`. */
export const kinds: Uint8Array = buildKinds();

function buildKinds(): Uint8Array {
  const table = new Uint8Array(messages.length * TAGS);
  for (const message of messages) {
    const row = table.subarray(message.index * TAGS, (message.index + 1) * TAGS);
    for (let tag = 0; tag < TAGS; tag++) {
      const wire = tag & 7;
      if (tag < 8 || wire === 4 || wire > FIXED32) row[tag] = KIND_INVALID;
    }
    for (const field of message.fields) {
      const tag = field.number << 3;
      for (let wire = 0; wire <= FIXED32; wire++) if (wire !== 4) row[tag | wire] = KIND_MISTYPED;
      row[tag | wireOf(field.type)] = kindOf(field.type);
      if (field.repeated && wireOf(field.type) !== LEN) row[tag | LEN] = packedKindOf(field.type);
    }
  }
  return table;
}

export function wireOf(type: Field['type']): number {
  switch (type) {
    case 'bool':
    case 'int32':
    case 'uint32':
    case 'sint32':
    case 'int64':
    case 'uint64':
      return VARINT;
    case 'fixed64':
    case 'sfixed64':
    case 'double':
      return FIXED64;
    case 'fixed32':
      return FIXED32;
    default:
      return LEN;
  }
}

function kindOf(type: Field['type']): number {
  switch (wireOf(type)) {
    case VARINT:
      return KIND_VARINT;
    case FIXED64:
      return KIND_FIXED64;
    case FIXED32:
      return KIND_FIXED32;
  }
  if (type === 'string') return KIND_STRING;
  if (type === 'bytes') return KIND_BYTES;
  if (type === 'traceId') return KIND_TRACE_ID;
  if (type === 'spanId') return KIND_SPAN_ID;
  return KIND_MESSAGE + messageNamed(type as MessageName).index;
}

function packedKindOf(type: Field['type']): number {
  return wireOf(type) === VARINT ? KIND_PACKED_VARINT : KIND_PACKED_FIXED64;
}
