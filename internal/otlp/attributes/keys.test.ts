import { expect, test } from 'vitest';
import { encodeField, encodeValue } from './encode.ts';
import { Keys, NONE, UNSURE } from './keys.ts';
import { AttributeList } from './list.ts';

const bytes = (text: string) => Buffer.from(text);
const pair = (key: string, value: string) => encodeField(9, bytes(key), encodeValue(value)).bytes;
const message = (...fields: Uint8Array[]) => {
  const buf = Buffer.concat(fields);
  return { buf, start: 0, end: buf.length };
};

test('a key has one number, whatever its length', () => {
  const keys = new Keys();
  const long = 'k'.repeat(300);
  const names = ['', 'a', 'b', 'ab', long, `${long}2`];
  const numbers = names.map((name) => keys.add(bytes(name)));
  expect(numbers).toEqual([0, 1, 2, 3, 4, 5]);
  expect(names.map((name) => keys.add(bytes(name)))).toEqual(numbers);
  expect(keys.find(bytes('xaby'), 1, 3)).toBe(3);
  expect(keys.find(bytes('ac'), 0, 2)).toBe(NONE);
});

test('what is not plain to see is looked at in full', () => {
  const keys = new Keys();
  keys.add(bytes('a'));
  const inner = ({ bytes: field, contentFrom, to }: ReturnType<typeof encodeField>) =>
    keys.findIn(field, contentFrom, to);
  expect(inner(encodeField(9, bytes('a'), encodeValue('x')))).toBe(0);
  expect(inner(encodeField(9, bytes('b'), encodeValue('x')))).toBe(NONE);
  expect(inner(encodeField(9, bytes('b'), encodeValue('x'.repeat(200))))).toBe(UNSURE);
  // The value before the key: { value: "x", key: "a" }.
  const turned = Buffer.from([0x12, 3, 0x0a, 1, 0x78, 0x0a, 1, 0x61]);
  expect(keys.findIn(turned, 0, turned.length)).toBe(UNSURE);
  const list = new AttributeList().read(message(Buffer.from([0x4a, turned.length]), turned), 9, keys, false);
  expect([list.size, list.text(list.at(0))]).toEqual([1, 'x']);
});

test('of several attributes with one key the first is meant; without it, the next', () => {
  const keys = new Keys();
  const a = keys.add(bytes('a'));
  const b = keys.add(bytes('b'));
  const list = new AttributeList().read(message(pair('a', '1'), pair('c', '2'), pair('a', '3')), 9, keys, false);
  expect([list.size, list.text(list.at(a)), list.at(b)]).toEqual([2, '1', -1]);
  list.remove(list.at(a));
  expect(list.text(list.at(a))).toBe('3');
  list.remove(list.at(a));
  expect(list.at(a)).toBe(-1);
  list.add(encodeField(9, bytes('a'), encodeValue('4')));
  list.add(encodeField(9, bytes('b'), encodeValue('5')));
  expect([list.text(list.at(a)), list.text(list.at(b))]).toEqual(['4', '5']);
});
