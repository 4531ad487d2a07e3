import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import type { Plain } from '../../internal/otlp/view/value.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

function span(name: string, attributes: Record<string, Plain> = {}, twice = false): Payload {
  const out = new Writer();
  const group = out.open(1);
  const scope = out.open(2);
  const record = out.open(2);
  if (twice) out.string(5, 'before');
  for (const [key, value] of Object.entries(attributes)) {
    out.raw(encodeField(9, Buffer.from(key), encodeValue(value)).bytes);
  }
  out.string(5, name);
  const status = out.open(15);
  out.string(2, 'bad');
  out.varint(3, 2);
  out.close(status);
  out.close(record);
  out.close(scope);
  out.close(group);
  return asPayload('traces', out.finish());
}

function through(config: object, payload: Payload) {
  const next = new RecordingConsumer();
  const processor = factory.create(testSettings({ kind: 'processor', signal: 'traces' }), schema.parse(config), next);
  void processor.consume(payload, noContext);
  const bytes = Buffer.concat(next.taken[0]!.chunks);
  const walk = walkSpans(asPayload('traces', bytes));
  walk.nextResource();
  walk.nextScope();
  walk.nextRecord();
  const { name, status, attributes } = walk.record;
  const read: Record<string, Plain> = {};
  for (let pair = attributes.next(); pair; pair = attributes.next()) read[pair.key] = pair.value.plain();
  return { name, attributes: read, status: [status.code, status.message], bytes: bytes.toString('latin1') };
}

const from = (...keys: string[]) => ({ name: { from_attributes: keys, separator: '::' } });
const rules = (list: string[], more: object = {}) => ({ name: { to_attributes: { rules: list, ...more } } });

test('the name is made of attributes of every plain type, if all are there', () => {
  const attributes = { svc: 'db', n: 5n, d: 1.5, b: true, list: ['x'] };
  expect(through(from('svc', 'n'), span('old', attributes)).name).toBe('db::5');
  expect(through(from('d', 'b', 'list'), span('old', attributes)).name).toBe('1.5::true::<unknown-attribute-type>');
  expect(through(from('svc', 'missing'), span('old', attributes)).name).toBe('old');
  expect(through(from('svc'), span('old')).name).toBe('old');
});

test('attributes are taken out of the name by rules, one after the other', () => {
  const rule = '^\\/api\\/v1\\/document\\/(?P<documentId>.*)\\/update$';
  const done = through(rules([rule]), span('/api/v1/document/12345678/update', { documentId: 'old', kept: 1n }));
  expect(done).toMatchObject({
    name: '/api/v1/document/{documentId}/update',
    attributes: { documentId: '12345678', kept: 1n },
  });
  const both = ['^/(?P<first>[a-z]+)/', '/(?P<number>\\d+)$'];
  expect(through(rules(both), span('/users/42'))).toMatchObject({
    name: '/{first}/{number}',
    attributes: { first: 'users', number: '42' },
  });
  expect(through(rules(both, { break_after_match: true }), span('/users/42')).name).toBe('/{first}/42');
  expect(through(rules(both, { keep_original_name: true }), span('/users/42'))).toMatchObject({
    name: '/users/42',
    attributes: { first: 'users', number: '42' },
  });
  expect(through(rules(both), span('none')).attributes).toEqual({});
});

test('status is set, and takes the place of what was there', () => {
  expect(through({ status: { code: 'Ok' } }, span('x')).status).toEqual([1, '']);
  expect(through({ status: { code: 'Unset' } }, span('x')).status).toEqual([0, '']);
  expect(through({ status: { code: 'Error', description: 'why' } }, span('x')).status).toEqual([2, 'why']);
});

test('nothing is left of a name that was replaced, even if it stood there twice', () => {
  const done = through(from('a'), span('4111 1111 1111 1111', { a: 'new' }, true));
  expect(done.name).toBe('new');
  expect(done.bytes).not.toContain('4111');
  expect(done.bytes).not.toContain('before');
});

test('only what matches is changed', () => {
  const config = { ...from('a'), include: { match_type: 'strict', span_names: ['other'] } };
  expect(through(config, span('old', { a: 'new' })).name).toBe('old');
});

test.each([
  [{}, ''],
  [rules(['(']), 'name.to_attributes.rules.0'],
  [rules(['(x)']), 'name.to_attributes.rules.0'],
  [{ status: { code: 'Ok', description: 'x' } }, 'status.description'],
])('%j is refused at "%s"', (config, path) => {
  expect(schema.safeParse(config).error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
});
