import { expect, test } from 'vitest';
import { withoutSqlLiterals } from './sql_sanitizer.ts';

/** As the Go collector has it: sql_sanitizer.interop.test.ts compares the two. */
test.each([
  ["SELECT a FROM t WHERE b = 'x' AND c IN (1, 2, NULL, true)", 'SELECT a FROM t WHERE b = ? AND c IN (?, ?, ?, ?)'],
  ["INSERT INTO t VALUES (1, 'it''s'), (2, 'it\\'s')", 'INSERT INTO t VALUES (?, ??), (?, ?)'],
  ['1 1.5 -.5 1e-10 0xFf 017.5 0b11 08 5-3', '? ? ? ? ? ?.? ?b? ? ??'],
  ['db1.tbl22 "c 3"."d4" md5(x1) größe5', 'db?.tbl? "c ?"."d?" md5(x?) größe?'],
  ["$1 $$ it's $$ $t$ a $$ b $t$ $func$ SELECT 5, a1 $func$", '? ? ? $func$SELECT ?, a?$func$'],
  [':p1 @p1 @@v1 ? ?1', ':p? @p1 @@v1 ? ??'],
  ["a->>'b' #> '{c,1}' @> 5 d::int4", 'a->>? #> ? @> ? d::int?'],
  ["-- stays 5 'x'\n/* 5 */ 5", "-- stays 5 'x'\n/* 5 */ ?"],
  ['true.1 select.1e5 foo.1e5', '?.? select.? foo.?e?'],
  ['=-1 = -1 =@p1 >@p1', '=-? = ? =@p1 >@p?'],
  ['\u00a0 SELECT  1\n', 'SELECT  ?'],
])('%j becomes %j', (query, expected) => {
  expect(withoutSqlLiterals(query)).toBe(expected);
});

test('MySQL reads other quotes and comments than the others', () => {
  const query = 'SELECT "a 1", `b2` FROM t # 5';
  expect(withoutSqlLiterals(query, 'mysql')).toBe('SELECT ?, `b?` FROM t # 5');
  for (const system of ['', 'postgresql', 'mariadb', 'sqlite', 'other_sql']) {
    expect(withoutSqlLiterals(query, system)).toBe('SELECT "a ?", `b?` FROM t # ?');
  }
});

test('of what is cut off a text goes, the rest stays; nothing is left behind a NUL', () => {
  expect(withoutSqlLiterals("a 'secret")).toBe('a ?');
  expect(withoutSqlLiterals("a 'secret\\")).toBe('a ?');
  for (const stays of ['"b1', '/* 1', '$$ 1', '$a 1', '$é$ 1 $é$ 2', '-- 1']) {
    expect(withoutSqlLiterals(`a ${stays}`)).toBe(`a ${stays}`);
  }
  expect(withoutSqlLiterals("a 'b\0', 'secret'")).toBe('a ?');
  expect(withoutSqlLiterals('a /* b\0 */ 1')).toBe('a /* b');
  expect(withoutSqlLiterals('')).toBe('');
});

const size = 1 << 20;
test.each([
  ["'", '?'.repeat(size / 2)],
  ["'\\", '?'],
  ['"', '"'.repeat(size)],
  ['(', '('.repeat(size)],
  ['/*', '/*'.repeat(size / 2)],
  ['--\n', '--\n'.repeat(size / 3).trim()],
  ['$', '?'.repeat(size / 4)],
  ['$a$ ', '? '.repeat(size / 8).trim()],
  ['a1', 'a?'.repeat(size / 2)],
  ['1,', '?,'.repeat(size / 2)],
  ['-', '-'.repeat(size)],
  ['😀', '😀'.repeat(size / 2)],
  ['@é', '@é'.repeat(size / 2)],
])('a megabyte of %j is read once', (piece, expected) => {
  const after = withoutSqlLiterals(piece.repeat(size / piece.length));
  expect(after.length).toBe(expected.length);
  expect(after === expected).toBe(true);
});
