import { fixed32At } from '../../internal/otlp/wire.ts';

const billion = 1_000_000_000;
/** Go's time.Duration ends here, and its reader of protobuf refuses a message with a longer one. */
const longestSeconds = 9_223_372_036;
const longestNanos = 854_775_807;

/** Nanoseconds in two exact parts, as google.protobuf.Timestamp and Duration have them. Both have the same sign. */
export class Instant {
  seconds = 0;
  nanos = 0;

  /** @param at where a fixed64 of nanoseconds lies; -1: 0 */
  read(buf: Uint8Array, at: number): this {
    if (at < 0) {
      this.seconds = 0;
      this.nanos = 0;
      return this;
    }
    const low = fixed32At(buf, at);
    // One off at the most, since a double has 53 bits of the 64; the rest is exact in 32 bits and says so.
    let seconds = Math.floor((fixed32At(buf, at + 4) * 0x1_0000_0000 + low) / billion);
    let nanos = (low - Math.imul((seconds % 0x1_0000_0000) | 0, billion)) | 0;
    if (nanos < 0) {
      seconds--;
      nanos += billion;
    } else if (nanos >= billion) {
      seconds++;
      nanos -= billion;
    }
    this.seconds = seconds;
    this.nanos = nanos;
    return this;
  }

  /** The time from `start` to `end`, less than 0 where it ends before it starts; at most 292 years. */
  between(start: Instant, end: Instant): this {
    let seconds = end.seconds - start.seconds;
    let nanos = end.nanos - start.nanos;
    if (seconds > 0 && nanos < 0) {
      seconds--;
      nanos += billion;
    } else if (seconds < 0 && nanos > 0) {
      seconds++;
      nanos -= billion;
    }
    const sign = seconds < 0 ? -1 : 1;
    if (Math.abs(seconds) > longestSeconds || (seconds === sign * longestSeconds && nanos * sign > longestNanos)) {
      seconds = sign * longestSeconds;
      nanos = sign * longestNanos;
    }
    this.seconds = seconds;
    this.nanos = nanos;
    return this;
  }

  /** Whole microseconds, cut off towards 0. */
  get micros(): bigint {
    return BigInt(this.seconds) * 1_000_000n + BigInt(Math.trunc(this.nanos / 1000));
  }
}
