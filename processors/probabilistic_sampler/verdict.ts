import { ALWAYS, MAX_RANDOMNESS, NEVER } from '../../internal/sampling/consistent.ts';
import type { Mode } from './mode.ts';

/** What earlier samplers left in an item, to be read and written: `ot` of a span's tracestate, attributes of a log record. */
export interface Carrier {
  readonly randomness: bigint | undefined;
  readonly threshold: bigint | undefined;
  setRandomness(randomness: bigint): void;
  clearThreshold(): void;
  raiseThreshold(threshold: bigint): void;
}

/** Where the randomness of a decision came from: the label `policy` of the metric, upstream's words. */
export type Policy =
  | 'missing_randomness'
  | 'trace_id_hash'
  | 'trace_id_w3c'
  | 'sampling_randomness'
  | 'sampling_priority'
  | 'attribute';

/** What can be said of an item before it is judged. */
export interface Question {
  /** Undefined: what stands in the item is malformed. */
  readonly carrier: Carrier | undefined;
  /** R of the trace id or the attribute; undefined: it has none. */
  readonly randomness: bigint | undefined;
  /** Where `randomness` came from. */
  readonly policy: Policy;
  /** T that the item itself asks for; undefined: none. */
  readonly priority: bigint | undefined;
  /** Hash mode writes an `rv` also where there is no randomness: spans yes, log records no. */
  readonly alwaysWrites: boolean;
}

export interface Verdict {
  readonly kept: boolean;
  readonly policy: Policy;
  /** Changed as a kept item has to carry it; undefined: the item stays as it is. */
  readonly carrier: Carrier | undefined;
  /** Why it could not be judged. */
  readonly problem: string | undefined;
}

/** The whole decision, for items that carry something already. What nobody sampled before takes a shorter way. */
export function judge(question: Question, mode: Mode, failClosed: boolean): Verdict {
  const seen = see(question, mode);
  let { carrier, policy } = seen;
  const randomness = seen.randomness ?? MAX_RANDOMNESS;
  const problem = seen.problem ?? contradiction(seen.randomness, carrier);
  let threshold: bigint;
  if (problem !== undefined) threshold = failClosed ? NEVER : ALWAYS;
  else if (carrier?.threshold === undefined) threshold = mode.threshold;
  else threshold = mode.next(carrier.threshold);
  if (question.priority !== undefined) {
    threshold = question.priority;
    policy = 'sampling_priority';
  }
  const kept = threshold <= randomness;
  if (kept) carrier?.raiseThreshold(threshold);
  else carrier = undefined;
  return { kept, policy, carrier, problem };
}

interface Seen {
  readonly carrier: Carrier | undefined;
  readonly randomness: bigint | undefined;
  readonly policy: Policy;
  readonly problem?: string | undefined;
}

function see(question: Question, mode: Mode): Seen {
  const { carrier, randomness } = question;
  const policy = randomness === undefined ? 'missing_randomness' : question.policy;
  const malformed = carrier ? undefined : 'malformed tracestate or sampling attributes';
  switch (mode.randomness) {
    case 'none':
      return { carrier, randomness: MAX_RANDOMNESS, policy: 'sampling_priority', problem: malformed };
    case 'hash': {
      if (!carrier) return { carrier, randomness, policy, problem: malformed };
      if (carrier.randomness !== undefined || carrier.threshold !== undefined) {
        const problem = 'consistent sampling is in use already: set mode to proportional or equalizing';
        return { carrier: undefined, randomness, policy, problem };
      }
      if (question.alwaysWrites || randomness !== undefined) carrier.setRandomness(randomness ?? MAX_RANDOMNESS);
      return { carrier, randomness, policy };
    }
    case 'consistent': {
      if (!carrier) return { carrier, randomness: undefined, policy: 'missing_randomness', problem: malformed };
      if (carrier.randomness === undefined) return { carrier, randomness, policy };
      return { carrier, randomness: carrier.randomness, policy: 'sampling_randomness' };
    }
  }
}

/** A threshold above the randomness is a lie: such an item would not have come this far. */
function contradiction(randomness: bigint | undefined, carrier: Carrier | undefined): string | undefined {
  if (randomness === undefined) return 'no randomness: neither a trace id nor what else was to be used';
  if (carrier?.threshold === undefined || carrier.threshold <= randomness) return undefined;
  carrier.clearThreshold();
  return 'a sampling threshold above the randomness: the item should not have been sampled';
}
