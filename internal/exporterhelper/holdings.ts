import type { MemoryBudget } from '../core/memory.ts';
import type { QueueConfig } from './schema.ts';
import type { Request } from './work.ts';

/** What a queue has and what of it counts against `queue_size`: requests that wait and requests being sent. */
export class Holdings {
  requests = 0;
  items = 0;
  bytes = 0;
  /** In units of the queue's sizer. */
  size = 0;
  readonly #sizer: QueueConfig['sizer'];
  readonly #memory: MemoryBudget;
  readonly #onRoom: () => void;

  constructor(sizer: QueueConfig['sizer'], memory: MemoryBudget, onRoom: () => void) {
    this.#sizer = sizer;
    this.#memory = memory;
    this.#onRoom = onRoom;
  }

  sizeOf({ items, bytes }: { readonly items: number; readonly bytes: number }): number {
    return this.#sizer === 'requests' ? 1 : this.#sizer === 'items' ? items : bytes;
  }

  add(request: Request): void {
    request.holder = this;
    this.requests++;
    this.items += request.items;
    this.bytes += request.bytes;
    this.size += this.sizeOf(request);
  }

  /** It is done with. */
  end(request: Request): void {
    this.#remove(request);
    if (request.reserved > 0) this.#memory.release(request.reserved);
    this.#onRoom();
  }

  /** It becomes another queue's, all of it at once. */
  give(request: Request, to: Holdings): void {
    if (request.holder !== this) return;
    this.#remove(request);
    to.add(request);
  }

  #remove(request: Request): void {
    this.requests--;
    this.items -= request.items;
    this.bytes -= request.bytes;
    this.size -= this.sizeOf(request);
  }
}
