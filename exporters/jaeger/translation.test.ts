import { describe, expect, test } from 'vitest';
import { type Form, forms, messages, oneSpan, traces } from './test/messages.ts';
import type { ReadSpan } from './test/read.ts';

/*
 * Cases from https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/jaeger/ and mapping-to-non-otlp, read back by
 * protobufjs and by a thrift reader of its own. They do not prove that Jaeger shows the same: jaeger.backends.test.ts does.
 */

const trace = '0102030405060708090a0b0c0d0e0f10';
const id = 'f1f2f3f4f5f6f7f8';
const parent = 'e1e2e3e4e5e6e7e8';
const bytes = (hex: string) => Buffer.from(hex, 'hex');
const ids = { traceId: bytes(trace), spanId: bytes(id) };
const start = 1_700_000_000_123_456_000n;
const times = { startTimeUnixNano: String(start), endTimeUnixNano: String(start + 1_500_000_000n) };
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

describe.each(Object.keys(forms) as Form[])('%s', (form) => {
  /** What one span becomes. */
  function span(given: object, scope: object = {}): ReadSpan {
    const [sent] = messages(form, oneSpan({ ...ids, ...times, ...given }, { scope }));
    expect(sent!.spans).toHaveLength(1);
    return sent!.spans[0]!;
  }

  test('ids, name, times and the sampled flag', () => {
    expect(span({ name: 'GET /', flags: 0x301 })).toMatchObject({
      trace,
      id,
      name: 'GET /',
      start,
      duration: 1_500_000_000n,
      flags: 1,
    });
    expect(span({ flags: 0x300 }).flags).toBe(0);
  });

  test('every id is 128 or 64 bits wide, also one that is absent', () => {
    expect(span({ traceId: bytes('ff'.repeat(16)), spanId: bytes('80'.repeat(8)) })).toMatchObject({
      trace: 'ff'.repeat(16),
      id: '80'.repeat(8),
    });
    const [none] = messages(form, oneSpan({ name: 'no ids' }))[0]!.spans;
    expect(none).toMatchObject({ trace: '0'.repeat(32), id: '0'.repeat(16), name: 'no ids' });
  });

  test('the resource becomes the process: its name, and all other attributes as tags', () => {
    const resource = {
      attributes: [text('host.name', 'web-1'), text('service.name', 'shop'), { key: 'pid', value: { intValue: '7' } }],
      droppedAttributesCount: 2,
    };
    const [sent] = messages(form, oneSpan(ids, { resource }));
    expect(sent).toMatchObject({
      service: 'shop',
      tags: [
        ['string', 'host.name', 'web-1'],
        ['int64', 'pid', 7n],
        ['int64', 'otel.dropped_attributes_count', 2n],
      ],
    });
  });

  test.each([
    ['none', []],
    ['an empty one', [text('service.name', '')]],
    ['one without a value', [{ key: 'service.name', value: {} }]],
  ])('a resource with %s has the name that the specification gives', (_, attributes) => {
    expect(messages(form, oneSpan(ids, { resource: { attributes } }))[0]!.service).toBe('unknown_service');
  });

  test('a service name that is no text is told as text', () => {
    const attributes = [{ key: 'service.name', value: { intValue: '5' } }];
    expect(messages(form, oneSpan(ids, { resource: { attributes } }))[0]!.service).toBe('5');
  });

  test('attributes keep their types', () => {
    const values = {
      string: { stringValue: 'grüße' },
      empty: { stringValue: '' },
      nothing: {},
      yes: { boolValue: true },
      no: { boolValue: false },
      big: { intValue: '9007199254740993' },
      least: { intValue: '-9223372036854775808' },
      zero: { intValue: '0' },
      double: { doubleValue: -2.5 },
      nan: { doubleValue: Number.NaN },
      infinity: { doubleValue: Number.POSITIVE_INFINITY },
      bytes: { bytesValue: bytes('00ff10') },
    };
    const attributes = Object.entries(values).map(([key, value]) => ({ key, value }));
    expect(span({ attributes }).tags).toEqual([
      ['string', 'string', 'grüße'],
      ['string', 'empty', ''],
      ['string', 'nothing', ''],
      ['bool', 'yes', true],
      ['bool', 'no', false],
      ['int64', 'big', 9007199254740993n],
      ['int64', 'least', -9223372036854775808n],
      ['int64', 'zero', 0n],
      ['float64', 'double', -2.5],
      ['float64', 'nan', Number.NaN],
      ['float64', 'infinity', Number.POSITIVE_INFINITY],
      ['binary', 'bytes', '00ff10'],
    ]);
  });

  test('lists and maps are JSON with exact integers', () => {
    const list = {
      arrayValue: {
        values: [{ stringValue: 'a"' }, { intValue: '9007199254740993' }, { doubleValue: Number.NaN }, {}],
      },
    };
    const map = {
      kvlistValue: {
        values: [text('k', 'v'), { key: 'in', value: list }, { key: 'b', value: { bytesValue: bytes('00ff') } }],
      },
    };
    const attributes = [
      { key: 'list', value: list },
      { key: 'map', value: map },
    ];
    expect(span({ attributes }).tags).toEqual([
      ['string', 'list', '["a\\"",9007199254740993,"NaN",null]'],
      ['string', 'map', '{"b":"AP8=","in":["a\\"",9007199254740993,"NaN",null],"k":"v"}'],
    ]);
  });

  test.each([
    [0, undefined],
    [1, 'internal'],
    [2, 'server'],
    [3, 'client'],
    [4, 'producer'],
    [5, 'consumer'],
    [77, undefined],
  ])('kind %i is span.kind %s', (kind, name) => {
    expect(span({ kind }).tags).toEqual(name ? [['string', 'span.kind', name]] : []);
  });

  test.each([
    ['unset', {}, []],
    ['OK', { code: 1 }, [['string', 'otel.status_code', 'OK']]],
    [
      'ERROR',
      { code: 2, message: 'boom' },
      [
        ['string', 'otel.status_code', 'ERROR'],
        ['bool', 'error', true],
        ['string', 'otel.status_description', 'boom'],
      ],
    ],
    ['a description alone', { message: 'why' }, [['string', 'otel.status_description', 'why']]],
  ])('status %s', (_, status, tags) => {
    expect(span({ status }).tags).toEqual(tags);
  });

  test('scope, its attributes and the trace state are tags; where keys are equal the span comes last', () => {
    const scope = { name: 'lib', version: '1.2', attributes: [text('a', 'scope')] };
    expect(span({ attributes: [text('a', 'span')], traceState: 'x=1,y=2' }, scope).tags).toEqual([
      ['string', 'otel.scope.name', 'lib'],
      ['string', 'otel.scope.version', '1.2'],
      ['string', 'a', 'scope'],
      ['string', 'a', 'span'],
      ['string', 'w3c.tracestate', 'x=1,y=2'],
    ]);
  });

  test('what was dropped on the way is told', () => {
    const dropped = { droppedAttributesCount: 1, droppedEventsCount: 300, droppedLinksCount: 4_294_967_295 };
    expect(span(dropped).tags).toEqual([
      ['int64', 'otel.dropped_attributes_count', 1n],
      ['int64', 'otel.dropped_events_count', 300n],
      ['int64', 'otel.dropped_links_count', 4_294_967_295n],
    ]);
  });

  test('events are logs: the name is the field event, unless an attribute has that key', () => {
    const events = [
      { timeUnixNano: String(start + 1000n), name: 'exception', attributes: [text('exception.message', 'boom')] },
      {
        timeUnixNano: String(start + 2000n),
        name: 'hidden',
        attributes: [text('event', 'shown')],
        droppedAttributesCount: 3,
      },
      {},
    ];
    expect(span({ events }).logs).toEqual([
      {
        time: start + 1000n,
        fields: [
          ['string', 'event', 'exception'],
          ['string', 'exception.message', 'boom'],
        ],
      },
      {
        time: start + 2000n,
        fields: [
          ['string', 'event', 'shown'],
          ['int64', 'otel.dropped_attributes_count', 3n],
        ],
      },
      { time: 0n, fields: [] },
    ]);
  });

  test('the parent is the first reference, links follow from', () => {
    const other = { traceId: bytes('aa'.repeat(16)), spanId: bytes('bb'.repeat(8)) };
    expect(span({ parentSpanId: bytes(parent), links: [other] }).references).toEqual([
      `CHILD_OF ${trace} ${parent}`,
      `FOLLOWS_FROM ${'aa'.repeat(16)} ${'bb'.repeat(8)}`,
    ]);
    expect(span({}).references).toEqual([]);
    expect(span({ parentSpanId: bytes('00'.repeat(8)) }).references).toEqual([]);
  });

  test('a link may say that it is a parent, and one to the parent says what kind of reference that is', () => {
    const childOf = { attributes: [text('opentracing.ref_type', 'child_of')] };
    const other = { traceId: bytes('aa'.repeat(16)), spanId: bytes('bb'.repeat(8)), ...childOf };
    const toParent = {
      traceId: bytes(trace),
      spanId: bytes(parent),
      attributes: [text('opentracing.ref_type', 'follows_from')],
    };
    expect(span({ parentSpanId: bytes(parent), links: [other, toParent] }).references).toEqual([
      `FOLLOWS_FROM ${trace} ${parent}`,
      `CHILD_OF ${'aa'.repeat(16)} ${'bb'.repeat(8)}`,
    ]);
  });

  test('spans of one process share a message, wherever they lie in the batch', () => {
    const group = (service: string, ...names: string[]) => ({
      resource: { attributes: [text('service.name', service)] },
      scopeSpans: [{ spans: names.map((name) => ({ ...ids, name })) }],
    });
    const batch = traces(group('a', '1', '2'), group('b', '3'), { resource: {} }, group('a', '4'));
    const sent = messages(form, batch).map(({ service, spans }) => [service, ...spans.map(({ name }) => name)]);
    expect(sent).toEqual([
      ['a', '1', '2', '4'],
      ['b', '3'],
    ]);
  });

  test('scopes of one process keep their spans apart', () => {
    const scopeSpans = ['x', 'y'].map((name) => ({ scope: { name }, spans: [{ ...ids, name }] }));
    const [sent] = messages(form, traces({ scopeSpans }));
    expect(sent!.spans.map(({ name, tags }) => [name, tags])).toEqual([
      ['x', [['string', 'otel.scope.name', 'x']]],
      ['y', [['string', 'otel.scope.name', 'y']]],
    ]);
  });
});
