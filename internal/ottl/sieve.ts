import { OTHERS } from './re2_members.ts';
import { fewer, narrowed, type Windows } from './re2_window.ts';

/** Bits of a number that an engine keeps as an integer, without its sign. */
const MAX_BITS = 30;
/** Windows that are looked for apart: each has room for three bytes then. */
const MAX_WINDOWS = 10;

/**
 * Tells texts that cannot match from those that may, by their bytes: all windows are looked for at once, each by as many
 * bits as it is wide. Bit n says that the bytes up to here are the first of a window, up to the one that has bit n.
 */
export class Sieve {
  /** By byte: at which places of the windows it may stand. */
  readonly #places = new Int32Array(256);
  #first = 0;
  #last = 0;

  /** Lets a text through where one of them stands in it. Of many, also where one stands in it that is like several of them. */
  constructor(windows: Windows) {
    const width = Math.floor(MAX_BITS / Math.min(MAX_WINDOWS, windows.length));
    const narrow = windows.map((window) => narrowed(window, width));
    let bit = 0;
    for (const window of fewer(narrow, MAX_WINDOWS)) {
      this.#first |= 1 << bit;
      for (const { members } of window) {
        for (let byte = 0; byte < 256; byte++) this.#places[byte]! |= members[Math.min(byte, OTHERS)]! << bit;
        bit++;
      }
      this.#last |= 1 << (bit - 1);
    }
  }

  /** @returns false only where no text decoded from these bytes matches, be they UTF-8 or not */
  mayMatch(buf: Uint8Array, start: number, end: number): boolean {
    const places = this.#places;
    const first = this.#first;
    const last = this.#last;
    let met = 0;
    for (let pos = start; pos < end; pos++) {
      met = ((met << 1) | first) & places[buf[pos]!]!;
      if ((met & last) !== 0) return true;
    }
    return false;
  }
}
