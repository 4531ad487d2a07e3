import type { Clock, Timer } from '../core/clock.ts';
import { type BatchContext, type ClientMetadata, noContext } from '../core/consumer.ts';
import { Payload } from '../otlp/payload.ts';
import { splitByBytes, splitByItems } from '../otlp/split.ts';
import type { QueueBatchConfig } from './schema.ts';
import type { Part, Work } from './work.ts';

/** Small pieces of work become larger ones, kept apart by the partition's metadata. */
export class Batcher {
  readonly #config: QueueBatchConfig;
  readonly #clock: Clock;
  readonly #ready: (work: Work) => void;
  readonly #keys: readonly string[];
  readonly #partitions = new Map<string, Partition>();
  #closed = false;

  /** @param ready takes a finished batch */
  constructor(config: QueueBatchConfig, clock: Clock, ready: (work: Work) => void) {
    this.#config = config;
    this.#clock = clock;
    this.#ready = ready;
    this.#keys = (config.partition?.metadata_keys ?? []).map((key) => key.toLowerCase());
  }

  add(work: Work): void {
    const key = partitionKey(this.#keys, work.ctx.metadata);
    let partition = this.#partitions.get(key);
    if (!partition) {
      partition = { key, ctx: partitionContext(this.#keys, work.ctx.metadata), works: [], size: 0, timer: undefined };
      this.#partitions.set(key, partition);
    }
    partition.works.push(work);
    partition.size += this.#size(work.payload);
    if (this.#closed || partition.size >= this.#config.min_size) this.#flush(partition, this.#closed);
    else this.#arm(partition);
  }

  /** Sends on all that waits, and from now on whatever comes at once. */
  close(): void {
    this.#closed = true;
    for (const partition of [...this.#partitions.values()]) this.#flush(partition, true);
  }

  #arm(partition: Partition): void {
    partition.timer ??= this.#clock.after(this.#config.flush_timeout, () => this.#flush(partition, true));
  }

  /** @param all also send the last piece, although it is smaller than min_size */
  #flush(partition: Partition, all: boolean): void {
    partition.timer?.cancel();
    partition.timer = undefined;
    const pieces = split(merge(partition), this.#config);
    partition.works = [];
    partition.size = 0;
    const last = pieces.at(-1);
    if (!all && last && pieces.length > 1 && this.#size(last.payload) < this.#config.min_size) {
      pieces.pop();
      partition.works = [last];
      partition.size = this.#size(last.payload);
      this.#arm(partition);
    } else {
      this.#partitions.delete(partition.key);
    }
    for (const piece of pieces) this.#ready(piece);
  }

  #size(payload: Payload): number {
    return this.#config.sizer === 'bytes' ? payload.byteLength : payload.itemCount;
  }
}

interface Partition {
  readonly key: string;
  readonly ctx: BatchContext;
  works: Work[];
  /** In units of the batch's sizer. */
  size: number;
  timer: Timer | undefined;
}

function merge({ works, ctx }: Partition): Work {
  const only = works[0]!;
  if (works.length === 1) return { payload: only.payload, ctx, parts: only.parts };
  const payload = Payload.concat(
    only.payload.signal,
    works.map((work) => work.payload),
  );
  return { payload, ctx, parts: works.flatMap((work) => work.parts) };
}

function split(work: Work, { max_size, sizer }: QueueBatchConfig): Work[] {
  const { payload, ctx, parts } = work;
  const size = sizer === 'bytes' ? payload.byteLength : payload.itemCount;
  if (max_size === 0 || size <= max_size) return [work];
  const payloads = sizer === 'bytes' ? splitByBytes(payload, max_size) : splitByItems(payload, max_size);
  const owners = new Owners(parts);
  return payloads.map((piece) => ({ payload: piece, ctx, parts: owners.take(piece.itemCount) }));
}

/** Deals the parts of a batch out to the pieces that it was split into, in order. */
class Owners {
  readonly #parts: readonly Part[];
  #at = 0;
  #used = 0;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
    for (const { request } of parts) request.pieces--;
  }

  take(items: number): Part[] {
    const taken: Part[] = [];
    for (let wanted = items; this.#at < this.#parts.length; ) {
      const part = this.#parts[this.#at]!;
      const here = Math.min(wanted, part.items - this.#used);
      if (here > 0 || part.items === 0) {
        part.request.pieces++;
        taken.push({ request: part.request, items: here });
      }
      wanted -= here;
      this.#used += here;
      if (this.#used < part.items) break;
      this.#at++;
      this.#used = 0;
      if (wanted === 0) break;
    }
    return taken;
  }
}

function partitionKey(keys: readonly string[], metadata: ClientMetadata | undefined): string {
  if (keys.length === 0) return '';
  return JSON.stringify(keys.map((key) => metadata?.get(key) ?? null));
}

/** A batch of several requests keeps only what they have in common. */
function partitionContext(keys: readonly string[], metadata: ClientMetadata | undefined): BatchContext {
  const common = new Map<string, readonly string[]>();
  for (const key of keys) {
    const values = metadata?.get(key);
    if (values) common.set(key, values);
  }
  return common.size > 0 ? { metadata: common } : noContext;
}
