import { appendFile, mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { encodeJson } from '../../internal/otlp/json.ts';
import { Payload } from '../../internal/otlp/payload.ts';
import { rewriteLogs, rewriteMetrics, rewriteSpans } from '../../internal/otlp/rewrite.ts';
import { splitByItems } from '../../internal/otlp/split.ts';

/** Why items were refused for good. */
export interface Rejection {
  readonly index: string;
  readonly status: number;
  readonly type: string;
  readonly reason: string;
  /** Which document of a span: itself, or one of its events. */
  readonly of?: 'event' | undefined;
}

/** Bytes that may wait to be written; more is left out and counted. */
const MAX_WAITING = 16 * 1024 * 1024;

/**
 * A file of what the server refused for good: lines of OTLP/JSON, each with the reason under `sluice.rejected`, which
 * readers of OTLP/JSON pass over. Of two files of half the size each the older one goes when the newer one is full.
 */
export class RejectionLog {
  readonly #path: string;
  readonly #half: number;
  readonly #onTrouble: (message: string) => void;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #busy: Promise<void> | undefined;
  #size = -1;

  /** @param maxBytes of both files together */
  constructor(path: string, maxBytes: number, onTrouble: (message: string) => void) {
    this.#path = path;
    this.#half = maxBytes / 2;
    this.#onTrouble = onTrouble;
  }

  /** Writes soon, never throws. */
  add(line: string): void {
    if (this.#waitingBytes + line.length > MAX_WAITING) {
      this.#onTrouble('too much is waiting to be written');
      return;
    }
    this.#waiting.push(line);
    this.#waitingBytes += line.length;
    this.#busy ??= this.#drain();
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    await this.#busy;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const text = this.#nextText();
      try {
        await this.#write(text);
      } catch (error) {
        this.#size = -1;
        this.#onTrouble((error as Error).message);
      }
    }
    this.#busy = undefined;
  }

  /** As many lines as one file may hold, at least one. */
  #nextText(): string {
    let bytes = 0;
    let lines = 0;
    for (const line of this.#waiting) {
      const size = Buffer.byteLength(line) + 1;
      if (lines > 0 && bytes + size > this.#half) break;
      bytes += size;
      lines++;
    }
    const taken = this.#waiting.splice(0, lines);
    for (const line of taken) this.#waitingBytes -= line.length;
    return `${taken.join('\n')}\n`;
  }

  async #write(text: string): Promise<void> {
    const bytes = Buffer.byteLength(text);
    if (this.#size < 0) {
      await mkdir(dirname(this.#path), { recursive: true });
      this.#size = await stat(this.#path).then(
        ({ size }) => size,
        () => 0,
      );
    }
    if (this.#size > 0 && this.#size + bytes > this.#half) {
      await rename(this.#path, `${this.#path}.1`);
      this.#size = 0;
    }
    await appendFile(this.#path, text, { mode: 0o600 });
    this.#size += bytes;
  }
}

/** A document that was refused: the items of the batch that it was made of, and why. */
export interface Rejected {
  readonly items: ReadonlySet<number>;
  readonly rejection: Rejection;
}

/** A line for each. @param time wall time, milliseconds */
export function* rejectionLines(batch: Payload, refused: readonly Rejected[], time: number): Generator<string> {
  const wanted = new Set<number>();
  for (const { items } of refused) for (const item of items) wanted.add(item);
  const single = splitByItems(only(batch, wanted), 1);
  const order = [...wanted].sort((a, b) => a - b);
  const parts = new Map(order.map((item, i) => [item, single[i]]));
  for (const { items, rejection } of refused) {
    const found = [...items].map((item) => parts.get(item)).filter((part) => part !== undefined);
    yield lineOf(Payload.concat(batch.signal, found), rejection, time);
  }
}

function lineOf(payload: Payload, rejection: Rejection, time: number): string {
  const json = Buffer.from(encodeJson(payload)).toString('utf8');
  const why = JSON.stringify({ time: new Date(time).toISOString(), ...rejection });
  // Readers look for the key of the signal at the beginning.
  return `${json.slice(0, -1)}${json === '{}' ? '' : ','}"sluice.rejected":${why}}`;
}

/** The batch with these items alone. */
function only(batch: Payload, items: ReadonlySet<number>): Payload {
  let item = 0;
  const keep = (_: unknown, patch: { drop(): void }) => {
    if (!items.has(item++)) patch.drop();
  };
  if (batch.signal === 'logs') return rewriteLogs(batch, { record: keep });
  if (batch.signal === 'traces') return rewriteSpans(batch, { record: keep });
  return rewriteMetrics(batch, { point: keep });
}
