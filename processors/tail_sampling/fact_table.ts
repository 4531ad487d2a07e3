import type { Span } from '../../internal/otlp/view/span.ts';
import { AttributeFacts, type ValueTest } from './attribute_facts.ts';
import { type Bit, type Gatherer, Layout } from './facts.ts';
import { SizeFacts } from './size_facts.ts';
import { DurationFacts, type DurationRange, SpanFact } from './span_facts.ts';

/** All that the policies want to know of a trace's spans, each thing once. */
export class FactTable {
  readonly layout = new Layout();
  readonly gatherers: Gatherer[] = [];
  readonly #attributes = new Map<string, AttributeFacts>();
  readonly #bySpan = new Map<string, SpanFact>();
  readonly #others = new Map<string, Gatherer>();
  #duration: DurationFacts | undefined;
  #size: SizeFacts | undefined;

  attribute(key: string, test: ValueTest): Bit {
    let facts = this.#attributes.get(key);
    if (!facts) {
      facts = this.#add(new AttributeFacts(key, this.layout));
      this.#attributes.set(key, facts);
    }
    return facts.bit(test);
  }

  /** @param id equal for equal tests */
  span(id: string, test: (span: Span) => boolean): Bit {
    let fact = this.#bySpan.get(id);
    if (!fact) {
      fact = this.#add(new SpanFact(this.layout, test));
      this.#bySpan.set(id, fact);
    }
    return fact.bit;
  }

  within(range: DurationRange): Bit {
    this.#duration ??= this.#add(new DurationFacts(this.layout));
    return this.#duration.bit(range);
  }

  get size(): SizeFacts {
    this.#size ??= this.#add(new SizeFacts(this.layout));
    return this.#size;
  }

  /** @param id equal for equal gatherers */
  shared<G extends Gatherer>(id: string, make: (layout: Layout) => G): G {
    let gatherer = this.#others.get(id) as G | undefined;
    if (!gatherer) {
      gatherer = this.#add(make(this.layout));
      this.#others.set(id, gatherer);
    }
    return gatherer;
  }

  #add<G extends Gatherer>(gatherer: G): G {
    this.gatherers.push(gatherer);
    return gatherer;
  }
}
