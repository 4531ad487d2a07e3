import { createHash, createHmac } from 'node:crypto';
import type { Range } from '../../internal/otlp/regroup.ts';
import { type Regex, regexOf, type Sieve, sieveOf } from '../../internal/ottl/index.ts';
import type { RedactionConfig } from './config.ts';

/** Values and keys repeat themselves: what became of so many is kept, of texts no longer than this. */
const remembered = 4096;
const rememberedLength = 128;

export type KeyVerdict = 'ignore' | 'remove' | 'mask' | 'look';

/** Of the summary of a redaction before this one upstream lets these through, and nothing of allowed values and bodies. */
const own = ['redacted.keys', 'redacted.count', 'masked.keys', 'masked.count', 'ignored.count'];

/** What a configuration says of keys and of texts. */
export class Masks {
  readonly #config: RedactionConfig;
  readonly #allowedKeys: ReadonlySet<string>;
  readonly #ignoredKeys: ReadonlySet<string>;
  readonly #ignoredPatterns: readonly Regex[];
  readonly #blockedKeys: readonly Regex[];
  readonly #blocked: readonly Regex[];
  readonly #allowed: readonly Regex[];
  /** Lets through what a pattern of values may match. */
  readonly #sieve: Sieve | undefined;
  readonly #whole: Regex;
  readonly #keys = new Map<string, KeyVerdict>();
  readonly #texts = new Map<string, string | null>();

  constructor(config: RedactionConfig) {
    this.#config = config;
    this.#allowedKeys = new Set([...config.allowed_keys, ...own.map((name) => `redaction.${name}`)]);
    this.#ignoredKeys = new Set(config.ignored_keys);
    this.#ignoredPatterns = config.ignored_key_patterns.map(regexOf);
    this.#blockedKeys = config.blocked_key_patterns.map(regexOf);
    this.#blocked = config.blocked_values.map(regexOf);
    this.#allowed = config.allowed_values.map(regexOf);
    this.#sieve = sieveOf([...this.#blocked, ...this.#allowed]);
    this.#whole = regexOf('.*');
  }

  key(key: string): KeyVerdict {
    let verdict = this.#keys.get(key);
    if (verdict === undefined) {
      verdict = this.#judge(key);
      keep(this.#keys, key, verdict);
    }
    return verdict;
  }

  #judge(key: string): KeyVerdict {
    if (this.#ignoredKeys.has(key) || this.#ignoredPatterns.some((regex) => regex.test(key))) return 'ignore';
    if (!this.#config.allow_all_keys && !this.#allowedKeys.has(key)) return 'remove';
    return this.#blockedKeys.some((regex) => regex.test(key)) ? 'mask' : 'look';
  }

  /** The text in these bytes is neither allowed nor masked, by a look at the bytes alone. */
  passes({ buf, start, end }: Range): boolean {
    return this.#sieve !== undefined && !this.#sieve.mayMatch(buf, start, end);
  }

  allows(text: string): boolean {
    return this.#allowed.some((regex) => regex.test(text));
  }

  /** All of a text masked, line by line. */
  maskWhole(text: string): string {
    return this.#replace(this.#whole, text);
  }

  /** The text with what is blocked in it masked: itself where nothing is. */
  masked(text: string): string {
    if (this.#blocked.length === 0) return text;
    const known = this.#texts.get(text);
    if (known !== undefined) return known ?? text;
    let masked = text;
    for (const regex of this.#blocked) if (regex.test(masked)) masked = this.#replace(regex, masked);
    // What nothing is masked in is remembered without a copy of it.
    keep(this.#texts, text, masked === text ? null : masked);
    return masked;
  }

  #replace(regex: Regex, text: string): string {
    return regex.replaceAll(text, ({ groups }) => this.#mask(groups[0]!));
  }

  #mask(text: string): string {
    const { hash_function: name, hmac_key: key } = this.#config;
    switch (name) {
      case '':
        return '****';
      case 'sha3':
        return createHash('sha3-256').update(text).digest('hex');
      case 'hmac-sha256':
      case 'hmac-sha512':
        return createHmac(name.slice('hmac-'.length), key!).update(text).digest('hex');
      default:
        return createHash(name).update(text).digest('hex');
    }
  }
}

function keep<V>(known: Map<string, V>, key: string, value: V): void {
  if (key.length > rememberedLength) return;
  if (known.size >= remembered) known.clear();
  known.set(key, value);
}
