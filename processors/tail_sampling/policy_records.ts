import { Writer } from '../../internal/otlp/writer.ts';
import { SAMPLED } from './ballot.ts';
import { CompositePolicy, type Seat } from './group_policies.ts';
import type { Notes } from './notes.ts';

/** Which policy kept a trace, as attributes of its scopes: upstream's gate `recordpolicy`. */
export class PolicyRecords {
  readonly #policies: readonly Seat[];
  readonly #notes: Notes;
  readonly #encoded = new Map<string, Uint8Array>();

  constructor(policies: readonly Seat[], notes: Notes) {
    this.#policies = policies;
    this.#notes = notes;
  }

  /** @returns encoded attributes of an InstrumentationScope. @param sampledBy index of the policy that settled the decision */
  of(sampledBy: number): Uint8Array {
    const name = this.#policies[sampledBy]?.name ?? '';
    return Buffer.concat([this.#attribute('tailsampling.policy', name), ...this.#composite()]);
  }

  /** The same for late spans. @param sampledBy -1: not known any more */
  late(sampledBy: number): Uint8Array {
    const policy = this.#policies[sampledBy];
    const known = policy ? [this.#attribute('tailsampling.policy', policy.name)] : [];
    return Buffer.concat([...known, this.#attribute('tailsampling.cached_decision', true)]);
  }

  /** As upstream, also where another policy settled it. */
  #composite(): Uint8Array[] {
    const seat = this.#policies.findLast(
      ({ policy, slot }) => policy instanceof CompositePolicy && this.#notes.ballot(slot) === SAMPLED,
    );
    if (!(seat?.policy instanceof CompositePolicy)) return [];
    const sub = seat.policy.subs[seat.policy.sampledBy];
    return sub ? [this.#attribute('tailsampling.composite_policy', sub.name)] : [];
  }

  #attribute(key: string, value: string | true): Uint8Array {
    const id = `${key}=${value}`;
    const known = this.#encoded.get(id);
    if (known) return known;
    const encoded = encodeAttribute(key, value);
    this.#encoded.set(id, encoded);
    return encoded;
  }
}

/** `repeated KeyValue attributes = 3` of an InstrumentationScope, with one value in it. */
function encodeAttribute(key: string, value: string | true): Uint8Array {
  const writer = new Writer(64);
  const pair = writer.open(3);
  writer.string(1, key);
  const any = writer.open(2);
  if (value === true) writer.varint(2, 1);
  else writer.string(1, value);
  writer.close(any);
  writer.close(pair);
  return writer.finish();
}
