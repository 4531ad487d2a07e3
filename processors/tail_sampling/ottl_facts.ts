import type { Settings } from '../../internal/core/component.ts';
import { Notice } from '../../internal/core/notice.ts';
import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { type CompiledCondition, compileCondition, OttlError, placed, Scene } from '../../internal/ottl/index.ts';
import type { Facts } from '../../internal/sampling/decider.ts';
import type { Bit, Gatherer, Layout } from './facts.ts';

export interface OttlConfig {
  readonly error_mode: '' | 'ignore' | 'silent' | 'propagate';
  readonly span: readonly string[];
  readonly spanevent: readonly string[];
}

/** Why the condition cannot be used; undefined where it can. */
export function ottlProblem(text: string, context: 'span' | 'spanevent'): string | undefined {
  const compiled = compileCondition(text, context);
  return compiled.ok ? undefined : placed(compiled.problem, text);
}

/**
 * OTTL conditions, each asked of each span or span event until one holds. With `propagate`, the first that cannot be worked
 * out before that ends it: the policy fails on the trace.
 */
export class OttlFacts implements Gatherer {
  readonly matched: Bit;
  readonly failed: Bit;
  readonly #settings: Pick<Settings, 'logger' | 'clock'>;
  readonly #mode: OttlConfig['error_mode'];
  readonly #onSpan: readonly CompiledCondition[];
  readonly #onEvent: readonly CompiledCondition[];
  readonly #scene = new Scene();
  readonly #notice: Notice;

  constructor(layout: Layout, config: OttlConfig, settings: Pick<Settings, 'clock' | 'random' | 'logger'>) {
    this.matched = layout.bit();
    this.failed = layout.bit();
    this.#settings = settings;
    this.#mode = config.error_mode;
    const { clock, random } = settings;
    const surroundings = { now: () => BigInt(Math.round(clock.now() * 1e6)), random };
    const compile = (context: 'span' | 'spanevent') => (text: string) => {
      const compiled = compileCondition(text, context, { surroundings });
      if (compiled.ok) return compiled;
      throw new Error(`the schema let through what is no condition: ${text}`);
    };
    this.#onSpan = config.span.map(compile('span'));
    this.#onEvent = config.spanevent.map(compile('spanevent'));
    this.#notice = new Notice(clock);
  }

  enter(resource: ResourceGroup, scope: ScopeGroup): void {
    this.#scene.resource = resource;
    this.#scene.scope = scope;
  }

  gather(span: Span, { bits, bitsAt }: Facts): void {
    const { word, mask } = this.matched;
    if ((bits[bitsAt + word]! & mask) !== 0) return;
    if ((bits[bitsAt + this.failed.word]! & this.failed.mask) !== 0) return;
    this.#scene.span = span;
    try {
      if (this.#anySpan() || this.#anyEvent(span)) bits[bitsAt + word]! |= mask;
    } catch (thrown) {
      // Conditions throw nothing else: another is a bug, and goes on.
      if (!(thrown instanceof OttlError)) throw thrown;
      bits[bitsAt + this.failed.word]! |= this.failed.mask;
    }
  }

  #anySpan(): boolean {
    return this.#onSpan.length > 0 && this.#anyOf(this.#onSpan);
  }

  #anyEvent(span: Span): boolean {
    if (this.#onEvent.length === 0) return false;
    const { events } = span;
    this.#scene.eventIndex = 0;
    for (let event = events.next(); event; event = events.next()) {
      this.#scene.event = event;
      if (this.#anyOf(this.#onEvent)) return true;
      this.#scene.eventIndex++;
    }
    return false;
  }

  /** @throws OttlError with `propagate` only */
  #anyOf(conditions: readonly CompiledCondition[]): boolean {
    for (const condition of conditions) {
      try {
        if (condition.test(this.#scene)) return true;
      } catch (thrown) {
        if (this.#mode === 'propagate' || !(thrown instanceof OttlError)) throw thrown;
        if (this.#mode === 'ignore') this.#tell(thrown.message);
      }
    }
    return false;
  }

  #tell(error: string): void {
    this.#notice.event((leftOut) => {
      const fields = { error, left_out_before: leftOut };
      this.#settings.logger.warn('an OTTL condition of a policy could not be worked out: it counts as false', fields);
    });
  }
}
