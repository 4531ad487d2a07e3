import { Payload } from '../otlp/payload.ts';
import { walkSpans } from '../otlp/view/walk.ts';
import { Writer } from '../otlp/writer.ts';

/** null: an AnyValue without a value. Whole numbers and bigints are ints. */
export type TestValue = string | boolean | number | bigint | null | { readonly double: number } | readonly string[];
export type TestAttributes = Readonly<Record<string, TestValue>>;

export interface TestSpan {
  /** Hex digits, or a number that stands at the end of the id. */
  readonly trace: string | number;
  readonly id?: number;
  /** 0: a root. */
  readonly parent?: number;
  readonly name?: string;
  readonly kind?: number;
  /** Nanoseconds since 1970. */
  readonly start?: bigint;
  readonly end?: bigint;
  /** 0 unset, 1 ok, 2 error. */
  readonly status?: number;
  readonly flags?: number;
  readonly traceState?: string;
  readonly attributes?: TestAttributes;
  readonly events?: readonly { readonly name?: string; readonly attributes?: TestAttributes }[];
}

/** Spans of one resource and one scope. */
export interface TestSpans {
  readonly resource?: TestAttributes;
  readonly scope?: string;
  readonly spans: readonly TestSpan[];
}

/** 2023-11-14T22:13:20Z. */
export const TEST_TIME = 1_700_000_000_000_000_000n;

/** A request with these spans, which say nothing but what is given: a time that is not given is `TEST_TIME`. */
export function tracesOf(...groups: readonly TestSpans[]): Payload {
  const writer = new Writer();
  let items = 0;
  for (const { resource = {}, scope = '', spans } of groups) {
    const group = writer.open(1);
    const described = writer.open(1);
    writeAttributes(writer, 1, resource);
    writer.close(described);
    const scopeGroup = writer.open(2);
    const scoped = writer.open(1);
    if (scope !== '') writer.string(1, scope);
    writer.close(scoped);
    for (const span of spans) writeSpan(writer, span);
    writer.close(scopeGroup);
    writer.close(group);
    items += spans.length;
  }
  const bytes = writer.finish();
  return new Payload('traces', [bytes], items, bytes.length);
}

/** 32 hex digits. */
export function traceIdOf(trace: string | number): string {
  return typeof trace === 'string' ? trace.padStart(32, '0') : trace.toString(16).padStart(32, '0');
}

/** The trace ids of all spans, in order. */
export function traceIdsIn(payload: Payload): string[] {
  const ids: string[] = [];
  const walk = walkSpans(payload);
  while (walk.nextResource()) {
    while (walk.nextScope()) {
      while (walk.nextRecord()) ids.push(Buffer.from(walk.record.traceId).toString('hex'));
    }
  }
  return ids;
}

function writeSpan(writer: Writer, span: TestSpan): void {
  const at = writer.open(2);
  writer.bytes(1, Buffer.from(traceIdOf(span.trace), 'hex'));
  writer.bytes(2, Buffer.from((span.id ?? 1).toString(16).padStart(16, '0'), 'hex'));
  if (span.traceState) writer.string(3, span.traceState);
  if (span.parent) writer.bytes(4, Buffer.from(span.parent.toString(16).padStart(16, '0'), 'hex'));
  if (span.name) writer.string(5, span.name);
  if (span.kind) writer.varint(6, span.kind);
  const { start = TEST_TIME, end = start } = span;
  if (start !== 0n) writer.fixed64(7, start);
  if (end !== 0n) writer.fixed64(8, end);
  writeAttributes(writer, 9, span.attributes ?? {});
  for (const { name, attributes = {} } of span.events ?? []) {
    const event = writer.open(11);
    if (name) writer.string(2, name);
    writeAttributes(writer, 3, attributes);
    writer.close(event);
  }
  if (span.status !== undefined) {
    const status = writer.open(15);
    if (span.status !== 0) writer.varint(3, span.status);
    writer.close(status);
  }
  if (span.flags) writer.fixed32(16, span.flags);
  writer.close(at);
}

function writeAttributes(writer: Writer, field: number, attributes: TestAttributes): void {
  for (const [key, value] of Object.entries(attributes)) {
    const pair = writer.open(field);
    writer.string(1, key);
    writeValue(writer, 2, value);
    writer.close(pair);
  }
}

function writeValue(writer: Writer, field: number, value: TestValue): void {
  const any = writer.open(field);
  if (typeof value === 'string') writer.string(1, value);
  else if (typeof value === 'boolean') writer.varint(2, value ? 1 : 0);
  else if (typeof value === 'number' || typeof value === 'bigint') writer.varint64(3, BigInt(value));
  else if (value !== null && 'double' in value) writer.double(4, value.double);
  else if (value !== null) {
    const array = writer.open(5);
    for (const item of value) writeValue(writer, 1, item);
    writer.close(array);
  }
  writer.close(any);
}
