import type { Slabs } from '../../internal/net/slabs.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { splitByBytes } from '../../internal/otlp/split.ts';
import type { Encoder } from './encoder.ts';
import { type Group, groupByResource } from './plan.ts';

/** A message on its way. */
export interface Message {
  readonly chunks: readonly Uint8Array[];
  readonly byteLength: number;
  /** Spans in it. */
  readonly items: number;
  /** The call has ended. @param read the server has read all of it */
  release(read: boolean): void;
}

/** A run of items of a batch. */
export interface Run {
  readonly from: number;
  readonly items: number;
}

/** Cuts a batch into messages, one at a time: how large the next may be is known only when the one before was answered. */
export interface Cutter {
  /** The next message, again and again until `done`; undefined when all are done with. */
  next(maxBytes: number): Message | undefined;
  /** The message that `next` gave last is done with. @returns whose items it held */
  done(): readonly Run[];
  /** What is still to be sent. */
  rest(): readonly Run[];
}

/** Parts of the request as it came. */
export class OtlpCutter implements Cutter {
  #rest: readonly Payload[];
  #from = 0;

  constructor(batch: Payload) {
    this.#rest = [batch];
  }

  next(maxBytes: number): Message | undefined {
    const [head, ...tail] = this.#rest;
    if (!head) return undefined;
    const parts = splitByBytes(head, maxBytes);
    this.#rest = [...parts, ...tail];
    const { chunks, byteLength, itemCount } = parts[0]!;
    return { chunks, byteLength, items: itemCount, release() {} };
  }

  done(): readonly Run[] {
    const [head, ...tail] = this.#rest;
    const run = { from: this.#from, items: head!.itemCount };
    this.#rest = tail;
    this.#from += run.items;
    return [run];
  }

  rest(): readonly Run[] {
    const items = this.#rest.reduce((sum, { itemCount }) => sum + itemCount, 0);
    return [{ from: this.#from, items }];
  }
}

/** Jaeger's own messages. */
export class JaegerCutter implements Cutter {
  readonly #groups: readonly Group[];
  readonly #encoder: Encoder;
  readonly #slabs: Slabs;
  #group = 0;
  #span = 0;
  /** Spans of the last message. */
  #spans = 0;

  constructor(batch: Payload, encoder: Encoder, slabs: Slabs) {
    this.#groups = groupByResource(batch);
    this.#encoder = encoder;
    this.#slabs = slabs;
  }

  next(maxBytes: number): Message | undefined {
    const group = this.#groups[this.#group];
    if (!group) return undefined;
    const { bytes, slab, spans } = this.#encoder.message(group, this.#span, maxBytes);
    this.#spans = spans;
    const release = (read: boolean) => (read ? this.#slabs.give(slab) : this.#slabs.drop(slab));
    return { chunks: [bytes], byteLength: bytes.length, items: spans, release };
  }

  done(): readonly Run[] {
    const { spans } = this.#groups[this.#group]!;
    const end = this.#span + this.#spans;
    const sent = spans.slice(this.#span, end);
    if (end < spans.length) this.#span = end;
    else {
      this.#group++;
      this.#span = 0;
    }
    return runsOf(sent.map(({ item }) => item));
  }

  rest(): readonly Run[] {
    const items = this.#groups
      .slice(this.#group)
      .flatMap(({ spans }, i) => (i === 0 ? spans.slice(this.#span) : spans));
    return runsOf(items.map(({ item }) => item).sort((a, b) => a - b));
  }
}

/** @param items in rising order */
function runsOf(items: readonly number[]): Run[] {
  const runs: { from: number; items: number }[] = [];
  for (const item of items) {
    const last = runs.at(-1);
    if (last && last.from + last.items === item) last.items++;
    else runs.push({ from: item, items: 1 });
  }
  return runs;
}
