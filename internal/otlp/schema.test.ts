import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { loadOracle } from '../testkit/oracle.ts';
import { FIRST_ITEM, type Field, isMessage, type Message, messageNamed, messages, requestOf } from './schema.ts';

const oracle = await loadOracle();

/** Enums are read as int32, ids are bytes of a known length. */
function describeOurs(field: Field) {
  const type = field.type === 'traceId' || field.type === 'spanId' ? 'bytes' : field.type;
  return { number: field.number, type, repeated: field.repeated, oneof: field.oneof, presence: field.presence };
}

function describeTheirs(field: protobuf.Field) {
  field.resolve();
  const type = field.resolvedType instanceof protobuf.Enum ? 'int32' : (field.resolvedType?.name ?? field.type);
  const oneof = field.partOf && !field.options?.proto3_optional ? field.partOf.name : undefined;
  const presence = field.partOf !== null && field.partOf !== undefined;
  return { number: field.id, type, repeated: field.repeated, oneof, presence };
}

test('the declarations say what the official .proto files say, for every message that a request reaches', () => {
  const reached = new Set<string>();
  const compare = (ours: Message, theirs: protobuf.Type) => {
    if (reached.has(ours.name)) return;
    reached.add(ours.name);
    const want = Object.fromEntries(theirs.fieldsArray.map((field) => [field.name, describeTheirs(field)]));
    expect(Object.fromEntries(ours.fields.map((field) => [field.name, describeOurs(field)])), ours.name).toEqual(want);
    for (const field of ours.fields) {
      if (!isMessage(field.type)) continue;
      compare(messageNamed(field.type), theirs.fields[field.name]!.resolvedType as protobuf.Type);
    }
  };
  for (const signal of ['traces', 'metrics', 'logs'] as const) compare(requestOf(signal), oracle.request(signal));
  expect([...reached].sort()).toEqual(messages.map((message) => message.name).sort());
});

test('every id of a trace or span is declared as one', () => {
  for (const { fields } of messages) {
    for (const { name, type } of fields) {
      if (/traceId$/i.test(name)) expect(type).toBe('traceId');
      if (/spanId$/i.test(name)) expect(type).toBe('spanId');
    }
  }
});

test('spans, log records and data points are the items', () => {
  expect(messages.slice(FIRST_ITEM).map((message) => message.name)).toEqual([
    'Span',
    'LogRecord',
    'NumberDataPoint',
    'HistogramDataPoint',
    'ExponentialHistogramDataPoint',
    'SummaryDataPoint',
  ]);
});
