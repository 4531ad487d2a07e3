import { Cursor, Messages } from './cursor.ts';
import { Attributes } from './value.ts';

// Source of all messages here: opentelemetry/proto/metrics/v1/metrics.proto

/** What the four kinds of data points share: times have the same field numbers everywhere, the rest is told. */
export abstract class DataPoint extends Cursor {
  readonly #attributes = new Attributes();

  abstract get attributes(): Attributes;
  /** The number of the field that holds the attributes: it differs from kind to kind. */
  abstract get attributesField(): number;
  abstract get flags(): number;

  get startTimeUnixNano(): bigint {
    return this.raw.fixed64(2);
  }
  get timeUnixNano(): bigint {
    return this.raw.fixed64(3);
  }
  /** Nanoseconds since 1970 rounded to 256. */
  get timeRounded(): number {
    return this.raw.fixed64Number(3);
  }
  /** Flag 1: the series has ended, and the values mean nothing. */
  get noRecordedValue(): boolean {
    return (this.flags & 1) === 1;
  }
  protected attributesIn(field: number): Attributes {
    return this.raw.list(field, this.#attributes);
  }
}

const numberMembers = [4, 6];

/**
 *   message NumberDataPoint {
 *     repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
 *     oneof value { double as_double = 4; sfixed64 as_int = 6; }
 *     repeated Exemplar exemplars = 5; uint32 flags = 8;
 *   }
 */
export class NumberPoint extends DataPoint {
  #exemplars: Messages<Exemplar> | undefined;

  constructor() {
    super('NumberDataPoint');
  }

  get attributes(): Attributes {
    return this.attributesIn(7);
  }
  get attributesField(): number {
    return 7;
  }
  /** The value: a bigint for `as_int`, undefined for none. */
  get value(): number | bigint | undefined {
    const member = this.raw.winner(numberMembers);
    return member === 4 ? this.raw.double(4) : member === 6 ? this.raw.sfixed64(6) : undefined;
  }
  get exemplars(): Messages<Exemplar> {
    return this.raw.list(5, (this.#exemplars ??= new Messages(new Exemplar())));
  }
  get flags(): number {
    return this.raw.uint32(8);
  }
}

/**
 *   message HistogramDataPoint {
 *     repeated KeyValue attributes = 9; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
 *     optional double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7;
 *     repeated Exemplar exemplars = 8; uint32 flags = 10; optional double min = 11; optional double max = 12;
 *   }
 */
export class HistogramPoint extends DataPoint {
  #exemplars: Messages<Exemplar> | undefined;

  constructor() {
    super('HistogramDataPoint');
  }

  get attributes(): Attributes {
    return this.attributesIn(9);
  }
  get attributesField(): number {
    return 9;
  }
  get count(): bigint {
    return this.raw.fixed64(4);
  }
  get sum(): number | undefined {
    return this.raw.has(5) ? this.raw.double(5) : undefined;
  }
  get bucketCounts(): bigint[] {
    return this.raw.fixed64s(6);
  }
  get explicitBounds(): number[] {
    return this.raw.doubles(7);
  }
  get exemplars(): Messages<Exemplar> {
    return this.raw.list(8, (this.#exemplars ??= new Messages(new Exemplar())));
  }
  get flags(): number {
    return this.raw.uint32(10);
  }
  get min(): number | undefined {
    return this.raw.has(11) ? this.raw.double(11) : undefined;
  }
  get max(): number | undefined {
    return this.raw.has(12) ? this.raw.double(12) : undefined;
  }
}

/**
 *   message ExponentialHistogramDataPoint {
 *     repeated KeyValue attributes = 1; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
 *     optional double sum = 5; sint32 scale = 6; fixed64 zero_count = 7; Buckets positive = 8; Buckets negative = 9;
 *     uint32 flags = 10; repeated Exemplar exemplars = 11; optional double min = 12; optional double max = 13;
 *     double zero_threshold = 14;
 *   }
 */
export class ExponentialHistogramPoint extends DataPoint {
  #exemplars: Messages<Exemplar> | undefined;
  #positive: Buckets | undefined;
  #negative: Buckets | undefined;

  constructor() {
    super('ExponentialHistogramDataPoint');
  }

  get attributes(): Attributes {
    return this.attributesIn(1);
  }
  get attributesField(): number {
    return 1;
  }
  get count(): bigint {
    return this.raw.fixed64(4);
  }
  get sum(): number | undefined {
    return this.raw.has(5) ? this.raw.double(5) : undefined;
  }
  get scale(): number {
    return this.raw.sint32(6);
  }
  get zeroCount(): bigint {
    return this.raw.fixed64(7);
  }
  get positive(): Buckets {
    return this.raw.nested(8, (this.#positive ??= new Buckets()));
  }
  get negative(): Buckets {
    return this.raw.nested(9, (this.#negative ??= new Buckets()));
  }
  get flags(): number {
    return this.raw.uint32(10);
  }
  get exemplars(): Messages<Exemplar> {
    return this.raw.list(11, (this.#exemplars ??= new Messages(new Exemplar())));
  }
  get min(): number | undefined {
    return this.raw.has(12) ? this.raw.double(12) : undefined;
  }
  get max(): number | undefined {
    return this.raw.has(13) ? this.raw.double(13) : undefined;
  }
  get zeroThreshold(): number {
    return this.raw.double(14);
  }
}

/** `message Buckets { sint32 offset = 1; repeated uint64 bucket_counts = 2; }` */
export class Buckets extends Cursor {
  constructor() {
    super('Buckets');
  }

  get offset(): number {
    return this.raw.sint32(1);
  }
  get bucketCounts(): bigint[] {
    return this.raw.uint64s(2);
  }
}

/**
 *   message SummaryDataPoint {
 *     repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3; fixed64 count = 4;
 *     double sum = 5; repeated ValueAtQuantile quantile_values = 6; uint32 flags = 8;
 *   }
 */
export class SummaryPoint extends DataPoint {
  #quantiles: Messages<ValueAtQuantile> | undefined;

  constructor() {
    super('SummaryDataPoint');
  }

  get attributes(): Attributes {
    return this.attributesIn(7);
  }
  get attributesField(): number {
    return 7;
  }
  get count(): bigint {
    return this.raw.fixed64(4);
  }
  get sum(): number {
    return this.raw.double(5);
  }
  get quantileValues(): Messages<ValueAtQuantile> {
    return this.raw.list(6, (this.#quantiles ??= new Messages(new ValueAtQuantile())));
  }
  get flags(): number {
    return this.raw.uint32(8);
  }
}

/** `message ValueAtQuantile { double quantile = 1; double value = 2; }` */
export class ValueAtQuantile extends Cursor {
  constructor() {
    super('ValueAtQuantile');
  }

  get quantile(): number {
    return this.raw.double(1);
  }
  get value(): number {
    return this.raw.double(2);
  }
}

const exemplarMembers = [3, 6];

/**
 *   message Exemplar {
 *     repeated KeyValue filtered_attributes = 7; fixed64 time_unix_nano = 2;
 *     oneof value { double as_double = 3; sfixed64 as_int = 6; }
 *     bytes span_id = 4; bytes trace_id = 5;
 *   }
 */
export class Exemplar extends Cursor {
  readonly #filtered = new Attributes();

  constructor() {
    super('Exemplar');
  }

  get filteredAttributes(): Attributes {
    return this.raw.list(7, this.#filtered);
  }
  get timeUnixNano(): bigint {
    return this.raw.fixed64(2);
  }
  /** The value: a bigint for `as_int`, undefined for none. */
  get value(): number | bigint | undefined {
    const member = this.raw.winner(exemplarMembers);
    return member === 3 ? this.raw.double(3) : member === 6 ? this.raw.sfixed64(6) : undefined;
  }
  get spanId(): Uint8Array {
    return this.raw.bytes(4);
  }
  get traceId(): Uint8Array {
    return this.raw.bytes(5);
  }
}
