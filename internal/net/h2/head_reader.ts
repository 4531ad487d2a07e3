import { BROKEN, HpackDecoder, OVER_LIMIT } from './hpack/decoder.ts';
import { type RequestHead, readHead, trailersAreRight } from './request_head.ts';
import type { UnaryMethod } from './types.ts';

/** Header blocks whose meaning is kept: a client calls a handful of methods over and over. */
const KEPT = 4;
/** Longer blocks carry something of their own. */
const KEPT_BYTES = 256;

interface Known {
  readonly block: Buffer;
  readonly generation: number;
  readonly head: RequestHead;
}

/** `broken`: the connection's decoder has lost its state. `malformed`: the stream is in error. */
export type HeadResult = RequestHead | 'broken' | 'malformed';

/**
 * Reads the header blocks of one connection. The same bytes against the same dynamic table mean the same headers, so
 * that a client which repeats itself is decoded once.
 */
export class HeadReader {
  readonly #hpack = new HpackDecoder();
  readonly #methods: ReadonlyMap<string, UnaryMethod>;
  readonly #maxBytes: number;
  #known: Known[] | undefined;
  #next = 0;

  constructor(methods: ReadonlyMap<string, UnaryMethod>, maxBytes: number) {
    this.#methods = methods;
    this.#maxBytes = maxBytes;
  }

  get problem(): string {
    return this.#hpack.problem;
  }

  request(bytes: Buffer, start: number, end: number): HeadResult {
    const { generation } = this.#hpack;
    if (this.#known) {
      for (const known of this.#known) {
        if (known.generation === generation && sameBytes(known.block, bytes, start, end)) return known.head;
      }
    }
    const status = this.#hpack.decode(bytes, start, end, this.#maxBytes);
    if (status === BROKEN) return 'broken';
    const head = readHead(this.#hpack.fields, status === OVER_LIMIT);
    if (!head) return 'malformed';
    head.unary = this.#methods.get(head.path);
    if (this.#hpack.generation === generation && end - start <= KEPT_BYTES) {
      this.#known ??= [];
      this.#known[this.#next] = { block: Buffer.from(bytes.subarray(start, end)), generation, head };
      this.#next = (this.#next + 1) % KEPT;
    }
    return head;
  }

  trailers(bytes: Buffer, start: number, end: number): 'right' | 'broken' | 'malformed' {
    if (this.#hpack.decode(bytes, start, end, this.#maxBytes) === BROKEN) return 'broken';
    return trailersAreRight(this.#hpack.fields) ? 'right' : 'malformed';
  }
}

function sameBytes(known: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}
