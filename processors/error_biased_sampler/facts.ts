import type { Facts } from '../../internal/sampling/decider.ts';

/* What is gathered of a trace: one word of bits, and numbers. */
export const BIT_WORDS = 1;
export const NUMBERS = 6;

export const HAS_ROOT = 1;
export const HAS_KEY = 2;
export const IS_SLOW = 4;
const HAS_RANDOMNESS = 8;
/** Status code of the root, two bits, and the reason of an error, three. */
const STATUS_SHIFT = 4;
const REASON_SHIFT = 6;

/** Service and operation of the root, or of the first span without one; 53 bits hold both. */
export const KEY = 0;
/** Nanoseconds of the root, and the quantile it was compared with; 0: none. */
export const DURATION = 1;
export const QUANTILE = 2;
/** How many traces this one stands for; 0: nobody said. */
export const STANDS_FOR = 3;
/** The randomness that a span names, in two halves of 28 bits. */
const RANDOMNESS = 4;

const OPERATIONS = 2 ** 20;

/** The facts of one trace, by name. One object serves all traces. */
export class TraceFacts {
  #facts!: Facts;

  of(facts: Facts): this {
    this.#facts = facts;
    return this;
  }

  has(bit: number): boolean {
    return (this.#facts.bits[this.#facts.bitsAt]! & bit) !== 0;
  }
  set(bit: number): void {
    this.#facts.bits[this.#facts.bitsAt]! |= bit;
  }
  number(at: number): number {
    return this.#facts.numbers[this.#facts.numbersAt + at]!;
  }
  setNumber(at: number, value: number): void {
    this.#facts.numbers[this.#facts.numbersAt + at] = value;
  }

  get errorReason(): number {
    return (this.#facts.bits[this.#facts.bitsAt]! >>> REASON_SHIFT) & 7;
  }
  set errorReason(reason: number) {
    this.set(reason << REASON_SHIFT);
  }
  get status(): number {
    return (this.#facts.bits[this.#facts.bitsAt]! >>> STATUS_SHIFT) & 3;
  }
  set status(code: number) {
    this.set((code & 3) << STATUS_SHIFT);
  }
  get service(): number {
    return Math.floor(this.number(KEY) / OPERATIONS);
  }
  get operation(): number {
    return this.number(KEY) % OPERATIONS;
  }
  /** Undefined: no span names one. */
  get randomness(): bigint | undefined {
    if (!this.has(HAS_RANDOMNESS)) return undefined;
    return (BigInt(this.number(RANDOMNESS)) << 28n) | BigInt(this.number(RANDOMNESS + 1));
  }
  set randomness(randomness: bigint) {
    this.set(HAS_RANDOMNESS);
    this.setNumber(RANDOMNESS, Number(randomness >> 28n));
    this.setNumber(RANDOMNESS + 1, Number(randomness & 0xfff_ffffn));
  }
  setKey(service: number, operation: number): void {
    this.set(HAS_KEY);
    this.setNumber(KEY, service * OPERATIONS + operation);
  }
}
