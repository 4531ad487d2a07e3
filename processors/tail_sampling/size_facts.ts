import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { varintSize } from '../../internal/otlp/wire.ts';
import type { Facts } from '../../internal/sampling/decider.ts';
import type { Gatherer, Layout } from './facts.ts';

/* Numbers of each trace. */
/** Bytes of all arrivals as one request, and of what is in their ResourceSpans. */
const REQUEST = 0;
const GROUPS = 1;
/** The scope, of those of all arrivals, to which the last span belongs. */
const SCOPE = 2;
/** Bytes of its ScopeSpans so far, and of its ResourceSpans. */
const IN_SCOPE = 3;
const IN_RESOURCE = 4;
const NUMBERS = 5;

const PARENT = 4;
const STATUS = 15;
const emptyField = 2;

/**
 * Bytes of a trace as upstream counts them: what arrives of it in one request is kept with a copy of its resource and
 * its scopes, without schema URLs; of a span, parent and status are written also where they are empty.
 */
export class SizeFacts implements Gatherer {
  readonly #first: number;
  #scope = 0;
  #firstOfResource = 0;
  #resourceBytes = 0;
  #scopeBytes = 0;
  #buf: Uint8Array | undefined;
  #resourceAt = -1;
  #scopeAt = -1;

  constructor(layout: Layout) {
    this.#first = layout.number(NUMBERS);
  }

  enter(resource: ResourceGroup, scope: ScopeGroup): void {
    this.#scope++;
    // Within one request, scopes lie one behind the other.
    const goesOn = resource.buf === this.#buf && resource.start === this.#resourceAt && scope.start > this.#scopeAt;
    if (!goesOn) this.#firstOfResource = this.#scope;
    this.#buf = resource.buf;
    this.#resourceAt = resource.start;
    this.#scopeAt = scope.start;
    this.#resourceBytes = field(resource.valueEnd(1) - resource.valueStart(1));
    this.#scopeBytes = field(scope.valueEnd(1) - scope.valueStart(1));
  }

  gather(span: Span, { numbers, numbersAt }: Facts): void {
    const at = numbersAt + this.#first;
    const last = numbers[at + SCOPE]!;
    if (last < this.#firstOfResource) {
      numbers[at + IN_RESOURCE] = this.#resourceBytes;
      numbers[at + REQUEST]! += field(this.#resourceBytes);
      numbers[at + GROUPS]! += this.#resourceBytes;
    }
    let more = 0;
    if (last !== this.#scope) {
      numbers[at + SCOPE] = this.#scope;
      numbers[at + IN_SCOPE] = this.#scopeBytes;
      more = field(this.#scopeBytes);
    }
    const unwritten = (span.has(PARENT) ? 0 : emptyField) + (span.has(STATUS) ? 0 : emptyField);
    const inScope = numbers[at + IN_SCOPE]!;
    const grown = inScope + field(span.end - span.start + unwritten);
    numbers[at + IN_SCOPE] = grown;
    more += field(grown) - field(inScope);
    const inResource = numbers[at + IN_RESOURCE]!;
    numbers[at + IN_RESOURCE] = inResource + more;
    numbers[at + REQUEST]! += field(inResource + more) - field(inResource);
    numbers[at + GROUPS]! += more;
  }

  /** Of all arrivals as one request. */
  ofRequest({ numbers, numbersAt }: Facts): number {
    return numbers[numbersAt + this.#first + REQUEST]!;
  }

  /** Of what is in the ResourceSpans of the arrivals. */
  ofGroups({ numbers, numbersAt }: Facts): number {
    return numbers[numbersAt + this.#first + GROUPS]!;
  }
}

/** Bytes of a field with a tag of one byte. */
function field(length: number): number {
  return 1 + varintSize(length) + length;
}
