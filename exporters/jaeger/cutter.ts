import type { Slabs } from '../../internal/net/slabs.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { splitByBytes } from '../../internal/otlp/split.ts';
import type { Encoder } from './encoder.ts';
import { groupByResource, type Piece } from './plan.ts';

/** A message on its way. */
export interface Message {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
  /** Spans in it. */
  readonly items: number;
  /** Which they are. */
  runs(): readonly Run[];
  /** Its spans are to be sent again: they are in the next message or a later one. */
  takeBack(): void;
  /** The call has ended. @param read the server has read all of it */
  release(read: boolean): void;
}

/** A run of items of a batch. */
export interface Run {
  readonly from: number;
  readonly items: number;
}

/** Cuts a batch into messages, one at a time: how large the next may be is known only when those before it were answered. */
export interface Cutter {
  /** Undefined when no span is left. */
  next(maxBytes: number): Message | undefined;
  /** The spans that are left, in order. */
  rest(): readonly Run[];
}

/** Parts of the request as it came. */
export class OtlpCutter implements Cutter {
  #rest: readonly OtlpPart[];

  constructor(batch: Payload) {
    this.#rest = [{ from: 0, payload: batch }];
  }

  next(maxBytes: number): Message | undefined {
    const [head, ...tail] = this.#rest;
    if (!head) return undefined;
    const parts: OtlpPart[] = [];
    let { from } = head;
    for (const payload of splitByBytes(head.payload, maxBytes)) {
      parts.push({ from, payload });
      from += payload.itemCount;
    }
    const part = parts.shift()!;
    this.#rest = [...parts, ...tail];
    const { chunks, byteLength, itemCount: items } = part.payload;
    const takeBack = () => {
      this.#rest = [part, ...this.#rest];
    };
    return { chunks, byteLength, items, runs: () => [{ from: part.from, items }], takeBack, release() {} };
  }

  rest(): readonly Run[] {
    const runs = this.#rest.map(({ from, payload }) => ({ from, items: payload.itemCount }));
    return runs.sort((a, b) => a.from - b.from);
  }
}

interface OtlpPart {
  /** Index of its first span in the batch. */
  readonly from: number;
  readonly payload: Payload;
}

/** Jaeger's own messages. */
export class JaegerCutter implements Cutter {
  readonly #encoder: Encoder;
  readonly #slabs: Slabs;
  /** Last in, first out. */
  readonly #rest: Piece[];

  constructor(batch: Payload, encoder: Encoder, slabs: Slabs) {
    this.#encoder = encoder;
    this.#slabs = slabs;
    this.#rest = groupByResource(batch)
      .map((group) => ({ group, from: 0, to: group.spans.length }))
      .reverse();
  }

  next(maxBytes: number): Message | undefined {
    const piece = this.#rest.pop();
    if (!piece) return undefined;
    const { group, from, to } = piece;
    const { bytes, slab, spans } = this.#encoder.message(piece, maxBytes);
    const end = from + spans;
    if (end < to) this.#rest.push({ group, from: end, to });
    return {
      chunks: [bytes],
      byteLength: bytes.length,
      items: spans,
      runs: () => runsOf([{ group, from, to: end }]),
      takeBack: () => void this.#rest.push({ group, from, to: end }),
      release: (read) => (read ? this.#slabs.give(slab) : this.#slabs.drop(slab)),
    };
  }

  rest(): readonly Run[] {
    return runsOf(this.#rest);
  }
}

function runsOf(pieces: readonly Piece[]): Run[] {
  const items = pieces.flatMap(({ group, from, to }) => group.spans.slice(from, to).map(({ item }) => item));
  const runs: { from: number; items: number }[] = [];
  for (const item of items.sort((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && last.from + last.items === item) last.items++;
    else runs.push({ from: item, items: 1 });
  }
  return runs;
}
