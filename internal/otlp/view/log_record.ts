import { Cursor } from './cursor.ts';
import { AnyValue, Attributes } from './value.ts';

/**
 *   message LogRecord {
 *     fixed64 time_unix_nano = 1; fixed64 observed_time_unix_nano = 11; SeverityNumber severity_number = 2;
 *     string severity_text = 3; AnyValue body = 5; repeated KeyValue attributes = 6;
 *     uint32 dropped_attributes_count = 7; fixed32 flags = 8; bytes trace_id = 9; bytes span_id = 10;
 *     string event_name = 12;
 *   }
 *
 * Source: opentelemetry/proto/logs/v1/logs.proto
 */
export class LogRecord extends Cursor {
  readonly #attributes = new Attributes();
  readonly #body = new AnyValue();

  constructor() {
    super('LogRecord');
  }

  get timeUnixNano(): bigint {
    return this.raw.fixed64(1);
  }
  /** 1 to 24; 9 to 12 are info, 17 to 20 error. */
  get severityNumber(): number {
    return this.raw.int32(2);
  }
  get severityText(): string {
    return this.raw.text(3);
  }
  get body(): AnyValue {
    return this.raw.nested(5, this.#body);
  }
  get attributes(): Attributes {
    return this.raw.searched(6, this.#attributes);
  }
  get droppedAttributesCount(): number {
    return this.raw.uint32(7);
  }
  get flags(): number {
    return this.raw.fixed32(8);
  }
  get traceId(): Uint8Array {
    return this.raw.bytes(9);
  }
  get spanId(): Uint8Array {
    return this.raw.bytes(10);
  }
  get observedTimeUnixNano(): bigint {
    return this.raw.fixed64(11);
  }
  get eventName(): string {
    return this.raw.text(12);
  }
}
