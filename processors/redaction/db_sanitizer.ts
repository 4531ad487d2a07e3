import { trimSpace } from '../../internal/ottl/index.ts';
import type { RedactionConfig } from './config.ts';
import { withoutRedisValues } from './redis.ts';

export type DbSanitizerConfig = NonNullable<RedactionConfig['db_sanitizer']>;
type Name = 'redis' | 'valkey' | 'memcached' | 'mongo' | 'opensearch' | 'es';

interface Database {
  /** As db.system.name has it. */
  readonly system: string;
  readonly attributes: ReadonlySet<string>;
  readonly sanitize: (query: string) => string;
}

/** In upstream's order; of queries of the last two it leaves attributes alone. */
const known: readonly (readonly [name: Name, system: string, sanitize: (query: string) => string])[] = [
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
  readonly #guesses: boolean;

  /** @param guesses whether attributes without a system beside them are sanitized as of any: upstream does so for logs */
  constructor(config: DbSanitizerConfig, guesses: boolean) {
    this.#guesses = guesses;
    this.#databases = known
      .filter(([name]) => config[name]?.enabled)
      .map(([name, system, sanitize]) => {
        const attributes = name === 'opensearch' || name === 'es' ? [] : config[name]!.attributes;
        return { system, attributes: new Set(attributes), sanitize };
      });
  }

  get isNeeded(): boolean {
    return this.#databases.length > 0;
  }

  /** @param system lower case, of the attributes that this one stands among; empty where there is none */
  attribute(text: string, key: string, system: string): string {
    const holding = this.#databases.filter((database) => database.attributes.has(key));
    if (system === '' && this.#guesses) return holding.reduce((query, { sanitize }) => sanitize(query), text);
    return holding.find((database) => database.system === system)?.sanitize(text) ?? text;
  }

  /** Of a log record nobody tells which database it is about: all have their turn. */
  body(text: string): string {
    return this.#databases.reduce((query, { sanitize }) => sanitize(query), text);
  }

  spanName(name: string, system: string): string {
    return this.#databases.find((database) => database.system === system)?.sanitize(name) ?? name;
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
