import { expect, test } from 'vitest';
import { ALWAYS, NEVER, thresholdOf } from './consistent.ts';
import { multiplyThreshold, raiseThreshold, TraceState, withoutContradiction } from './consistent_tracestate.ts';

const half = thresholdOf(0.5);

test.each([
  ['', 'ot=th:8'],
  ['ot=th:4', 'ot=th:8'],
  ['ot=th:8', 'ot=th:8'],
  ['ot=th:C', 'ot=th:C'],
  ['ot=rv:ABCDEF01234567', 'ot=rv:ABCDEF01234567;th:8'],
  ['a=1, ot=x:y;th:0;rv:abcdef01234567;z:1 ,b@c=2', 'ot=rv:abcdef01234567;th:8;x:y;z:1,a=1,b@c=2'],
  ['b=2,,a=1,', 'ot=th:8,b=2,a=1'],
  ['ot=th:4,ot=k:v', 'ot=th:8;k:v'],
])('raising "%s" to one half makes "%s"', (before, after) => {
  expect(raiseThreshold(before, half)).toBe(after);
});

test.each(['no tracestate', 'A=1', 'ot=th:xyz', 'ot=', 'ot=th:8;', 'a=b\u00e9', `a=${'x'.repeat(1030)}`])(
  'what is malformed stays as it is: %s',
  (text) => {
    expect(TraceState.parse(text)).toBeUndefined();
    expect(raiseThreshold(text, half)).toBe(text);
  },
);

test('31 entries are read, more are not', () => {
  const entries = Array.from({ length: 31 }, (_, i) => `k${i}=v`);
  expect(raiseThreshold(entries.join(','), half)).toBe(['ot=th:8', ...entries].join(','));
  expect(TraceState.parse([...entries, 'more=1'].join(','))).toBeUndefined();
});

test('what keeps nothing cannot be written', () => {
  expect(raiseThreshold('a=1', NEVER)).toBe('a=1');
  expect(raiseThreshold('', ALWAYS)).toBe('ot=th:0');
});

test('a threshold above the randomness is taken out, rv and the rest stay', () => {
  const id = Buffer.from('00000000000000000080000000000000', 'hex');
  expect(withoutContradiction('ot=th:c;k:v,a=1', id, 0)).toBe('ot=k:v,a=1');
  expect(withoutContradiction('ot=th:c,a=1', id, 0)).toBe('a=1');
  expect(withoutContradiction('ot=th:c;rv:00000000000000', id, 0)).toBe('ot=rv:00000000000000');
  expect(withoutContradiction('a=1, ot=th:8', id, 0)).toBe('a=1, ot=th:8');
  expect(withoutContradiction('', id, 0)).toBe('');
});

test.each([
  ['', 'ot=th:8'],
  ['a=1', 'ot=th:8,a=1'],
  ['ot=th:8', 'ot=th:c'],
  ['ot=th:c;rv:00000000000000', 'ot=rv:00000000000000;th:e'],
  ['ot=th:0', 'ot=th:8'],
  ['ot=th:zz', 'ot=th:zz'],
])('a half of what %j says it is one of: %j', (before, after) => {
  expect(multiplyThreshold(before, half)).toBe(after);
});
