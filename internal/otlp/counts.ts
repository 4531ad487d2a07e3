import { fixed64At, fixed64NumberAt, uint32At, uint64At, varintEnd } from './wire.ts';

const largest = Number.MAX_SAFE_INTEGER;

/** A count that is exact whatever its size: a bigint beyond 2^53. */
export type Count = number | bigint;

export function plus(a: Count, b: Count): Count {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    return sum <= largest ? sum : BigInt(a) + BigInt(b);
  }
  return BigInt(a) + BigInt(b);
}

/** @returns undefined where it would be less than none */
export function minus(a: Count, b: Count): Count | undefined {
  if (a < b) return undefined;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const difference = BigInt(a) - BigInt(b);
  return difference <= BigInt(largest) ? Number(difference) : difference;
}

/** A message of which one field is read. */
interface Message {
  readonly buf: Uint8Array;
  firstTag(field: number): number;
  valueStart(field: number): number;
  valueEnd(field: number): number;
}

/** Whether the repeated field is there once, and packed: then its bytes can be read as they lie. */
export function packedOnce(message: Message, field: number): boolean {
  const tag = message.firstTag(field);
  if (tag < 0 || message.buf[tag] !== ((field << 3) | 2)) return false;
  const size = varintEnd(message.buf, tag + 1, message.valueEnd(field));
  return size === message.valueStart(field) && size + uint32At(message.buf, tag + 1) === message.valueEnd(field);
}

/**
 * A repeated fixed64 of counts.
 * @param slow reads it as bigints: for what is not packed, and where the counts together reach 2^53
 */
export function fixed64Counts(message: Message, field: number, slow: () => bigint[], into: Count[]): Count[] {
  into.length = 0;
  if (message.firstTag(field) < 0) return into;
  if (!packedOnce(message, field)) return shrunk(slow());
  const { buf } = message;
  let sum = 0;
  for (let at = message.valueStart(field), end = message.valueEnd(field); at + 8 <= end; at += 8) {
    const count = fixed64NumberAt(buf, at);
    sum += count;
    into.push(count);
  }
  return sum > largest ? slow() : into;
}

/** A repeated varint of counts. */
export function varintCounts(message: Message, field: number, slow: () => bigint[]): Count[] {
  if (message.firstTag(field) < 0) return [];
  if (!packedOnce(message, field)) return shrunk(slow());
  const into: number[] = [];
  const { buf } = message;
  const end = message.valueEnd(field);
  let sum = 0;
  for (let at = message.valueStart(field); at < end; ) {
    const next = varintEnd(buf, at, end);
    if (next < 0) break;
    const count = next - at < 5 ? uint32At(buf, at) : Number(uint64At(buf, at));
    sum += count;
    into.push(count);
    at = next;
  }
  return sum > largest ? slow() : into;
}

function shrunk(counts: bigint[]): Count[] {
  let sum = 0n;
  for (const count of counts) sum += count;
  return sum > BigInt(largest) ? counts : counts.map(Number);
}

/** A fixed64 as a number where it fits into one. @param at negative: 0 */
export function countAt(buf: Uint8Array, at: number): Count {
  if (at < 0) return 0;
  const count = fixed64NumberAt(buf, at);
  return count > largest ? fixed64At(buf, at) : count;
}
