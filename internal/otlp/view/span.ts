import { Cursor, Messages } from './cursor.ts';
import { Attributes } from './value.ts';

/**
 *   message Span {
 *     bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; fixed32 flags = 16;
 *     string name = 5; SpanKind kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8;
 *     repeated KeyValue attributes = 9; uint32 dropped_attributes_count = 10;
 *     repeated Event events = 11; uint32 dropped_events_count = 12;
 *     repeated Link links = 13; uint32 dropped_links_count = 14; Status status = 15;
 *   }
 *
 * Source: opentelemetry/proto/trace/v1/trace.proto
 */
export class Span extends Cursor {
  readonly #attributes = new Attributes();
  #events: Messages<Event> | undefined;
  #links: Messages<Link> | undefined;
  #status: Status | undefined;

  constructor() {
    super('Span');
  }

  get traceId(): Uint8Array {
    return this.raw.bytes(1);
  }
  get spanId(): Uint8Array {
    return this.raw.bytes(2);
  }
  get traceState(): string {
    return this.raw.text(3);
  }
  get parentSpanId(): Uint8Array {
    return this.raw.bytes(4);
  }
  get name(): string {
    return this.raw.text(5);
  }
  /** 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  get kind(): number {
    return this.raw.int32(6);
  }
  get startTimeUnixNano(): bigint {
    return this.raw.fixed64(7);
  }
  get endTimeUnixNano(): bigint {
    return this.raw.fixed64(8);
  }
  /** Nanoseconds since 1970 rounded to 256: cheaper than a bigint, fine for durations of milliseconds. */
  get startTimeRounded(): number {
    return this.raw.fixed64Number(7);
  }
  get endTimeRounded(): number {
    return this.raw.fixed64Number(8);
  }
  get attributes(): Attributes {
    return this.raw.searched(9, this.#attributes);
  }
  get droppedAttributesCount(): number {
    return this.raw.uint32(10);
  }
  get events(): Messages<Event> {
    return this.raw.list(11, (this.#events ??= new Messages(new Event())));
  }
  get droppedEventsCount(): number {
    return this.raw.uint32(12);
  }
  get links(): Messages<Link> {
    return this.raw.list(13, (this.#links ??= new Messages(new Link())));
  }
  get droppedLinksCount(): number {
    return this.raw.uint32(14);
  }
  get status(): Status {
    return this.raw.nested(15, (this.#status ??= new Status()));
  }
  get flags(): number {
    return this.raw.fixed32(16);
  }
}

/** `message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4; }` */
export class Event extends Cursor {
  readonly #attributes = new Attributes();

  constructor() {
    super('Event');
  }

  get timeUnixNano(): bigint {
    return this.raw.fixed64(1);
  }
  get name(): string {
    return this.raw.text(2);
  }
  get attributes(): Attributes {
    return this.raw.list(3, this.#attributes);
  }
  get droppedAttributesCount(): number {
    return this.raw.uint32(4);
  }
}

/**
 *   message Link {
 *     bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4;
 *     uint32 dropped_attributes_count = 5; fixed32 flags = 6;
 *   }
 */
export class Link extends Cursor {
  readonly #attributes = new Attributes();

  constructor() {
    super('Link');
  }

  get traceId(): Uint8Array {
    return this.raw.bytes(1);
  }
  get spanId(): Uint8Array {
    return this.raw.bytes(2);
  }
  get traceState(): string {
    return this.raw.text(3);
  }
  get attributes(): Attributes {
    return this.raw.list(4, this.#attributes);
  }
  get droppedAttributesCount(): number {
    return this.raw.uint32(5);
  }
  get flags(): number {
    return this.raw.fixed32(6);
  }
}

/** `message Status { string message = 2; StatusCode code = 3; }` */
export class Status extends Cursor {
  constructor() {
    super('Status');
  }

  get message(): string {
    return this.raw.text(2);
  }
  /** 0 unset, 1 ok, 2 error. */
  get code(): number {
    return this.raw.int32(3);
  }
}
