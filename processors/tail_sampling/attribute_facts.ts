import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import type { AnyValue } from '../../internal/otlp/view/value.ts';
import { uint32At } from '../../internal/otlp/wire.ts';
import type { Facts } from '../../internal/sampling/decider.ts';
import { ByteCache, ByteSet } from './byte_tables.ts';
import type { Bit, Gatherer, Layout } from './facts.ts';

/**
 * A question about the value of an attribute. As in Go, a value of another type than asked for counts as that type's
 * zero: 0, false, the empty text.
 */
export interface ValueTest {
  /** Equal for equal questions. */
  readonly id: string;
  /** @param empty what to say of the empty text: a resource's may match an expression, a span's never does */
  matches(value: AnyValue, ofSpan: boolean): boolean;
}

/** From `min` to `max`, both included. */
export function inRange(min: number, max: number): ValueTest {
  return {
    id: `range ${min} ${max}`,
    matches(value) {
      const number = value.kind === 'int' ? intOf(value) : 0;
      return number >= min && number <= max;
    },
  };
}

/** A bigint only where it takes one. */
function intOf(value: AnyValue): number | bigint {
  const { raw } = value;
  const from = raw.valueStart(3);
  return raw.valueEnd(3) - from <= 4 ? uint32At(raw.buf, from) : value.intValue;
}

export function isBoolean(wanted: boolean): ValueTest {
  return {
    id: `boolean ${wanted}`,
    matches: (value) => (value.kind === 'bool' && value.boolValue) === wanted,
  };
}

export function isOneOf(values: readonly string[]): ValueTest {
  const set = new ByteSet(values.filter((value) => value !== ''));
  return {
    id: `one of ${JSON.stringify(values)}`,
    matches({ kind, raw }) {
      return kind === 'string' && set.has(raw.buf, raw.valueStart(1), raw.valueEnd(1));
    },
  };
}

/** @param expressions one of which must be found in the value */
export function isFoundBy(
  sources: readonly string[],
  expressions: readonly { test(text: string): boolean }[],
  cacheSize: number,
): ValueTest {
  const cache = new ByteCache(cacheSize);
  const test = (text: string) => expressions.some((expression) => expression.test(text));
  const testBytes = (buf: Uint8Array, from: number, to: number) =>
    test(Buffer.from(buf.buffer, buf.byteOffset + from, to - from).toString());
  const emptyMatches = test('');
  return {
    id: `expressions ${JSON.stringify(sources)}`,
    matches({ kind, raw }, ofSpan) {
      const from = kind === 'string' ? raw.valueStart(1) : 0;
      const to = kind === 'string' ? raw.valueEnd(1) : 0;
      if (from === to) return !ofSpan && emptyMatches;
      return cache.ask(raw.buf, from, to, testBytes);
    },
  };
}

/** All questions about one attribute: it is looked for once in each span, and not at all once all are answered yes. */
export class AttributeFacts implements Gatherer {
  readonly #key: Uint8Array;
  readonly #layout: Layout;
  readonly #tests: ValueTest[] = [];
  readonly #bits: Bit[] = [];

  constructor(key: string, layout: Layout) {
    this.#key = Buffer.from(key);
    this.#layout = layout;
  }

  /** Set once a span, or its resource, has the attribute with a value that matches. */
  bit(test: ValueTest): Bit {
    const known = this.#tests.findIndex(({ id }) => id === test.id);
    if (known >= 0) return this.#bits[known]!;
    const bit = this.#layout.bit();
    this.#tests.push(test);
    this.#bits.push(bit);
    return bit;
  }

  enter({ resource }: ResourceGroup, _scope: ScopeGroup, hits: Uint32Array): void {
    const value = resource.attributes.find(this.#key)?.value;
    if (value === undefined) return;
    for (let i = 0; i < this.#tests.length; i++) {
      const { word, mask } = this.#bits[i]!;
      if (this.#tests[i]!.matches(value, false)) hits[word]! |= mask;
    }
  }

  gather(span: Span, { bits, bitsAt }: Facts): void {
    let value: AnyValue | undefined;
    for (let i = 0; i < this.#tests.length; i++) {
      const { word, mask } = this.#bits[i]!;
      if ((bits[bitsAt + word]! & mask) !== 0) continue;
      value ??= span.attributes.find(this.#key)?.value;
      if (value === undefined) return;
      if (this.#tests[i]!.matches(value, true)) bits[bitsAt + word]! |= mask;
    }
  }
}
