import { createHash } from 'node:crypto';
import { durationPattern } from '../../../internal/config/fields.ts';

/** 2024-01-01T00:00:00Z in nanoseconds: what times are counted from unless something else is said. */
export const defaultStart = 1_704_067_200_000_000_000n;
const dayNanos = 86_400_000_000_000n;

/** The default of an id, and how names begin that nobody chose. */
export const own = '(own)';

/** What the names of one case stand for: traces and spans, and the moment that times are counted from. */
export class Frame {
  readonly start: bigint;
  readonly #names = new Map<string, string>();
  #unnamed = 0;

  /** @param start nanoseconds since 1970 */
  constructor(start = defaultStart) {
    this.start = start;
  }

  /** @returns the hex digits that a name stands for; an id in hex stands for itself */
  id(kind: 'trace' | 'span', name: string): string {
    const digits = kind === 'trace' ? 32 : 16;
    if (name.length === digits && /^[0-9a-f]+$/i.test(name)) return name.toLowerCase();
    // Spread like random ids, as samplers expect, and the same in every run.
    const id = createHash('sha256').update(`${kind} ${name}`).digest('hex').slice(0, digits);
    this.#names.set(id, name);
    return id;
  }

  /** For a record that names no trace or span: a name of its own. */
  ownName(): string {
    this.#unnamed += 1;
    return `${own} ${this.#unnamed}`;
  }

  /** The name that an id was given, or the id. */
  nameOf(id: string): string {
    return this.#names.get(id) ?? id;
  }

  /** Times within a day of the start as what has passed since then, others as RFC 3339. @param nanos since 1970 */
  timeText(nanos: bigint): string {
    const offset = nanos - this.start;
    return offset > -dayNanos && offset < dayNanos ? durationText(offset) : (rfc3339(nanos) ?? `${offset}ns`);
  }

  /** @returns nanoseconds since 1970; undefined for what is neither a duration nor RFC 3339 */
  timeOf(text: string): bigint | undefined {
    const offset = durationOf(text);
    return offset === undefined ? momentOf(text) : this.start + offset;
  }
}

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  μs: 1000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** @returns nanoseconds of a Go duration, exactly; undefined for what is none */
export function durationOf(text: string): bigint | undefined {
  if (!durationPattern.test(text) || text.length > 100) return undefined;
  let total = 0n;
  for (const [, whole, fraction = '', unit] of text.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const one = units[unit!]!;
    total += BigInt(whole || 0) * one + (BigInt(fraction || 0) * one) / 10n ** BigInt(fraction.length);
  }
  return text.startsWith('-') ? -total : total;
}

/** @returns nanoseconds since 1970 of a time such as 2024-01-01T00:00:00.5Z */
export function momentOf(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return undefined;
  const ms = Date.parse(`${match[1]!.replace(/[t ]/, 'T')}${match[3]!.toUpperCase()}`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n + BigInt((match[2] ?? '').padEnd(9, '0'));
}

const steps: readonly (readonly [bigint, string])[] = [
  [1_000_000_000n, 's'],
  [1_000_000n, 'ms'],
  [1000n, 'us'],
  [1n, 'ns'],
];

export function durationText(nanos: bigint): string {
  if (nanos === 0n) return '0s';
  const size = nanos < 0n ? -nanos : nanos;
  const [unit, name] = steps.find(([step]) => size >= step)!;
  const rest = String(size % unit)
    .padStart(String(unit).length - 1, '0')
    .replace(/0+$/, '');
  return `${nanos < 0n ? '-' : ''}${size / unit}${unit > 1n && rest !== '' ? `.${rest}` : ''}${name}`;
}

/** Undefined beyond what dates reach. */
function rfc3339(nanos: bigint): string | undefined {
  const seconds = nanos / 1_000_000_000n;
  const ms = Number(seconds) * 1000;
  if (ms > 8.64e15) return undefined;
  const fraction = String(nanos % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return new Date(ms).toISOString().replace('.000Z', `${fraction && `.${fraction}`}Z`);
}
