import type { Signal } from '../../internal/otlp/payload.ts';
import type { Body } from './body.ts';
import { bodyAt, itemAt, requestAt } from './stamp.ts';
import { eachRecord, stampOffset, traceIdOffset } from './walk.ts';

/** What became of everything that was sent; all of it in items. */
export interface Account {
  sent: number;
  /** Of requests answered with success. */
  accepted: number;
  /** Of requests answered with an error, or not at all. */
  refused: number;
  /** Distinct items that arrived at the sink. */
  delivered: number;
  /** Arrivals beyond the first of an item. */
  duplicates: number;
  /** Accepted and never arrived. */
  lost: number;
  /** Arrived though never accepted: the sender would send them again. */
  unasked: number;
  /** Arrived and were never sent, or without a stamp. */
  unknown: number;
  /** Of the items compared with what was sent, one in `COMPARE_EVERY`: how many differ. */
  altered: number;
}

/** Keeps the books of one load: requests by the sender's side, items by the sink's. */
export interface Tally {
  /** Enters a request of this body. @returns its request number, to be stamped into the body */
  send(body: Body): number;
  answer(request: number, body: Body, accepted: boolean): void;
  /** Enters what the sink received, one whole Export*ServiceRequest. @returns its items */
  arrive(message: Uint8Array): number;
  /** Cheap: false means that something accepted has surely not arrived; for polling. */
  mayBeComplete(): boolean;
  account(): Account;
}

/** Called at the arrival of the last item of each request. */
export type OnArrival = (request: number) => void;

/** One in so many arrivals is compared with what was sent. A prime, so that it falls on all places of a batch. */
const COMPARE_EVERY = 509;

const SENT = 1;
const ACCEPTED = 2;
const REFUSED = 3;

/** Checks shared by both tallies: the stamp, and now and then the bytes of the item. */
class Inspector {
  readonly #pool: readonly Body[];
  readonly #signal: Signal;
  #seen = 0;
  unknown = 0;
  altered = 0;

  constructor(pool: readonly Body[]) {
    this.#pool = pool;
    this.#signal = pool[0]!.signal;
  }

  /** Calls `enter` with the body and the place of the stamp of each item that has one. @returns all items */
  read(message: Uint8Array, enter: (body: Body, at: number) => void): number {
    let items = 0;
    eachRecord(this.#signal, message, (start, end) => {
      items++;
      const at = stampOffset(this.#signal, message, start, end);
      const body = at < 0 ? undefined : this.#pool[bodyAt(message, at)];
      if (body === undefined || itemAt(message, at) >= body.items) {
        this.unknown++;
        return;
      }
      if (++this.#seen % COMPARE_EVERY === 0 && !this.#same(message, start, end, at, body)) this.altered++;
      enter(body, at);
    });
    return items;
  }

  /**
   * The item as sent, but for the request number, which may be another's by now. Compared as a bag of bytes, because a
   * collector that decodes and encodes may put fields in another order (the Go collector writes them backwards).
   */
  #same(message: Uint8Array, start: number, end: number, at: number, body: Body): boolean {
    const item = itemAt(message, at);
    const from = body.ranges[2 * item]!;
    const to = body.ranges[2 * item + 1]!;
    if (to - from !== end - start) return false;
    return this.#bag(message, start, end, at, body) === this.#bag(body.bytes, from, to, body.stamps[item]!, body);
  }

  /** A sum over bytes that does not depend on their order, leaving out the request number wherever it stands. */
  #bag(bytes: Uint8Array, start: number, end: number, stamp: number, body: Body): number {
    const sum = bag(bytes, start, end, stamp);
    if (body.marks.length === body.stamps.length) return sum;
    const traceId = traceIdOffset(bytes, start, end);
    return traceId < 0 ? Number.NaN : sum - bag(bytes, traceId, traceId + 4, -4);
  }
}

/** Leaves out the four bytes at `stamp`. */
function bag(bytes: Uint8Array, start: number, end: number, stamp: number): number {
  let sum = 0;
  for (let at = start; at < end; at++) {
    if (at < stamp || at >= stamp + 4) sum += (bytes[at]! + 1) ** 3;
  }
  return sum;
}

/** For stamped requests: knows of every single item whether it arrived. All bodies have the same number of items. */
export class ExactTally implements Tally {
  readonly #perRequest: number;
  readonly #inspector: Inspector;
  readonly #onArrival: OnArrival | undefined;
  #last = 0;
  #states = new Uint8Array(1024);
  #arrived: Uint8Array;
  #distinct = 0;
  #accepted = 0;
  #duplicates = 0;

  constructor(pool: readonly Body[], onArrival?: OnArrival) {
    this.#perRequest = pool[0]!.items;
    this.#inspector = new Inspector(pool);
    this.#onArrival = onArrival;
    this.#arrived = new Uint8Array(128 * this.#perRequest);
  }

  send(_body: Body): number {
    const request = ++this.#last;
    if (request >= this.#states.length) {
      this.#states = grown(this.#states);
      this.#arrived = grown(this.#arrived);
    }
    this.#states[request] = SENT;
    return request;
  }

  answer(request: number, body: Body, accepted: boolean): void {
    this.#states[request] = accepted ? ACCEPTED : REFUSED;
    if (accepted) this.#accepted += body.items;
  }

  arrive(message: Uint8Array): number {
    return this.#inspector.read(message, (body, at) => {
      const request = requestAt(message, at);
      if (request === 0 || request > this.#last) {
        this.#inspector.unknown++;
        return;
      }
      const item = itemAt(message, at);
      const bit = request * this.#perRequest + item;
      const mask = 1 << (bit & 7);
      if ((this.#arrived[bit >>> 3]! & mask) !== 0) {
        this.#duplicates++;
        return;
      }
      this.#arrived[bit >>> 3]! |= mask;
      this.#distinct++;
      if (item === body.items - 1) this.#onArrival?.(request);
    });
  }

  mayBeComplete(): boolean {
    return this.#distinct >= this.#accepted;
  }

  account(): Account {
    const perRequest = this.#perRequest;
    const account = emptyAccount();
    account.sent = this.#last * perRequest;
    account.accepted = this.#accepted;
    account.refused = account.sent - account.accepted;
    account.duplicates = this.#duplicates;
    account.unknown = this.#inspector.unknown;
    account.altered = this.#inspector.altered;
    for (let request = 1; request <= this.#last; request++) {
      const arrived = this.#arrivedOf(request);
      account.delivered += arrived;
      if (this.#states[request] === ACCEPTED) account.lost += perRequest - arrived;
      else account.unasked += arrived;
    }
    return account;
  }

  /** Of whole traces, so many a request, in turns: how many arrived in part. */
  brokenTraces(tracesPerRequest: number): number {
    let broken = 0;
    for (let request = 1; request <= this.#last; request++) {
      for (let trace = 0; trace < tracesPerRequest; trace++) {
        let arrived = 0;
        let spans = 0;
        for (let item = trace; item < this.#perRequest; item += tracesPerRequest, spans++) {
          const bit = request * this.#perRequest + item;
          if ((this.#arrived[bit >>> 3]! & (1 << (bit & 7))) !== 0) arrived++;
        }
        if (arrived > 0 && arrived < spans) broken++;
      }
    }
    return broken;
  }

  #arrivedOf(request: number): number {
    let count = 0;
    const first = request * this.#perRequest;
    for (let bit = first; bit < first + this.#perRequest; bit++) {
      if ((this.#arrived[bit >>> 3]! & (1 << (bit & 7))) !== 0) count++;
    }
    return count;
  }
}

/**
 * For bodies compressed beforehand, whose stamps never change: compares for each item how often its body was accepted
 * with how often it arrived. A loss and a duplicate of the same item of the same body would cancel out.
 */
export class PoolTally implements Tally {
  readonly #pool: readonly Body[];
  readonly #inspector: Inspector;
  readonly #sent: Uint32Array;
  readonly #accepted: Uint32Array;
  readonly #arrivals: Uint32Array[];
  #last = 0;
  #acceptedItems = 0;
  #arrived = 0;

  constructor(pool: readonly Body[]) {
    this.#pool = pool;
    this.#inspector = new Inspector(pool);
    this.#sent = new Uint32Array(pool.length);
    this.#accepted = new Uint32Array(pool.length);
    this.#arrivals = pool.map((body) => new Uint32Array(body.items));
  }

  send(body: Body): number {
    this.#sent[body.index]!++;
    return ++this.#last;
  }

  answer(_request: number, body: Body, accepted: boolean): void {
    if (!accepted) return;
    this.#accepted[body.index]!++;
    this.#acceptedItems += body.items;
  }

  arrive(message: Uint8Array): number {
    return this.#inspector.read(message, (body, at) => {
      this.#arrivals[body.index]![itemAt(message, at)]!++;
      this.#arrived++;
    });
  }

  mayBeComplete(): boolean {
    return this.#arrived >= this.#acceptedItems;
  }

  account(): Account {
    const account = emptyAccount();
    account.accepted = this.#acceptedItems;
    account.unknown = this.#inspector.unknown;
    account.altered = this.#inspector.altered;
    for (const { index, items } of this.#pool) {
      const sent = this.#sent[index]!;
      const accepted = this.#accepted[index]!;
      account.sent += sent * items;
      for (const arrived of this.#arrivals[index]!) {
        account.delivered += Math.min(arrived, sent);
        account.duplicates += Math.max(0, arrived - sent);
        account.lost += Math.max(0, accepted - arrived);
        account.unasked += Math.max(0, Math.min(arrived, sent) - accepted);
      }
    }
    account.refused = account.sent - account.accepted;
    return account;
  }
}

const emptyAccount = (): Account => ({
  sent: 0,
  accepted: 0,
  refused: 0,
  delivered: 0,
  duplicates: 0,
  lost: 0,
  unasked: 0,
  unknown: 0,
  altered: 0,
});

function grown(old: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(old.length * 2);
  larger.set(old);
  return larger;
}
