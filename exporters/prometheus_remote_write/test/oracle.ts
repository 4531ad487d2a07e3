import protobuf from 'protobufjs';

/** protobufjs reading remote write's messages: what the builders are held against. Sources: types.proto and remote.proto of Prometheus. */
const version1 = `
syntax = "proto3";
package v1;
message WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }
message MetricMetadata {
  enum MetricType { UNKNOWN = 0; COUNTER = 1; GAUGE = 2; HISTOGRAM = 3; GAUGEHISTOGRAM = 4; SUMMARY = 5; INFO = 6; STATESET = 7; }
  MetricType type = 1; string metric_family_name = 2; string help = 4; string unit = 5;
}
message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; repeated Histogram histograms = 4; }
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; }
message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
message Histogram {
  oneof count { uint64 count_int = 1; double count_float = 2; }
  double sum = 3; sint32 schema = 4; double zero_threshold = 5;
  oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
  repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9; repeated double negative_counts = 10;
  repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12; repeated double positive_counts = 13;
  int32 reset_hint = 14; int64 timestamp = 15; repeated double custom_values = 16;
}
message BucketSpan { sint32 offset = 1; uint32 length = 2; }
`;

const version2 = `
syntax = "proto3";
package v2;
message Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }
message TimeSeries {
  repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3; repeated Exemplar exemplars = 4; Metadata metadata = 5;
}
message Exemplar { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
message Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }
message Metadata {
  enum MetricType { UNKNOWN = 0; COUNTER = 1; GAUGE = 2; HISTOGRAM = 3; GAUGEHISTOGRAM = 4; SUMMARY = 5; INFO = 6; STATESET = 7; }
  MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref = 4;
}
message Histogram {
  oneof count { uint64 count_int = 1; double count_float = 2; }
  double sum = 3; sint32 schema = 4; double zero_threshold = 5;
  oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
  repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9; repeated double negative_counts = 10;
  repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12; repeated double positive_counts = 13;
  int32 reset_hint = 14; int64 timestamp = 15; repeated double custom_values = 16; int64 start_timestamp = 17;
}
message BucketSpan { sint32 offset = 1; uint32 length = 2; }
`;

export interface ReadSeries {
  /** `name{a="b",…}`, labels in the order in which they lie in the message. */
  readonly series: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly { value: number; timestamp: number; start: number; stale: boolean }[];
  readonly histograms: readonly Record<string, unknown>[];
  readonly exemplars: readonly { labels: Record<string, string>; value: number; timestamp: number }[];
  readonly metadata?: { type: string; help: string; unit: string };
}

export interface ReadRequest {
  readonly series: readonly ReadSeries[];
  readonly metadata: readonly { type: string; name: string; help: string; unit: string }[];
  readonly symbols: readonly string[];
}

export function readMessage(version: 1 | 2, message: Uint8Array): ReadRequest {
  return version === 1 ? readV1(message) : readV2(message);
}

type Any = any;

function decode(source: string, name: string, message: Uint8Array): Any {
  const type = protobuf.parse(source, { keepCase: true }).root.lookupType(name);
  return type.toObject(type.decode(message), { longs: Number, enums: String, defaults: true, arrays: true });
}

function readV1(message: Uint8Array): ReadRequest {
  const request = decode(version1, 'v1.WriteRequest', message);
  const pairs = (labels: Any[]) => labels.map(({ name, value }) => [name, value] as [string, string]);
  return {
    symbols: [],
    metadata: request.metadata.map(({ type, metric_family_name, help, unit }: Any) => ({
      type: type.toLowerCase(),
      name: metric_family_name,
      help,
      unit,
    })),
    series: request.timeseries.map((series: Any) =>
      seriesOf(series, pairs(series.labels), (each) => pairs(each.labels)),
    ),
  };
}

function readV2(message: Uint8Array): ReadRequest {
  const request = decode(version2, 'v2.Request', message);
  const symbols: string[] = request.symbols;
  const pairs = (refs: number[]) =>
    Array.from(
      { length: refs.length / 2 },
      (_, i) => [symbols[refs[2 * i]!]!, symbols[refs[2 * i + 1]!]!] as [string, string],
    );
  return {
    symbols,
    metadata: [],
    series: request.timeseries.map((series: Any) => ({
      ...seriesOf(series, pairs(series.labels_refs), (each) => pairs(each.labels_refs)),
      metadata: {
        type: series.metadata.type.toLowerCase(),
        help: symbols[series.metadata.help_ref],
        unit: symbols[series.metadata.unit_ref],
      },
    })),
  };
}

function seriesOf(
  series: Any,
  labels: [string, string][],
  exemplarLabels: (exemplar: Any) => [string, string][],
): ReadSeries {
  const name = labels.find(([key]) => key === '__name__')?.[1] ?? '';
  const rest = labels.filter(([key]) => key !== '__name__').map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return {
    series: `${name}{${rest.join(',')}}`,
    labels: Object.fromEntries(labels),
    samples: series.samples.map(({ value, timestamp, start_timestamp = 0 }: Any) => ({
      value,
      timestamp,
      start: start_timestamp,
      stale: isStale(value),
    })),
    histograms: series.histograms,
    exemplars: series.exemplars.map((each: Any) => ({
      labels: Object.fromEntries(exemplarLabels(each)),
      value: each.value,
      timestamp: each.timestamp,
    })),
  };
}

export function isStale(value: number): boolean {
  const bits = Buffer.alloc(8);
  bits.writeDoubleLE(value);
  return bits.readBigUInt64LE() === 0x7ff0_0000_0000_0002n || bits.readBigUInt64LE() === 0x7ff8_0000_0000_0002n;
}
