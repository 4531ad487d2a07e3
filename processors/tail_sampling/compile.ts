import type { Settings } from '../../internal/core/component.ts';
import { regexOf } from '../../internal/ottl/regex.ts';
import { inRange, isBoolean, isFoundBy, isOneOf, type ValueTest } from './attribute_facts.ts';
import { DROPPED, SAMPLED } from './ballot.ts';
import { subPolicies, type TailSamplingConfig } from './config.ts';
import { ConsistentPolicy, RandomnessFacts } from './consistent_policy.ts';
import type { FactTable } from './fact_table.ts';
import type { Bit } from './facts.ts';
import { AllPolicy, CompositePolicy, NotPolicy, type Seat } from './group_policies.ts';
import { TokenBucket } from './limiter.ts';
import type { Notes } from './notes.ts';
import { OttlFacts } from './ottl_facts.ts';
import {
  always,
  FactPolicy,
  type FactWords,
  LimitPolicy,
  type Policy,
  ProbabilisticPolicy,
  round,
  SpanCountPolicy,
} from './policy.ts';
import { type PolicyConfig, sectionOf } from './policy_schema.ts';
import { durationRange, hasStatus, hasTraceState, isFlaggedSampled } from './span_facts.ts';
import { hashLimit, TraceHash } from './trace_hash.ts';

const defaultSalt = 'default-hash-seed';

/** What policies need of the outside. */
export type Surroundings = Pick<Settings, 'clock' | 'random' | 'logger'>;

type Options = Pick<TailSamplingConfig, 'invert_decisions' | 'consistent_probability'>;

/** Turns configured policies into ones that vote. */
export class Compiler {
  readonly facts: FactTable;
  readonly notes: Notes;
  readonly #settings: Surroundings;
  readonly #options: Options;
  readonly #inverted: 'plain' | 'ranked';

  constructor(facts: FactTable, notes: Notes, settings: Surroundings, options: Options) {
    this.facts = facts;
    this.notes = notes;
    this.#settings = settings;
    this.#options = options;
    this.#inverted = options.invert_decisions ? 'ranked' : 'plain';
  }

  seat(config: PolicyConfig): Seat {
    const { name, type } = config;
    return { name, type, policy: this.#policy(config), slot: this.notes.ballotSlot() };
  }

  #policy(config: PolicyConfig): Policy {
    const { notes } = this;
    switch (config.type) {
      case 'and':
        return new AllPolicy(notes, this.#subs(config), SAMPLED);
      case 'drop':
        return new AllPolicy(notes, this.#subs(config), DROPPED);
      case 'not':
        return this.#not(config);
      case 'composite':
        return this.#composite(config);
      case 'always_sample':
        return always;
      case 'latency':
        return this.#latency(config);
      case 'span_count': {
        const { min_spans, max_spans } = sectionOf(config, 'span_count');
        return new SpanCountPolicy(min_spans, max_spans);
      }
      case 'probabilistic':
        return this.#probabilistic(config);
      case 'rate_limiting':
      case 'bytes_limiting':
        return this.#limit(config);
      case 'ottl_condition':
        return this.#ottl(config);
      case 'numeric_attribute':
      case 'string_attribute':
      case 'boolean_attribute':
        return this.#attribute(config);
      default:
        return this.#spanFact(config);
    }
  }

  #subs(config: PolicyConfig): Seat[] {
    return subPolicies(config).map((sub) => this.seat(sub));
  }

  #not(config: PolicyConfig): Policy {
    return new NotPolicy(this.notes, this.#subs(config)[0]!);
  }

  #composite(config: PolicyConfig): Policy {
    const { max_total_spans_per_second: total = 0, rate_allocation = [] } =
      ('composite' in config && config.composite) || {};
    const subs = this.#subs(config);
    const shares = subs.map((sub) => {
      // As upstream, the last of several counts, and who is not named has nothing.
      const percent = rate_allocation.findLast(({ policy }) => policy === sub.name)?.percent;
      const spans = percent === undefined ? 0 : percent > 0 ? (percent / 100) * total : total / subs.length;
      return { sub, spans: Math.trunc(spans) };
    });
    return new CompositePolicy(this.notes, shares, total, this.#settings.clock);
  }

  #latency(config: PolicyConfig): Policy {
    const { threshold_ms, upper_threshold_ms } = sectionOf(config, 'latency');
    const bit = this.facts.within(durationRange(threshold_ms, upper_threshold_ms));
    const bounds =
      upper_threshold_ms > 0 ? `${threshold_ms} ms and up to ${upper_threshold_ms} ms wanted` : `${threshold_ms} ms`;
    const words: FactWords['yes'] = ({ durationNanos }) => {
      const ms = round(durationNanos / 1e6, 3);
      return upper_threshold_ms > 0 ? `duration ${ms} ms, above ${bounds}` : `duration ${ms} ms, threshold ${bounds}`;
    };
    return new FactPolicy(bit, { yes: words, no: words }, { common: threshold_ms <= 0 });
  }

  #probabilistic(config: PolicyConfig): Policy {
    const { sampling_percentage: percentage, hash_salt } = sectionOf(config, 'probabilistic');
    if (this.#options.consistent_probability) {
      const randomness = this.facts.shared('randomness', (layout) => new RandomnessFacts(layout));
      return new ConsistentPolicy(this.notes, randomness, percentage);
    }
    const salt = hash_salt || defaultSalt;
    return new ProbabilisticPolicy(this.notes, new TraceHash(salt), hashLimit(percentage), salt, percentage);
  }

  #limit(config: PolicyConfig): Policy {
    const now = this.#settings.clock.monotonic();
    if (config.type === 'rate_limiting') {
      const { spans_per_second: rate, burst_capacity } = sectionOf(config, 'rate_limiting');
      const bucket = new TokenBucket(rate, burst_capacity || 2 * rate, now);
      return new LimitPolicy(
        this.notes,
        bucket,
        rate,
        { unit: 'spans', of: ({ spanCount }) => spanCount },
        this.#settings.clock,
      );
    }
    const { bytes_per_second: rate, burst_capacity } = sectionOf(config, 'bytes_limiting');
    const bucket = new TokenBucket(rate, burst_capacity || 2 * rate, now);
    const { size } = this.facts;
    return new LimitPolicy(
      this.notes,
      bucket,
      rate,
      { unit: 'bytes', of: ({ facts }) => size.ofRequest(facts) },
      this.#settings.clock,
    );
  }

  #ottl(config: PolicyConfig): Policy {
    const condition = sectionOf(config, 'ottl_condition');
    const { span, spanevent } = condition;
    const id = JSON.stringify(condition);
    const facts = this.facts.shared(id, (layout) => new OttlFacts(layout, condition, this.#settings));
    const conditions = [...span, ...spanevent].join(', or ');
    const words = {
      yes: () => `a span or event for which: ${conditions}`,
      no: () => `no span or event for which: ${conditions}`,
    };
    return new FactPolicy(facts.matched, words, { failedBit: facts.failed });
  }

  #attribute(config: PolicyConfig): Policy {
    const { key, invert_match, test, wanted } = this.#attributeTest(config);
    const bit = this.facts.attribute(key, test);
    const words = {
      yes: () => `a span or resource with ${key} ${wanted}`,
      no: () => `no span or resource with ${key} ${wanted}`,
    };
    return new FactPolicy(bit, words, { inverted: invert_match ? this.#inverted : undefined });
  }

  #attributeTest(config: PolicyConfig): { key: string; invert_match: boolean; test: ValueTest; wanted: string } {
    if (config.type === 'numeric_attribute') {
      const { key, invert_match, min_value, max_value } = sectionOf(config, 'numeric_attribute');
      const min = min_value === 0 ? Number.NEGATIVE_INFINITY : min_value;
      const max = max_value === 0 ? Number.POSITIVE_INFINITY : max_value;
      const wanted =
        max_value === 0 ? `from ${min} on` : min_value === 0 ? `up to ${max}` : `between ${min} and ${max}`;
      return { key, invert_match, test: inRange(min, max), wanted };
    }
    if (config.type === 'boolean_attribute') {
      const { key, invert_match, value } = sectionOf(config, 'boolean_attribute');
      return { key, invert_match, test: isBoolean(value), wanted: `= ${value}` };
    }
    const { key, invert_match, values, enabled_regex_matching, cache_max_size } = sectionOf(config, 'string_attribute');
    if (!enabled_regex_matching) {
      return { key, invert_match, test: isOneOf(values), wanted: `in [${few(values)}]` };
    }
    const test = isFoundBy(values, values.map(regexOf), cache_max_size || 128);
    return { key, invert_match, test, wanted: `that matches ${few(values)}` };
  }

  #spanFact(config: PolicyConfig): Policy {
    if (config.type === 'status_code') {
      const { status_codes: codes } = sectionOf(config, 'status_code');
      const id = `status ${[...new Set(codes)].sort().join(' ')}`;
      const common = codes.some((code) => code !== 'ERROR');
      return this.#told(this.facts.span(id, hasStatus(codes)), `status ${codes.join(' or ')}`, common);
    }
    if (config.type === 'trace_state') {
      const { key, values } = sectionOf(config, 'trace_state');
      const id = `trace state ${JSON.stringify([key, values])}`;
      return this.#told(this.facts.span(id, hasTraceState(key, values)), `tracestate ${key} in [${few(values)}]`);
    }
    return this.#told(this.facts.span('flags', isFlaggedSampled), 'the sampled flag', true);
  }

  #told(bit: Bit, what: string, common = false): Policy {
    return new FactPolicy(bit, { yes: () => `a span with ${what}`, no: () => `no span with ${what}` }, { common });
  }
}

function few(values: readonly string[]): string {
  return values.length <= 5 ? values.join(', ') : `${values.slice(0, 5).join(', ')}, and ${values.length - 5} more`;
}
