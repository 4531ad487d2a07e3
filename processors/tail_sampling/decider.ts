import type { Vote } from '../../internal/core/explain.ts';
import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import { thresholdOf } from '../../internal/sampling/consistent.ts';
import type { BufferedTrace, Decider, Decision, Facts, Trigger } from '../../internal/sampling/decider.ts';
import {
  type Ballot,
  ballotText,
  DROPPED,
  FAILED,
  INVERTED_NOT_SAMPLED,
  INVERTED_SAMPLED,
  NOT_ASKED,
  NOT_SAMPLED,
  SAMPLED,
} from './ballot.ts';
import { both, either, never, opposite, probability } from './chance.ts';
import { Compiler, type Surroundings } from './compile.ts';
import type { TailSamplingConfig } from './config.ts';
import { FactTable } from './fact_table.ts';
import type { Gatherer } from './facts.ts';
import type { Seat } from './group_policies.ts';
import { Notes } from './notes.ts';
import { PolicyRecords } from './policy_records.ts';

/** Counts what each policy says. Called within decisions. */
export interface PolicyObserver {
  /** @param policy index in `Decider.policies` */
  voted(policy: number, ballot: Ballot, spans: number, bytes: number): void;
  /** Milliseconds that it took, of one vote in `timedVotes`. */
  took(policy: number, ms: number): void;
}

/** One decision in so many is timed: reading the clock costs as much as most policies. */
export const timedVotes = 64;

/** Decides by the policies of the configuration, with upstream's order of strength. */
export class PolicyDecider implements Decider {
  readonly bitWords: number;
  readonly numbers: number;
  readonly policies: readonly Seat[];
  readonly maxNotes: number;
  /** As upstream, with a copy of resource and scope for each arrival. */
  readonly sizeOf?: (facts: Facts) => number;
  readonly #config: TailSamplingConfig;
  readonly #gatherers: readonly Gatherer[];
  readonly #hits: Uint32Array;
  readonly #notes = new Notes();
  readonly #facts = new FactTable();
  readonly #records: PolicyRecords | undefined;
  readonly #settings: Surroundings;
  readonly #observer: PolicyObserver;
  /** Of the decision under way: by ballot the first policy that gave it, or -1. */
  readonly #first = new Int32Array(7);
  readonly #stamps: boolean;
  #decisions = 0;

  constructor(config: TailSamplingConfig, settings: Surroundings, observer: PolicyObserver) {
    this.#config = config;
    this.#stamps = config.stamp_threshold !== false && !config.invert_decisions;
    this.#settings = settings;
    this.#observer = observer;
    const compiler = new Compiler(this.#facts, this.#notes, settings, config);
    // Drop policies outweigh all others: asked first, they save the rest.
    const drops = config.policies.filter(({ type }) => type === 'drop');
    const others = config.policies.filter(({ type }) => type !== 'drop');
    this.policies = [...drops, ...others].map((policy) => compiler.seat(policy));
    if (config.maximum_trace_size_bytes > 0) {
      const { size } = this.#facts;
      this.sizeOf = (facts) => size.ofGroups(facts);
    }
    this.#gatherers = this.#facts.gatherers;
    this.bitWords = this.#facts.layout.bitWords;
    this.numbers = this.#facts.layout.numbers;
    this.#hits = new Uint32Array(this.bitWords);
    this.maxNotes = this.#notes.length;
    if (config.record_policy) this.#records = new PolicyRecords(this.policies, this.#notes);
  }

  enter(resource: ResourceGroup, scope: ScopeGroup): void {
    this.#hits.fill(0);
    for (const gatherer of this.#gatherers) gatherer.enter?.(resource, scope, this.#hits);
  }

  /** Never decides by itself: a drop policy may match a span that is yet to come. */
  gather(span: Span, facts: Facts): boolean {
    const hits = this.#hits;
    for (let i = 0; i < hits.length; i++) facts.bits[facts.bitsAt + i]! |= hits[i]!;
    for (const gatherer of this.#gatherers) gatherer.gather(span, facts);
    return false;
  }

  decide(trace: BufferedTrace, trigger: Trigger, into: Decision): void {
    this.#notes.begin(trace);
    into.policy = -1;
    into.threshold = -1n;
    into.scopeAttributes = undefined;
    const ingest = trigger === 'first_match' && this.#config.sampling_strategy === 'span-ingest';
    if (ingest) this.#decidePart(trace, into);
    else this.#decideWhole(trace, into);
    if (into.verdict !== 'sampled') return;
    if (this.#records) into.scopeAttributes = this.#records.of(into.policy);
    if (this.#stamps) into.threshold = this.#threshold(trace);
  }

  /** For spans that come after the decision. */
  lateScopeAttributes(policy: number): Uint8Array | undefined {
    return this.#records?.late(policy);
  }

  precious(trace: BufferedTrace): 0 | 1 {
    if (trace.hasError) return 1;
    const { bits, bitsAt } = trace.facts;
    for (const { policy } of this.policies) {
      const picks = policy.picks;
      if (picks && (bits[bitsAt + picks.word]! & picks.mask) !== 0) return 1;
    }
    return 0;
  }

  takeNotes(into: Uint8Array, at: number): number {
    return this.#notes.write(into, at);
  }

  readNotes(notes: Uint8Array): readonly Vote[] {
    if (notes.length !== this.maxNotes) return [];
    const told = this.#notes.read(notes);
    return this.policies.map(({ name, type, slot, policy }) => {
      const ballot = told.ballot(slot);
      const compared = ballot === NOT_ASKED ? '' : policy.tell(told, ballot);
      return { policy: name, type, vote: ballotText(ballot), compared };
    });
  }

  /** Dropped, then what an inverted match forbids, then sampled, then what only inverted matches sample, else not. */
  #decideWhole(trace: BufferedTrace, into: Decision): void {
    const first = this.#first.fill(-1);
    for (let i = 0; i < this.policies.length; i++) {
      const ballot = this.#ask(i, trace);
      if (first[ballot] === -1) first[ballot] = i;
      if (ballot === DROPPED) break;
      if (ballot === SAMPLED && this.#config.sample_on_first_match) break;
    }
    this.#decisions++;
    if (first[DROPPED]! >= 0) {
      into.verdict = 'dropped';
      into.policy = first[DROPPED]!;
    } else if (first[INVERTED_NOT_SAMPLED]! >= 0) into.verdict = 'not_sampled';
    else if (first[SAMPLED]! >= 0) {
      into.verdict = 'sampled';
      into.policy = first[SAMPLED]!;
    } else if (first[INVERTED_SAMPLED]! >= 0 && first[NOT_SAMPLED] === -1) {
      into.verdict = 'sampled';
      into.policy = first[INVERTED_SAMPLED]!;
    } else into.verdict = 'not_sampled';
  }

  /**
   * Part of a trace, by itself: the first that drops or samples settles it. While a drop policy has not matched it still
   * may, so that nothing is sampled where there is one.
   */
  #decidePart(trace: BufferedTrace, into: Decision): void {
    this.#decisions++;
    into.verdict = 'not_sampled';
    let mayBeDropped = false;
    for (let i = 0; i < this.policies.length; i++) {
      const isDrop = this.policies[i]!.type === 'drop';
      if (mayBeDropped && !isDrop) return;
      const ballot = this.#ask(i, trace);
      if (isDrop && ballot !== FAILED) mayBeDropped = true;
      if (ballot !== DROPPED && ballot !== SAMPLED) continue;
      into.verdict = ballot === DROPPED ? 'dropped' : 'sampled';
      into.policy = i;
      return;
    }
  }

  #ask(i: number, trace: BufferedTrace): Ballot {
    const { policy, slot } = this.policies[i]!;
    const timed = this.#decisions % timedVotes === timedVotes - 1;
    const since = timed ? this.#settings.clock.monotonic() : 0;
    const ballot = this.#notes.vote(slot, policy.vote(trace));
    if (timed) this.#observer.took(i, this.#settings.clock.monotonic() - since);
    this.#observer.voted(i, ballot, trace.spanCount, trace.byteLength);
    return ballot;
  }

  /** Of the probability with which a trace like this is kept: that one policy samples it and none drops it. */
  #threshold(trace: BufferedTrace): bigint {
    let kept = never;
    let dropped = never;
    for (const { type, policy } of this.policies) {
      const chance = policy.chance(trace);
      if (type === 'drop') dropped = either(dropped, chance);
      else kept = either(kept, chance);
    }
    const p = probability(both(kept, opposite(dropped)));
    if (p === 1 && this.#config.stamp_threshold === 'chance') return -1n;
    return p > 0 ? thresholdOf(p) : -1n;
  }
}
