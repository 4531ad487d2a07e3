import {
  ALWAYS,
  decodeRandomness,
  decodeThreshold,
  encodeRandomness,
  encodeThreshold,
  NEVER,
  probabilityOf,
  randomnessOfTraceId,
  thresholdOf,
} from './consistent.ts';

/**
 * The entry `ot` of a W3C tracestate, `ot=rv:…;th:…`, beside the entries of others, which stay as they are and in order.
 * Sources: https://www.w3.org/TR/trace-context/#tracestate-header,
 * https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/
 */

const maxLength = 1024;
/** W3C allows 32. As upstream we stop one short of it, so that there is room for `ot`. */
const maxMembers = 31;
const maxOtLength = 256;

const member =
  /^([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})=([ -+\--<>-~]{0,255}[!-+\--<>-~])$/;
const otField = /^([a-z][a-z0-9]*):([A-Za-z0-9._-]*)$/;

/** A tracestate, taken apart. What is read and what is written of it concerns `ot` only. */
export class TraceState {
  /** Undefined where there is no `rv`. */
  randomness: bigint | undefined;
  #rv = '';
  #threshold: bigint | undefined;
  #th = '';
  /** The fields of `ot` that have nothing to do with sampling. */
  #fields: string[] = [];
  #others: string[] = [];

  /** @returns undefined where the text is no tracestate or its `ot` says nonsense */
  static parse(text: string): TraceState | undefined {
    const state = new TraceState();
    return state.#read(text) ? state : undefined;
  }

  /** Undefined where there is no `th`. */
  get threshold(): bigint | undefined {
    return this.#threshold;
  }

  setRandomness(randomness: bigint): void {
    this.randomness = randomness;
    this.#rv = encodeRandomness(randomness);
  }

  /** For a `th` that contradicts the randomness, and where nobody knows what it should be. */
  clearThreshold(): void {
    this.#threshold = undefined;
    this.#th = '';
  }

  /** Raises `th`, or sets it where there is none. @returns false where it was above that already and stays */
  raiseThreshold(threshold: bigint): boolean {
    if (threshold >= NEVER) return false;
    if (this.#threshold !== undefined && this.#threshold > threshold) return false;
    this.#threshold = threshold;
    this.#th = encodeThreshold(threshold);
    return true;
  }

  /** `ot` first, as W3C asks for a changed entry; without it where it has nothing to say. */
  toString(): string {
    const fields = [...this.#fields];
    if (this.#th !== '') fields.unshift(`th:${this.#th}`);
    if (this.#rv !== '') fields.unshift(`rv:${this.#rv}`);
    const ot = fields.length > 0 ? [`ot=${fields.join(';')}`] : [];
    return [...ot, ...this.#others].join(',');
  }

  #read(text: string): boolean {
    if (text.length > maxLength) return false;
    const members = text.split(',');
    if (members.at(-1) === '') members.pop();
    if (members.length > maxMembers) return false;
    let sound = true;
    for (const piece of members) {
      const entry = piece.replace(/^[ \t]+|[ \t]+$/g, '');
      if (entry === '') continue;
      const match = member.exec(entry);
      if (!match) return false;
      if (match[1] === 'ot') sound = this.#readOt(match[2]!) && sound;
      else this.#others.push(entry);
    }
    return sound;
  }

  /** The last of several is the one that holds. */
  #readOt(value: string): boolean {
    this.randomness = undefined;
    this.#rv = '';
    this.#fields = [];
    this.clearThreshold();
    if (value.length > maxOtLength) return false;
    for (const field of value.split(';')) {
      const match = otField.exec(field);
      if (!match) return false;
      const text = match[2]!;
      if (match[1] === 'rv') {
        this.randomness = decodeRandomness(text);
        this.#rv = text;
        if (this.randomness === undefined) return false;
      } else if (match[1] === 'th') {
        this.#threshold = decodeThreshold(text);
        this.#th = text;
        if (this.#threshold === undefined) return false;
      } else this.#fields.push(field);
    }
    return true;
  }
}

/** T that the tracestate tells of; undefined where it tells none. */
function thresholdIn(traceState: string): bigint | undefined {
  return traceState === '' ? undefined : TraceState.parse(traceState)?.threshold;
}

/**
 * The tracestate of a span that a sampler of this threshold kept. Never lowers what is there; the very same text where
 * nothing changes, and where it is malformed, since what cannot be read cannot be edited.
 */
export function raiseThreshold(traceState: string, threshold: bigint): string {
  if (threshold >= NEVER) return traceState;
  if (traceState === '') return `ot=th:${encodeThreshold(threshold)}`;
  const state = TraceState.parse(traceState);
  if (!state || (state.threshold ?? -1n) >= threshold) return traceState;
  state.raiseThreshold(threshold);
  return state.toString();
}

/**
 * The same where the sampler has nothing to do with the randomness that those before it went by, such as a limit on a
 * rate: then the probabilities multiply.
 */
export function multiplyThreshold(traceState: string, threshold: bigint): string {
  const before = thresholdIn(traceState);
  if (before === undefined || before >= NEVER) return raiseThreshold(traceState, threshold);
  return raiseThreshold(traceState, thresholdOf(probabilityOf(before) * probabilityOf(threshold)));
}

/**
 * The tracestate without a `th` that its own randomness contradicts: such a span should not have been sampled, so that
 * its adjusted count is unknown.
 */
export function withoutContradiction(traceState: string, traceIds: Uint8Array, at: number): string {
  const state = traceState === '' ? undefined : TraceState.parse(traceState);
  const randomness = state?.randomness ?? randomnessOfTraceId(traceIds, at);
  if (!state || (state.threshold ?? ALWAYS) <= randomness) return traceState;
  state.clearThreshold();
  return state.toString();
}
