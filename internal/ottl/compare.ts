import type { CompareOperator, MathOperator } from './ast.ts';
import { Duration, fail, Id, Opaque, Time, typeName, type Value, ValueMap } from './values.ts';

/**
 * Compares two values by OTTL's rules: values of different types are never equal and never ordered, but for numbers.
 * Source: the table under "Comparison Rules" in pkg/ottl/LANGUAGE.md
 */
export function compare(operator: CompareOperator, left: Value, right: Value): boolean {
  const a = isNoBytes(left) ? undefined : left;
  const b = isNoBytes(right) ? undefined : right;
  if (typeof a === 'string') return typeof b === 'string' ? ordered(operator, compareText(a, b)) : operator === '!=';
  if (typeof a === 'bigint' || typeof a === 'number') return compareNumbers(operator, a, b);
  if (a === undefined)
    return b === undefined ? operator !== '!=' && operator !== '<' && operator !== '>' : operator === '!=';
  if (typeof a === 'boolean')
    return typeof b === 'boolean' ? ordered(operator, Number(a) - Number(b)) : operator === '!=';
  if (a instanceof Uint8Array)
    return b instanceof Uint8Array ? ordered(operator, Buffer.compare(a, b)) : operator === '!=';
  if (a instanceof Time) return b instanceof Time ? ordered(operator, order(a.nanos, b.nanos)) : operator === '!=';
  if (a instanceof Duration)
    return b instanceof Duration ? ordered(operator, order(a.nanos, b.nanos)) : operator === '!=';
  return operator === '==' ? sameValue(a, b) : operator === '!=' && !sameValue(a, b);
}

/** A nil slice in Go, which equals nil. */
const isNoBytes = (value: Value) => value instanceof Uint8Array && value.length === 0;

function compareNumbers(operator: CompareOperator, a: bigint | number, b: Value): boolean {
  if (typeof b !== 'bigint' && typeof b !== 'number') return operator === '!=';
  if (typeof a === typeof b) return ordered(operator, order(a, b));
  // Of different types, they are compared as float64.
  const x = Number(a);
  const y = Number(b);
  return ordered(operator, order(x, y));
}

/** NaN for what cannot be ordered: then only `!=` holds. */
function order(a: bigint | number, b: bigint | number): number {
  return a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.NaN;
}

function ordered(operator: CompareOperator, order: number): boolean {
  switch (operator) {
    case '==':
      return order === 0;
    case '!=':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    case '>=':
      return order >= 0;
  }
}

/** As Go does, by the bytes of UTF-8; UTF-16 sorts characters beyond U+FFFF elsewhere. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000;
}

/** The same type and content; maps in any order. */
export function sameValue(a: Value, b: Value): boolean {
  if (a instanceof ValueMap) {
    if (!(b instanceof ValueMap) || a.pairs.length !== b.pairs.length) return false;
    return a.pairs.every((pair) => b.has(pair.key) && sameValue(pair.value, b.get(pair.key)));
  }
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((value, index) => sameValue(value, b[index]));
  }
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Id) return b instanceof Id && a.kind === b.kind && Buffer.compare(a.bytes, b.bytes) === 0;
  if (a instanceof Time) return b instanceof Time && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof Opaque) return false;
  return a === b;
}

/** Arithmetic on int64 (which wraps around), float64, times and durations. */
export function calculate(operator: MathOperator, a: Value, b: Value): Value {
  if (typeof a === 'bigint' && typeof b === 'bigint') return onInts(operator, a, b);
  if (typeof a === 'bigint' || typeof a === 'number') {
    if (typeof b !== 'bigint' && typeof b !== 'number') fail(`cannot calculate with ${typeName(b)}: expected a number`);
    return onFloats(operator, Number(a), Number(b));
  }
  if (a instanceof Time || a instanceof Duration) return onTimes(operator, a, b);
  fail(`cannot calculate with ${typeName(a)}: expected a number, a time or a duration`);
}

function onInts(operator: MathOperator, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '+':
      return BigInt.asIntN(64, a + b);
    case '-':
      return BigInt.asIntN(64, a - b);
    case '*':
      return BigInt.asIntN(64, a * b);
    case '/':
      if (b === 0n) fail('attempted to divide by 0');
      return BigInt.asIntN(64, a / b);
  }
}

function onFloats(operator: MathOperator, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      if (b === 0) fail('attempted to divide by 0');
      return a / b;
  }
}

function onTimes(operator: MathOperator, a: Time | Duration, b: Value): Value {
  if (operator === '+') {
    if (a instanceof Time && b instanceof Duration) return new Time(a.nanos + b.nanos, a.zone);
    if (a instanceof Duration && b instanceof Time) return new Time(a.nanos + b.nanos, b.zone);
    if (a instanceof Duration && b instanceof Duration) return new Duration(BigInt.asIntN(64, a.nanos + b.nanos));
  }
  if (operator === '-') {
    if (a instanceof Time && b instanceof Time) return new Duration(clampInt64(a.nanos - b.nanos));
    if (a instanceof Time && b instanceof Duration) return new Time(a.nanos - b.nanos, a.zone);
    if (a instanceof Duration && b instanceof Duration) return new Duration(BigInt.asIntN(64, a.nanos - b.nanos));
  }
  fail(`cannot calculate ${typeName(a)} ${operator} ${typeName(b)}`);
}

/** Go's Time.Sub stops at the longest duration. */
function clampInt64(value: bigint): bigint {
  const wrapped = BigInt.asIntN(64, value);
  if (wrapped === value) return value;
  return value > 0n ? 0x7fff_ffff_ffff_ffffn : -0x8000_0000_0000_0000n;
}

export function negate(value: Value): Value {
  if (typeof value === 'bigint') return BigInt.asIntN(64, -value);
  if (typeof value === 'number') return -value;
  fail(`cannot negate ${typeName(value)}: expected a number`);
}
