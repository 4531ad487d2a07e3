import { ExponentialHistogramPoint, HistogramPoint, NumberPoint } from '../otlp/view/point.ts';
import type { Writer } from '../otlp/writer.ts';
import {
  type Accessor,
  expectDouble,
  expectInt,
  type FieldOf,
  messages,
  mistyped,
  nanos,
  text,
  time,
  varint,
} from './accessors.ts';
import { attributes } from './keyed.ts';
import { attributesIn, type Leaves, leaf } from './paths_common.ts';
import { inside, onScene, type Place } from './place.ts';
import type { Scene } from './scene.ts';
import { fail, typeName, type Value } from './values.ts';

const metric = onScene((scene) => scene.metric);
const data: Readonly<Record<number, Place>> = Object.fromEntries(
  [5, 7, 9, 10, 11].map((field) => [field, inside(metric, field, (scene) => scene.metric.data!)]),
);
/** Upstream's METRIC_DATA_TYPE_ numbers by the field that holds the data. */
const types: Readonly<Record<number, bigint>> = { 5: 1n, 7: 2n, 9: 3n, 10: 4n, 11: 5n };
const withTemporality = [7, 9, 10];

const temporality: Accessor = {
  get({ metric }) {
    return withTemporality.includes(metric.dataField) ? BigInt(metric.data!.aggregationTemporality) : undefined;
  },
  set(scene, value) {
    const wanted = expectInt(value);
    const { dataField } = scene.metric;
    if (withTemporality.includes(dataField)) varint(data[dataField]!, 2, true).set!(scene, wanted);
  },
};

const monotonic: Accessor = {
  get: ({ metric }) => (metric.dataField === 7 ? metric.sum.isMonotonic : undefined),
  set(scene, value) {
    if (typeof value !== 'boolean') mistyped('bool', value);
    if (scene.metric.dataField === 7) varint(data[7]!, 3, false).set!(scene, value ? 1n : 0n);
  },
};

const pointTypes: Readonly<Record<number, string>> = {
  5: 'number data points',
  7: 'number data points',
  9: 'histogram data points',
  10: 'exponential histogram data points',
  11: 'summary data points',
};

const dataPoints: Accessor = {
  get(scene) {
    const { dataField } = scene.metric;
    return dataField === 0 ? undefined : messages(data[dataField]!, 1, pointTypes[dataField]!, true).get(scene);
  },
  set(scene, value) {
    const { dataField } = scene.metric;
    if (dataField !== 0) messages(data[dataField]!, 1, pointTypes[dataField]!, true).set!(scene, value);
  },
};

export const metricPaths: Leaves = {
  name: leaf(text(metric, 1)),
  description: leaf(text(metric, 2)),
  unit: leaf(text(metric, 3)),
  // Upstream accepts a new type and leaves it as it is.
  type: leaf({ get: ({ metric }) => types[metric.dataField] ?? 0n, set() {} }),
  aggregation_temporality: leaf(temporality),
  is_monotonic: leaf(monotonic),
  data_points: leaf(dataPoints),
  metadata: attributesIn(metric, (scene) => scene.metric.metadata, 12),
};

const point = onScene((scene) => scene.point);

type Kind = 'number' | 'histogram' | 'exponential' | 'summary';

function kindOf(scene: Scene): Kind {
  if (scene.point instanceof NumberPoint) return 'number';
  if (scene.point instanceof HistogramPoint) return 'histogram';
  return scene.point instanceof ExponentialHistogramPoint ? 'exponential' : 'summary';
}

/** A field whose number hangs on the kind of point; 0 for the kinds that have none. */
function fieldBy(numbers: Readonly<Partial<Record<Kind, number>>>): (scene: Scene) => number {
  return (scene) => numbers[kindOf(scene)] ?? 0;
}

function fieldFor(scene: Scene, fieldOf: (scene: Scene) => number): number {
  const field = fieldOf(scene);
  return field === 0 ? fail(`a ${kindOf(scene)} data point has no such field`) : field;
}

const attributesField = fieldBy({ number: 7, histogram: 9, exponential: 1, summary: 7 });

/** as_double and as_int exclude each other; the other one reads as zero. */
function numberValue(field: 4 | 6): Accessor {
  const write = (scene: Scene, insert: Writer) => {
    if (!(scene.point instanceof NumberPoint)) fail(`a ${kindOf(scene)} data point has no such field`);
    point.replace(scene, field === 4 ? 6 : 4, undefined);
    point.replace(scene, field, insert);
  };
  return {
    get({ point }) {
      if (!(point instanceof NumberPoint)) return undefined;
      const { value } = point;
      if (field === 4) return typeof value === 'number' ? value : 0;
      return typeof value === 'bigint' ? value : 0n;
    },
    set(scene, value) {
      if (field === 4) {
        const wanted = expectDouble(value);
        write(
          scene,
          scene.write((out) => out.double(4, wanted)),
        );
      } else {
        const wanted = expectInt(value);
        write(
          scene,
          scene.write((out) => out.fixed64(6, wanted)),
        );
      }
    },
  };
}

function fixed64(fieldOf: (scene: Scene) => number): Accessor {
  return {
    get(scene) {
      const field = fieldOf(scene);
      return field === 0 ? undefined : BigInt.asIntN(64, scene.point.raw.fixed64(field));
    },
    set(scene, value) {
      const wanted = expectInt(value);
      const field = fieldFor(scene, fieldOf);
      point.replace(
        scene,
        field,
        scene.write((out) => out.fixed64(field, wanted)),
      );
    },
  };
}

function double(fieldOf: (scene: Scene) => number): Accessor {
  return {
    get(scene) {
      const field = fieldOf(scene);
      return field === 0 ? undefined : scene.point.raw.double(field);
    },
    set(scene, value) {
      const wanted = expectDouble(value);
      const field = fieldFor(scene, fieldOf);
      point.replace(
        scene,
        field,
        scene.write((out) => out.double(field, wanted)),
      );
    },
  };
}

function sint32(place: Place, field: number): Accessor {
  const zero = (scene: Scene) => !(scene.point instanceof ExponentialHistogramPoint);
  return {
    get: (scene) => (zero(scene) ? undefined : BigInt(place.at(scene).raw.sint32(field))),
    set(scene, value) {
      const wanted = Number(BigInt.asIntN(32, expectInt(value)));
      if (zero(scene)) fail(`a ${kindOf(scene)} data point has no such field`);
      place.replace(
        scene,
        field,
        scene.write((out) => out.varint(field, ((wanted << 1) ^ (wanted >> 31)) >>> 0)),
      );
    },
  };
}

function listOf<T extends bigint | number>(value: Value, type: 'bigint' | 'number'): readonly T[] {
  if (!Array.isArray(value)) fail(`expected a list, got ${typeName(value)}`);
  for (const one of value) if (typeof one !== type) mistyped(type === 'bigint' ? 'int64' : 'float64', one);
  return value as readonly T[];
}

const bucketCounts: Accessor = {
  get: ({ point }) => (point instanceof HistogramPoint ? point.bucketCounts.map(asInt64) : undefined),
  set(scene, value) {
    if (!(scene.point instanceof HistogramPoint)) fail(`a ${kindOf(scene)} data point has no such field`);
    const counts = listOf<bigint>(value, 'bigint');
    point.replace(
      scene,
      6,
      packed(scene, 6, counts.length, (out) => {
        for (const count of counts) out.packedFixed64(count);
      }),
    );
  },
};

const explicitBounds: Accessor = {
  get: ({ point }) => (point instanceof HistogramPoint ? point.explicitBounds : undefined),
  set(scene, value) {
    if (!(scene.point instanceof HistogramPoint)) fail(`a ${kindOf(scene)} data point has no such field`);
    const bounds = listOf<number>(value, 'number');
    point.replace(
      scene,
      7,
      packed(scene, 7, bounds.length, (out) => {
        for (const bound of bounds) out.packedDouble(bound);
      }),
    );
  },
};

function packed(scene: Scene, field: number, length: number, write: (out: Writer) => void): Writer | undefined {
  if (length === 0) return undefined;
  return scene.write((out) => {
    const start = out.open(field);
    write(out);
    out.close(start);
  });
}

function asInt64(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

const exponential = (scene: Scene) => {
  return scene.point instanceof ExponentialHistogramPoint
    ? scene.point
    : fail('expected an exponential histogram data point');
};

/** `positive` and `negative`. */
function buckets(side: 'positive' | 'negative') {
  const field = side === 'positive' ? 8 : 9;
  const place = inside(point, field, (scene) => exponential(scene)[side]);
  const counts: Accessor = {
    get: ({ point }) => {
      return point instanceof ExponentialHistogramPoint ? point[side].bucketCounts.map(asInt64) : undefined;
    },
    set(scene, value) {
      exponential(scene);
      const wanted = listOf<bigint>(value, 'bigint');
      place.replace(
        scene,
        2,
        packed(scene, 2, wanted.length, (out) => {
          for (const count of wanted) out.packedVarint64(count);
        }),
      );
    },
  };
  return leaf(messages(point, fieldBy({ exponential: field }), 'buckets', false), {
    offset: leaf(sint32(place, 1)),
    bucket_counts: leaf(counts),
  });
}

const flags: FieldOf = fieldBy({ number: 8, histogram: 10, exponential: 10, summary: 8 });

export const pointPaths: Leaves = {
  attributes: attributes(point, (scene) => scene.point.attributes, attributesField),
  start_time_unix_nano: leaf(nanos(point, 2)),
  time_unix_nano: leaf(nanos(point, 3)),
  start_time: leaf(time(point, 2)),
  time: leaf(time(point, 3)),
  value_double: leaf(numberValue(4)),
  value_int: leaf(numberValue(6)),
  exemplars: leaf(messages(point, fieldBy({ number: 5, histogram: 8, exponential: 11 }), 'exemplars', true)),
  flags: leaf(varint(point, flags, false)),
  count: leaf(fixed64(fieldBy({ histogram: 4, exponential: 4, summary: 4 }))),
  sum: leaf(double(fieldBy({ histogram: 5, exponential: 5, summary: 5 }))),
  bucket_counts: leaf(bucketCounts),
  explicit_bounds: leaf(explicitBounds),
  scale: leaf(sint32(point, 6)),
  zero_count: leaf(fixed64(fieldBy({ exponential: 7 }))),
  positive: buckets('positive'),
  negative: buckets('negative'),
  quantile_values: leaf(messages(point, fieldBy({ summary: 6 }), 'quantile values', true)),
};
