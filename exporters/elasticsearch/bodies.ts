import type { MemoryBudget } from '../../internal/core/memory.ts';
import type { ElasticsearchClient } from './client.ts';
import type { BulkEncoder } from './encode.ts';

/** The body of a request. */
export interface Body {
  /** As it travels. */
  readonly packed: Buffer;
  readonly plainBytes: number;
  /** Bytes that are counted as a copy. */
  readonly copied: number;
}

/** Encoders for those who need one for a while. */
export interface Encoders {
  /** One that has encoded the batch. */
  encoded(): Promise<BulkEncoder>;
  /** It is not needed any more. @param again whether its buffer may be written to */
  release(encoder: BulkEncoder, again: boolean): void;
}

/**
 * Makes the bodies of requests of the documents that an encoder holds. A compressed body is a tenth of them, so the
 * encoder is let go once all are made, and asked again in the rare case that a request must be divided.
 */
export class Bodies {
  readonly #client: Pick<ElasticsearchClient, 'packed'>;
  readonly #encoders: Encoders;
  readonly #memory: MemoryBudget;
  #encoder: BulkEncoder | undefined;
  #reserved = 0;

  constructor(
    client: Pick<ElasticsearchClient, 'packed'>,
    encoders: Encoders,
    memory: MemoryBudget,
    encoder: BulkEncoder,
  ) {
    this.#client = client;
    this.#encoders = encoders;
    this.#memory = memory;
    this.#take(encoder);
  }

  /** Must be given back by `done`. */
  async pack(documents: readonly number[]): Promise<Body> {
    if (!this.#encoder) this.#take(await this.#encoders.encoded());
    const plain = bytesOf(this.#encoder!, documents);
    const packed = await this.#client.packed(plain);
    const copied = packed.buffer === this.#encoder?.bulk.out.buf.buffer ? 0 : packed.length;
    this.#memory.addCopy(copied);
    return { packed, plainBytes: plain.length, copied };
  }

  /** Nobody needs it any more. */
  done({ copied }: Body): void {
    this.#memory.dropCopy(copied);
  }

  /** Lets the encoder go. @param again whether its buffer may be written to: not while a request may still read it */
  letGo(again: boolean): void {
    const encoder = this.#encoder;
    if (!encoder) return;
    this.#encoder = undefined;
    this.#memory.dropCopy(this.#reserved);
    this.#encoders.release(encoder, again);
  }

  #take(encoder: BulkEncoder): void {
    this.#encoder = encoder;
    this.#reserved = encoder.bulk.out.buf.length;
    this.#memory.addCopy(this.#reserved);
  }
}

/** The two lines of each document; a copy only where others lie in between. */
function bytesOf({ bulk }: BulkEncoder, numbers: readonly number[]): Buffer {
  const { buf } = bulk.out;
  const { documents } = bulk;
  const first = numbers[0]!;
  const last = numbers.at(-1)!;
  if (last - first + 1 === numbers.length) return buf.subarray(documents.startOf(first), documents.ends[last]!);
  return Buffer.concat(numbers.map((number) => buf.subarray(documents.startOf(number), documents.ends[number]!)));
}
