import { expect, test } from 'vitest';
import { differencesFromOtelcol } from '../../bench/peers/beside_otelcol.ts';
import { peer } from '../../bench/peers/peer.ts';
import type { ProcessorFactory } from '../../internal/core/component.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { seededRandom } from '../../internal/otlp/sample.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import redaction from './index.ts';

/*
 * SQL through the redaction of both programs: as attributes beside each system, as names of spans and as bodies. Skipped
 * where the Go collector can neither be found nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const queries = [
  `SELECT id, "first name", t1.c2 FROM db1.users2 AS t1 WHERE email = 'ada@example.com' AND age > 36 AND x IS NOT NULL`,
  `select * from a where b in (1, 2, 3) and c in ('x','y') or d between -1 and +2 limit 10 offset 20;`,
  `INSERT INTO t (a, b, c) VALUES (1, 'a', NULL), (2, 'b', TRUE), (3, 'c', false);`,
  "INSERT INTO `t1` SET `a2` = \"x\", b = 'it''s', c = 'it\\'s', d = \"say \\\"5\\\"\"",
  `UPDATE t SET a = a+1, b=-1, c = 'x' WHERE id=5 RETURNING id`,
  `DELETE FROM t WHERE created < NOW() - INTERVAL '30 days'`,
  `WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r WHERE n < 100) SELECT sum(n) FROM r`,
  `MERGE INTO t USING s ON t.id=s.id WHEN MATCHED THEN UPDATE SET v = 1 WHEN NOT MATCHED THEN INSERT VALUES (1,'2')`,
  `CREATE TABLE t2 (id INT(11) NOT NULL DEFAULT 0, n VARCHAR(255) DEFAULT 'x5')`,
  `ALTER TABLE t2 ADD COLUMN c3 DECIMAL(10,2); DROP TABLE IF EXISTS t3; TRUNCATE TABLE t4`,
  `SELECT a -- comment with 5 and 'text'\nFROM t -- last`,
  `/* leading 5 'x' */ SELECT /*+ INDEX(t i1) */ 1 /* a /* nested */ 2 */ /**/ /*/ 3 */ 4`,
  `SELECT 1 # comment 5\n, 2 #>> 3 #- 4`,
  `SELECT 1 /* cut off 5 'secret'`,
  `SELECT 'cut off 5`,
  `SELECT "cut off 5`,
  'SELECT `cut off 5`, `a1`, `a`.`b2`, "a1"."b2", "a"."',
  `SELECT $$ body 5 'x' $$, $tag$ it's 5 $tag$, $func$ SELECT 5, 'x', a1 $func$ , $1, $22, $`,
  `CREATE FUNCTION f() RETURNS int AS $func$ BEGIN RETURN $a$x$a$ + 5; END $func$ LANGUAGE plpgsql`,
  `SELECT $func$ 'cut`,
  `SELECT $é$ 5 $é$, 6`,
  `SELECT $Ł$ 5 $A$, 6`,
  `SELECT $Ã©$ 5 $é$ 6 $Ã©$, 7`,
  `SELECT 1, 1.5, .5, 5., 1e10, 1E-5, 1e+5, 1e, 1ee5, 1.2.3, 0x1F, 0XaG, 017, 0179, 08, 0b11, 1_000, 017.5, 00e5, 1e-x`,
  `SELECT -1, +1, - 1, a-1, a - 1, 5-3, 5--3\n, -.5, +.e5, (-1), 1-.5, -(-1), -a`,
  `SELECT a=1,b=-1,c<>1,d!='x',e>=+1,f<=>1,g||'x',h=:p,i=?,j=@p1,k>@p2,l=--c 5\n1, m=/*c 5*/2,n=*3, o:=5, p%5, q~'x',r!~*'y'`,
  `EXEC sp_1 @a1 = 5, @b = N'x', @@rowcount1, @@, @@ 5, @é1b2, @a½b3, @@ß4c5, @?, @>5, @ 5, @'x'`,
  `SELECT :name, :1, :a1, ::int4, a::numeric(10,2), '5'::int8, TRUE::text, ?::int, ?5`,
  `SELECT d->'a', d->>'b1', d->1, d#>'{a,1}', d#>>'{b}', d @> '{"a":1}', d <@ '{}', d ? 'x', d ?| array['a','b1'], d ?& '5', d @? '$.a[*] ? (@ > 2)', d @@ '$.a > 5', d #- '{1}', d - 'a'`,
  `SELECT ARRAY[1,2,'x'], a[1], a[1:2], ARRAY[?, ?], '{1,2}'::int[]`,
  `SELECT [a1], [b 2].[c3], {d '2020-01-01'}, {fn x1(5)}`,
  `SELECT true, True5, TRUE(1), NULL, null5, NULL=NULL, nullable, FALSE;TRUE,NULL)FALSE(NULL]TRUE}NULL{null:null`,
  `SELECT select.1, from.1e5, foo.1, foo.1e5, foo.bar1, where.x1, null.1, true.5, WITH.5 straight_join.5 proc.5 vaccum.5`,
  `SELECT md5('x'), md5 ('x'), sha256(a1), é5('x'), to_char5(1), f1.g2(3), count(*), count( * ), a*5, *5`,
  `SELECT N'x', E'a\\nb', B'101', X'1F', U&'\\0041', _utf8'x', 'a' 'b', 'a'\n'b', '', '''', '\\\\', '\\', 5`,
  `SELECT * FROM t WHERE a LIKE '10\\%' ESCAPE '\\'`,
  `SELECT "", "a""b1", "a".b1, "a1" . "b2", a"b1"c2, 1"x"`,
  `SELECT größe1, "Größe2", 日本3 FROM таблица4 WHERE naïve = 'ü' AND 😀5 = '😀' AND x = ½ AND y = ٣`,
  `\u00a0 SELECT 1 \u0085`,
  `\ufeffSELECT\u20281`,
  `SELECT 1\0, 'secret'`,
  `SELECT 'a\0b', 5`,
  `SELECT /* \0 */ 5`,
  `SELECT "a1\0" 5`,
  `SELECT $a\0$ 5 $a\0$, 6`,
  `-- only a comment 5`,
  `--`,
  `/*`,
  `/*/`,
  `$`,
  `$$`,
  `@`,
  `@@`,
  `0x`,
  `'`,
  `"`,
  `\\`,
  `;;;`,
  `...`,
  `   `,
  `5`,
  `NULL`,
  `CALL p(?, 5, 'x', @out)`,
  `SET @a1 = 5, NAMES 'utf8', SESSION sql_mode='ANSI'`,
  `BEGIN; SAVEPOINT s1; ROLLBACK TO s1; COMMIT`,
  `GRANT ALL ON db1.* TO 'u1'@'localhost' IDENTIFIED BY 'secret5'`,
  `EXPLAIN ANALYZE SELECT 1`,
  `COPY t FROM '/tmp/a1.csv' WITH (FORMAT csv)`,
  `SELECT CASE WHEN a=1 THEN 'x' ELSE "y1" END AS "z 1" FROM t ORDER BY 2 DESC`,
  `SELECT a\r\n\tFROM\tt1\r\nWHERE b\t=\t'x'`,
  `SET key value 5`,
  `{"find": "t1", "filter": {"a": 5}}`,
];
/** Some of them end before the dot. */
const words =
  `absolute action add after all allocate alter always analyse analyze and any are array as asc assertion at atomic
  authorization before begin between bigint binary both by call cascade case cast char check clone close cluster collate column
  commit concurrently connect constraint copy create cross cube current cursor cycle database date deallocate declare default
  deferrable delete desc describe distinct do domain drop dual each else end escape except exec execute exists explain external
  false fetch filter first float for force foreign from full function get global grant group grouping having identity if ilike
  immediate in index inner inout insert int intersect interval into is isnull join key language last lateral leading left like
  limit literal local lock match materialized merge modify natural new no not notnull null of off offset old on only open option
  or order out outer over overlaps partition percent pivot plpgsql precision prepare primary prior privileges proc procedure
  public raise range read recursive references regexp release rename replace restrict return returning returns revoke right rlike
  rollback rollup row rownum rows savepoint schema scroll select sequence set show signal similar skip some sql start static
  straight_join table temp temporary then to top trailing trigger truncate true type uescape union unique unknown unlogged unnest
  unpivot until update usage use user using vaccum vacuum values varying verbose view when whenever where while window with
  within without work xml year zone`
    .split(/\s+/)
    .flatMap((word) => [word, word.toUpperCase()])
    .map((word) => `${word}.1e5 ${word}(1 ${word}=1`);
/** Cut off at each letter. */
const cut = [
  `SELECT a1, "b2"."c3" FROM t4 WHERE x = 'it''s \\' 5' AND y IN (-1.5e+3, NULL) -- end 5`,
  'INSERT INTO `t``1` VALUES ($1, @p1, :q, $tag$ 5 $tag$, $func$ SELECT 5 $func$, 0x1F, TRUE) /* c 5 */ # d 6',
  `UPDATE größe5 SET j1 = j1 #>> '{a}' || "x" ->> 5 WHERE a::int4 @> ARRAY[1,'é']`,
];

const pieces = [
  ...[
    'SELECT',
    'from',
    'true',
    'FALSE',
    'Null',
    'md5',
    'tbl1',
    'e',
    'E5',
    '0',
    '1',
    '07',
    '08',
    '0x',
    '0xFf',
    '.',
    '..',
  ],
  ...['-', '+', '*', '/', '=', '<', '>', '!', '&', '|', '^', '%', '~', '?', '@', '@@', ':', '::', '#', '$', '$$', '$1'],
  ...[
    '$func$',
    '$tag$',
    '$é$',
    '$Ł$',
    '\\',
    "'",
    "'",
    '"',
    '"',
    '"."',
    '`',
    '`',
    '[',
    ']',
    '(',
    ')',
    '{',
    '}',
    ',',
    ';',
  ],
  ...[' ', ' ', ' ', '\t', '\n', '\r', '--', '/*', '*/', '#>', '->', '->>', 'é', '日本', '😀', '½', '\u0301', '\u00a0'],
  ...['\u0085', '\ufeff', '\ufffd', '\0', '@p1', ':p1', 'STRAIGHT_JOIN', 'WITH', 'ſ', '_', 'a', 'b1'],
];
const random = seededRandom(7);
const soups = Array.from({ length: 600 }, () =>
  Array.from({ length: 1 + random() * 14 }, () => pieces[Math.floor(random() * pieces.length)]).join(''),
);
const prefixes = cut.flatMap((query) =>
  Array.from(query, (_, i) =>
    Array.from(query)
      .slice(0, i + 1)
      .join(''),
  ),
);
const texts = [...queries, words.join(', '), ...prefixes, ...soups];

const generic = [undefined, 'PostgreSQL', 'mariadb', 'sqlite', 'other_sql', 'oracle', 'mssql', 'redis', ''];
const systems = [...generic, 'mysql', 'MySQL'];

const text = (stringValue: string) => ({ stringValue });
const perRequest = 3000;

/** Each text as an attribute beside each system, as a span's name and as a body. */
function requests(signal: Signal, beside: readonly (string | undefined)[]): object[] {
  const records = texts.flatMap((said) =>
    beside.map((system, i) => {
      const attributes = ['db.statement', 'db.query.text', 'note'].map((key) => ({ key, value: text(said) }));
      if (system !== undefined) attributes.push({ key: i % 2 ? 'db.system' : 'db.system.name', value: text(system) });
      if (signal === 'traces') return { name: said, kind: 1 + (i % 3), attributes };
      return signal === 'logs' ? { body: text(said), attributes } : { attributes };
    }),
  );
  const parts = Array.from({ length: Math.ceil(records.length / perRequest) }, (_, i) =>
    records.slice(i * perRequest, (i + 1) * perRequest),
  );
  return parts.map((part) => {
    if (signal === 'traces') return { resourceSpans: [{ scopeSpans: [{ spans: part }] }] };
    if (signal === 'logs') return { resourceLogs: [{ scopeLogs: [{ logRecords: part }] }] };
    return { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ gauge: { dataPoints: part } }] }] }] };
  });
}

const attributes = ['db.statement', 'db.query.text'];
const sql = { enabled: true, attributes };
const sanitizing = (db_sanitizer: object, more: object = {}) => ({
  ...{ allow_all_keys: true, summary: 'debug', db_sanitizer },
  ...more,
});
const others = { redis: sql, mongo: { enabled: true, attributes: ['db.statement'] }, memcached: { enabled: true } };

/** The peer reads attributes as MySQL once it has named a span so: names and attributes are each looked at alone. */
const apart = [
  sanitizing({ sql, sanitize_span_name: false }),
  sanitizing({ sql: { enabled: true } }),
  sanitizing({ sql: { enabled: true }, ...others, sanitize_span_name: false }),
  sanitizing({ sql, ...others, sanitize_span_name: false }, { redact_all_types: true, blocked_values: ['ada@[a-z]+'] }),
];
const together = [sanitizing({ sql }), sanitizing({ sql, ...others })];

interop.each([
  ['traces', 'any system', systems, apart],
  ['traces', 'systems other than MySQL', generic, together],
  ['logs', 'any system', systems, [...apart, ...together]],
  ['metrics', 'any system', systems, [...apart, ...together]],
] as const)('SQL in %s of %s comes out as from the Go collector', async (signal, _, beside, configs) => {
  const oracle = await loadOracle();
  const request = oracle.request(signal);
  const sent = requests(signal, beside).map((each) => request.encode(request.fromObject(each)).finish());
  expect(await differencesFromOtelcol(oracle, signal, redaction as ProcessorFactory, configs, sent)).toBe('');
});
