import type { Payload } from '../../../internal/otlp/payload.ts';
import { decodeRecord } from './decode.ts';
import { readRecords } from './records.ts';
import { timesOf } from './scan.ts';

/** Which time of a batch's items stands for its arrival. */
export type Arrival = 'latest' | 'median';

/** A batch of the capture and when it arrived: milliseconds since 1970, never less than the one before it. */
export interface Arriving {
  readonly batch: Payload;
  readonly at: number;
}

/** What reading a capture came across; filled in as it goes. */
export class CaptureNotes {
  records = 0;
  /** Bytes of the records as read. */
  bytes = 0;
  passedOver = 0;
  /** Some of the reasons, with their file. */
  readonly reasons: string[] = [];
  /** Batches whose latest time is more than an hour ahead of their median: a clock that is wrong would carry all others along. */
  outliers = 0;
  /** Batches more than an hour older than one before them in the same file. */
  behind = 0;

  passOver(path: string, reason: string): void {
    this.passedOver += 1;
    if (this.reasons.length < 5) this.reasons.push(`${path}: ${reason}`);
  }
}

const hourMs = 3_600_000;

/**
 * The batches of all files in the order of their arrival; of batches that arrive at once, those of the file named first go first. Holds one batch of each file.
 * @throws Error of the file system
 */
export async function* readCapture(
  paths: readonly string[],
  arrival: Arrival,
  notes: CaptureNotes,
): AsyncGenerator<Arriving> {
  const files = paths.map((path) => readFile(path, arrival, notes));
  try {
    const heads: (Arriving | undefined)[] = [];
    for (const file of files) heads.push((await file.next()).value ?? undefined);
    let last = Number.NEGATIVE_INFINITY;
    for (;;) {
      let first = -1;
      for (const [index, head] of heads.entries()) {
        if (head && (first < 0 || head.at < heads[first]!.at)) first = index;
      }
      if (first < 0) return;
      const { batch, at } = heads[first]!;
      last = Math.max(last, at);
      yield { batch, at: last };
      heads[first] = (await files[first]!.next()).value ?? undefined;
    }
  } finally {
    for (const file of files) await file.return(undefined);
  }
}

/** Of one file, in its own order. */
async function* readFile(path: string, arrival: Arrival, notes: CaptureNotes): AsyncGenerator<Arriving, undefined> {
  let last = 0;
  for await (const record of readRecords(path)) {
    notes.records += 1;
    const decoded = Buffer.isBuffer(record) ? decodeRecord(record) : record;
    if ('passedOver' in decoded) {
      notes.passOver(path, decoded.passedOver);
      continue;
    }
    notes.bytes += (record as Buffer).length;
    if (decoded.itemCount === 0) continue;
    const times = timesOf(decoded);
    if (times.latest !== undefined && times.latest - times.median! > hourMs) notes.outliers += 1;
    const at = times[arrival] ?? last;
    if (last - at > hourMs) notes.behind += 1;
    last = Math.max(last, at);
    yield { batch: decoded, at: last };
  }
  return undefined;
}
