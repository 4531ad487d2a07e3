import type { Signal } from '../../internal/otlp/payload.ts';
import { trimSpace } from '../../internal/ottl/index.ts';
import type { RedactionConfig } from './config.ts';
import { withoutRedisValues } from './redis.ts';
import { withoutSqlLiterals } from './sql_sanitizer.ts';

export type DbSanitizerConfig = NonNullable<RedactionConfig['db_sanitizer']>;
type Name = 'sql' | 'redis' | 'valkey' | 'memcached' | 'mongo' | 'opensearch' | 'es';

interface Database {
  /** As db.system.name has them. */
  readonly systems: readonly string[];
  readonly attributes: ReadonlySet<string>;
  readonly sanitize: Sanitize;
}

/** @param dialect the system whose reading of a query counts; empty where none is told */
type Sanitize = (query: string, dialect?: string) => string;

/** In upstream's order; of queries of the last two it leaves attributes alone. */
const known: readonly (readonly [name: Name, systems: string, sanitize: Sanitize])[] = [
  ['sql', 'other_sql mysql postgresql mariadb sqlite', withoutSqlLiterals],
  ['redis', 'redis', withoutRedisValues],
  ['valkey', 'valkey', withoutRedisValues],
  ['memcached', 'memcached', withoutMemcachedValue],
  ['mongo', 'mongodb', withoutJsonValues],
  ['opensearch', 'opensearch', withoutJsonValues],
  ['es', 'elasticsearch', withoutJsonValues],
];

/** Leaves values out of queries and commands. */
export class DbSanitizer {
  readonly #databases: readonly Database[];
  /** Attributes without a system beside them are sanitized as of any: upstream does so for logs. */
  readonly #guesses: boolean;
  /** Attributes are read as the system beside them does: upstream does so once it has seen a span's name of that system. */
  readonly #dialects: boolean;

  constructor(config: DbSanitizerConfig, signal: Signal) {
    this.#guesses = signal === 'logs';
    this.#dialects = signal === 'traces' && config.sanitize_span_name;
    this.#databases = known
      .filter(([name]) => config[name]?.enabled)
      .map(([name, systems, sanitize]) => {
        const attributes = name === 'opensearch' || name === 'es' ? [] : config[name]!.attributes;
        return { systems: systems.split(' '), attributes: new Set(attributes), sanitize };
      });
  }

  get isNeeded(): boolean {
    return this.#databases.length > 0;
  }

  /** @param system lower case, of the attributes that this one stands among; empty where there is none */
  attribute(text: string, key: string, system: string): string {
    const holding = this.#databases.filter((database) => database.attributes.has(key));
    if (system === '' && this.#guesses) return holding.reduce((query, { sanitize }) => sanitize(query), text);
    const dialect = this.#dialects ? system : '';
    return holding.find(({ systems }) => systems.includes(system))?.sanitize(text, dialect) ?? text;
  }

  /** Of a log record nobody tells which database it is about: all have their turn. */
  body(text: string): string {
    return this.#databases.reduce((query, { sanitize }) => sanitize(query), text);
  }

  spanName(name: string, system: string): string {
    return this.#databases.find(({ systems }) => systems.includes(system))?.sanitize(name, system) ?? name;
  }
}

/** What follows the command's line is the value. */
function withoutMemcachedValue(command: string): string {
  return trimSpace(command.split('\r\n', 1)[0]!);
}

/** JSON without spaces but for those at its end, with "?" for each value. What is no JSON stays as it is. */
function withoutJsonValues(text: string): string {
  try {
    JSON.parse(text);
  } catch {
    return text;
  }
  const body = text.trimEnd();
  const sanitized = body.replace(
    /("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[^\s{}[\],:"]+|\s+/g,
    (found, key?: string) => {
      if (key) return `${key}:`;
      return /^\s/.test(found) ? '' : '"?"';
    },
  );
  return sanitized + text.slice(body.length);
}
