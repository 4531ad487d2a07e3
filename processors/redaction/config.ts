import { z } from 'zod';
import { pattern } from '../../internal/attributes/pattern.ts';
import { enumeration, object, secret, section } from '../../internal/config/fields.ts';

const patterns = (what: string) => z.array(pattern()).default([]).describe(what);
const keys = (what: string) => z.array(z.string()).default([]).describe(what);

const database = (what: string) =>
  section(
    object({
      enabled: z.boolean().default(false).describe(`Leaves the values out of ${what}.`),
      attributes: keys('Attributes that hold them, where db.system.name or db.system stands beside.'),
    }),
  );

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/redactionprocessor/README.md */
export const schema = object({
  allow_all_keys: z.boolean().default(false).describe('Keeps every attribute; values are masked all the same.'),
  allowed_keys: keys('Attributes that stay; all others are removed. An empty list removes all.'),
  ignored_keys: keys('Attributes that stay as they are, whatever they say.'),
  ignored_key_patterns: patterns('The same by RE2 patterns of keys.'),
  blocked_key_patterns: patterns('Attributes whose whole value is masked.'),
  blocked_values: patterns('RE2: what matches in a value is masked.'),
  allowed_values: patterns('Values in which one of these is found are not masked at all.'),
  redact_all_types: z
    .boolean()
    .default(false)
    .describe('Numbers, lists and so on are masked too, by their text; else text only.'),
  hash_function: z
    .string()
    .transform((text) => text.toLowerCase())
    .pipe(enumeration(['', 'md5', 'sha1', 'sha3', 'hmac-sha256', 'hmac-sha512']))
    .default('')
    .describe('What is masked becomes its hash in hex, in place of ****. sha3 is SHA3-256.'),
  hmac_key: secret().optional().describe('The key of hmac-sha256 and hmac-sha512.'),
  summary: z
    .union([enumeration(['debug', 'info', 'silent']), z.literal('')])
    .default('silent')
    .describe('info: the record says how many attributes were removed, masked, allowed and ignored; debug: and which.'),
  url_sanitizer: section(
    object({
      enabled: z
        .boolean()
        .default(false)
        .describe('Puts * for each part of a path that is no word, and cuts off queries.'),
      attributes: keys('Attributes that hold URLs. Bodies of log records are sanitized in any case.'),
      sanitize_span_name: z.boolean().default(true).describe('Names of client and server spans, too.'),
    }),
  ),
  db_sanitizer: section(
    object({
      sql: database(
        'SQL of MySQL, MariaDB, PostgreSQL, SQLite and other_sql, and digits out of its names; comments stay',
      ),
      redis: database('Redis commands'),
      valkey: database('Valkey commands'),
      memcached: database('Memcached commands'),
      mongo: database('MongoDB queries in JSON'),
      opensearch: database('OpenSearch queries in JSON; of log bodies and span names only'),
      es: database('Elasticsearch queries in JSON; of log bodies and span names only'),
      sanitize_span_name: z.boolean().default(true).describe('Names of spans with db.system.name or db.system, too.'),
    }),
  ),
}).superRefine(({ hash_function, hmac_key = '' }, ctx) => {
  const least = { 'hmac-sha256': 32, 'hmac-sha512': 64 }[hash_function as string] ?? 0;
  if (Buffer.byteLength(hmac_key) >= least) return;
  const message = `expected a key of at least ${least} bytes for hash_function ${hash_function}`;
  ctx.addIssue({ code: 'custom', path: ['hmac_key'], message });
});

export type RedactionConfig = z.output<typeof schema>;
