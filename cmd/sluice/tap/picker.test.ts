import { expect, test } from 'vitest';
import { decodeJson } from '../../../internal/otlp/json.ts';
import type { Payload, Signal } from '../../../internal/otlp/payload.ts';
import { isMalformed } from '../../../internal/otlp/wire.ts';
import { Frame } from '../short/frame.ts';
import { fromPayload } from '../short/telemetry.ts';
import { picker } from './picker.ts';

function batchOf(signal: Signal, json: object): Payload {
  const batch = decodeJson(signal, JSON.stringify(json));
  if (isMalformed(batch)) throw new Error(batch.malformed);
  return batch;
}

const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const resource = { attributes: [attribute('service.name', 'shop')] };
const spans = ['a', 'b', 'c', 'd'].map((name, i) => ({
  name,
  attributes: [{ key: 'n', value: { intValue: i } }],
  events: [{ name: 'exception' }, { name: 'exception' }],
}));
const traces = batchOf('traces', { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'lib' }, spans }] }] });
const points = [{ asInt: 1 }, { asInt: 5 }, { asInt: 7 }];
const metrics = batchOf('metrics', {
  resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [{ name: 'm', gauge: { dataPoints: points } }] }] }],
});

function pick(filter: string | undefined, batch: Payload, most = 10, random = 0): string[] {
  const made = picker(filter, () => random);
  if ('error' in made) throw new Error(made.error);
  return made.pick(batch, most).flatMap((one) => {
    const records = fromPayload(one, new Frame());
    expect(records.length).toBe(1);
    expect(records[0]!.get('resource')).toEqual(new Map([['service.name', 'shop']]));
    return String(records[0]!.get('name'));
  });
}

test.each([
  ['span.attributes["n"] >= 2', ['c', 'd']],
  ['attributes["n"] >= 2', ['c', 'd']],
  ['resource.attributes["service.name"] == "shop"', ['a', 'b', 'c', 'd']],
  ['resource.attributes["service.name"] == "cart"', []],
  ['spanevent.name == "exception" and span.name == "b"', ['b']],
  ['name == "a" or instrumentation_scope.name == "other"', ['a']],
  // Not what a span has; for a span it cannot be evaluated.
  ['IsMatch(log.body, "x")', []],
  ['Int(name) > 3', []],
])('%s picks %j', (filter, names) => {
  expect(pick(filter, traces)).toEqual(names);
});

test('a metric is shown whole and once, however many of its points fit', () => {
  expect(pick('datapoint.value_int > 4', metrics)).toEqual(['m']);
  expect(pick('datapoint.value_int > 8', metrics)).toEqual([]);
  expect(pick('metric.name == "m"', metrics)).toEqual(['m']);
});

test('without a filter records that lie together, from anywhere in the batch; never more than wanted', () => {
  expect(pick(undefined, traces, 2, 0)).toEqual(['a', 'b']);
  expect(pick(undefined, traces, 2, 0.99)).toEqual(['c', 'd']);
  expect(pick(undefined, traces, 10, 0.99)).toEqual(['a', 'b', 'c', 'd']);
  expect(pick(undefined, metrics, 1, 0.99)).toEqual(['m']);
});

test('a condition that no signal has is refused with its place', () => {
  expect(picker('span.nome == "a"', () => 0)).toMatchObject({ at: 5, error: expect.stringContaining('name') });
  expect(picker('name ==', () => 0)).toMatchObject({ at: 7 });
});
