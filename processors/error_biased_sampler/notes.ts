import type { Vote } from '../../internal/core/explain.ts';
import { type Class, classNames, ERROR, RARE, type SAME_TRACE, SHARE, SLOW } from '../../internal/sampling/budget.ts';
import { errorText } from './errors.ts';
import type { Keys } from './keys.ts';

/** What one decision compared. */
export interface Compared {
  kind: Class;
  kept: boolean;
  errorReason: number;
  hasRoot: boolean;
  /** Nanoseconds; quantile 0: not known. */
  duration: number;
  quantile: number;
  perMinute: number;
  /** 0 to 1 each. */
  probability: number;
  randomness: number;
  service: number;
  operation: number;
}

const NUMBERS = 5;
const HEAD = 4;
const NAME_LENGTH = 64;
export const MAX_NOTES = HEAD + 8 * NUMBERS + 2 + 2 * NAME_LENGTH;

/** Writes notes: four bytes of flags, five doubles, two names with their lengths. */
export class NoteWriter {
  readonly #numbers = new Float64Array(NUMBERS);
  readonly #bytes = new Uint8Array(this.#numbers.buffer);

  write(it: Readonly<Compared>, services: Keys, operations: Keys, into: Uint8Array, at: number): number {
    into[at] = it.kind;
    into[at + 1] = it.kept ? 1 : 0;
    into[at + 2] = it.errorReason;
    into[at + 3] = it.hasRoot ? 1 : 0;
    this.#numbers[0] = it.duration;
    this.#numbers[1] = it.quantile;
    this.#numbers[2] = it.perMinute;
    this.#numbers[3] = it.probability;
    this.#numbers[4] = it.randomness;
    into.set(this.#bytes, at + HEAD);
    let end = at + HEAD + 8 * NUMBERS;
    for (const [keys, key] of [
      [services, it.service],
      [operations, it.operation],
    ] as const) {
      const size = keys.write(key, into, end + 1, NAME_LENGTH);
      into[end] = size;
      end += 1 + size;
    }
    return end - at;
  }
}

export interface Limits {
  readonly quantile: number;
  readonly maxPerMinute: number;
}

/** The notes in words: one line for each class, in the order in which they are asked. */
export function readNotes(notes: Uint8Array, { quantile, maxPerMinute }: Limits): Vote[] {
  // A copy: doubles must begin at multiples of eight.
  const numbers = new Float64Array(new Uint8Array(notes.subarray(HEAD, HEAD + 8 * NUMBERS)).buffer);
  const [duration, limit, perMinute, probability, randomness] = numbers as unknown as number[] & { length: 5 };
  const [kind, kept, errorReason, hasRoot] = notes as unknown as [keyof typeof compared, number, number, number];
  const nameAt = HEAD + 8 * NUMBERS;
  const service = textAt(notes, nameAt);
  const operation = textAt(notes, nameAt + 1 + notes[nameAt]!);
  const chance = `randomness ${randomness!.toFixed(6)}, threshold ${(1 - probability!).toFixed(6)}`;
  const thinned = probability! < 1 ? `; too many for the budget, thinned to ${percent(probability!)}: ${chance}` : '';
  const compared: Readonly<Record<Exclude<Class, typeof SAME_TRACE>, string>> = {
    [ERROR]: errorReason > 0 ? `error by ${errorText(errorReason)}` : 'no error',
    [SLOW]: slowText(hasRoot === 1, duration!, limit!, quantile, `${service} ${operation}`),
    [RARE]: `${perMinute!.toFixed(1)} a minute of ${service} ${operation}, rare up to ${maxPerMinute}`,
    [SHARE]: `share ${percent(probability!)} of ${service}: ${chance}`,
  };
  return classNames.slice(0, SHARE + 1).map((policy, i) => ({
    policy,
    type: 'error_biased_sampler',
    vote: i > kind ? 'not_asked' : i === kind && kept === 1 ? 'sampled' : 'not_sampled',
    compared:
      i > kind ? '' : i === kind && i !== SHARE ? compared[kind] + thinned : compared[i as keyof typeof compared],
  }));
}

function slowText(hasRoot: boolean, duration: number, limit: number, quantile: number, what: string): string {
  if (!hasRoot) return 'no root span whose duration could be compared';
  const rank = `p${Number((quantile * 100).toFixed(3))} of ${what}`;
  return limit > 0 ? `${ms(duration)}, ${rank} is ${ms(limit)}` : `${ms(duration)}, ${rank} is not known yet`;
}

function ms(nanos: number): string {
  return `${Number((nanos / 1e6).toPrecision(3))} ms`;
}

function percent(probability: number): string {
  return `${Number((probability * 100).toPrecision(3))}%`;
}

function textAt(notes: Uint8Array, at: number): string {
  return Buffer.from(notes.subarray(at + 1, at + 1 + notes[at]!)).toString();
}
