import type { Vote } from '../../../internal/core/explain.ts';
import { noLogger } from '../../../internal/core/telemetry.ts';
import { VirtualClock } from '../../../internal/core/virtual_clock.ts';
import type { Payload } from '../../../internal/otlp/payload.ts';
import { walkSpans } from '../../../internal/otlp/view/walk.ts';
import type { BufferedTrace, Decision, Facts, Trigger } from '../../../internal/sampling/decider.ts';
import { type Ballot, FAILED } from '../ballot.ts';
import { schema } from '../config.ts';
import { PolicyDecider } from '../decider.ts';

/** Decides on traces without a buffer, for tests: each payload is one trace, or one arrival of it. */
export class Trial {
  readonly clock = new VirtualClock(1_700_000_000_000);
  readonly decider: PolicyDecider;
  readonly votes: { policy: number; ballot: Ballot }[] = [];
  readonly decision: Decision = { verdict: 'not_sampled', policy: -1, threshold: -1n, scopeAttributes: undefined };
  trace: BufferedTrace | undefined;

  /** @param policies as in YAML. @param more other fields of the processor */
  constructor(policies: readonly object[], more: object = {}) {
    const named = policies.map((policy, i) => ({ name: `p${i}`, ...policy }));
    const config = schema.parse({ policies: named, ...more });
    this.decider = new PolicyDecider(
      config,
      { clock: this.clock, random: () => 0.5, logger: noLogger },
      {
        voted: (policy, ballot) => void this.votes.push({ policy, ballot }),
        took() {},
      },
    );
  }

  /** What becomes of the trace that arrives in these payloads. */
  verdict(...arrivals: readonly Payload[]): Decision['verdict'] {
    return this.decide('decision_wait', arrivals);
  }

  decide(trigger: Trigger, arrivals: readonly Payload[]): Decision['verdict'] {
    this.trace = this.gather(arrivals);
    this.votes.length = 0;
    this.decider.decide(this.trace, trigger, this.decision);
    return this.decision.verdict;
  }

  /** Name of the policy that settled the last decision. */
  get policy(): string | undefined {
    return this.decider.policies[this.decision.policy]?.name;
  }

  get failures(): number {
    return this.votes.filter(({ ballot }) => ballot === FAILED).length;
  }

  explain(): readonly Vote[] {
    const into = new Uint8Array(this.decider.maxNotes + 3);
    const length = this.decider.takeNotes(into, 3);
    return this.decider.readNotes(into.subarray(3, 3 + length));
  }

  gather(arrivals: readonly Payload[]): BufferedTrace {
    const { decider } = this;
    // Something lies in front, as in a buffer of many traces.
    const facts: Facts = {
      bits: new Uint32Array(2 + decider.bitWords),
      bitsAt: 2,
      numbers: new Float64Array(1 + decider.numbers),
      numbersAt: 1,
    };
    const trace = { traceIds: new Uint8Array(21), spanCount: 0, byteLength: 0, hasRoot: false, hasError: false };
    let [start, end] = [0n, 0n];
    for (const payload of arrivals) {
      const walk = walkSpans(payload);
      while (walk.nextResource()) {
        while (walk.nextScope()) {
          decider.enter(walk.resource, walk.scope);
          while (walk.nextRecord()) {
            const span = walk.record;
            decider.gather(span, facts);
            trace.traceIds.set(span.traceId, 5);
            trace.spanCount++;
            trace.byteLength += walk.end - walk.start;
            trace.hasRoot ||= span.parentSpanId.length === 0;
            trace.hasError ||= span.status.code === 2;
            if (start === 0n || span.startTimeUnixNano < start) start = span.startTimeUnixNano;
            if (span.endTimeUnixNano > end) end = span.endTimeUnixNano;
          }
        }
      }
    }
    return {
      ...trace,
      traceIdAt: 5,
      startTimeUnixNano: start,
      endTimeUnixNano: end,
      durationNanos: Number(end - start),
      facts,
      visit() {},
    };
  }
}
