import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip, zstdDecompressSync } from 'node:zlib';

/** As much as the OTLP/HTTP receiver takes in one request. */
export const maxRecordBytes = 20 * 2 ** 20;

const newline = 0x0a;
const zstdMagic = 0xfd2fb528;

/** One record of a capture: its bytes, or why they are not there. */
export type CaptureRecord = Buffer | { readonly passedOver: string };

/**
 * The records of a file as the `file` exporter writes them, ours or the Go collector's: lines of OTLP/JSON, or records with their length in front;
 * both plain or as gzip, the latter also with each record compressed by zstd. Reads as it goes; a record longer than `maxRecordBytes` is not held.
 * @throws Error of the file system
 */
export async function* readRecords(path: string): AsyncGenerator<CaptureRecord> {
  const head = await beginning(path);
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  let stream: AsyncIterable<Buffer> = file;
  if (head.length === 2 && head[0] === 0x1f && head[1] === 0x8b) {
    const gunzip = createGunzip();
    // An error of either side ends the reading of the other: it is met below.
    pipeline(file, gunzip, () => {});
    stream = gunzip;
  }
  try {
    const chunks = stream[Symbol.asyncIterator]();
    const first = await chunks.next();
    if (first.done) return;
    // JSON begins with a brace or white space; no length does.
    yield* first.value[0]! < 9 ? prefixed(again(first.value, chunks)) : lines(again(first.value, chunks));
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('Z_')) throw error;
    yield { passedOver: `the rest of the file cannot be decompressed: ${(error as Error).message}` };
  } finally {
    file.destroy();
  }
}

async function beginning(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function* again(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<CaptureRecord> {
  const held = new Held();
  for await (const chunk of chunks) {
    let begin = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, begin)) {
      held.add(chunk.subarray(begin, end));
      const line = held.take();
      if (!Buffer.isBuffer(line) || line.length > 0) yield line;
      begin = end + 1;
    }
    held.add(chunk.subarray(begin));
  }
  // A line that its writer has not finished is told like any other that is not OTLP.
  if (held.bytes > 0) yield held.take();
}

/** 4 bytes of length, big endian, before each record: upstream's fileexporter, exportMessageAsBuffer. */
async function* prefixed(chunks: AsyncIterable<Buffer>): AsyncGenerator<CaptureRecord> {
  const held = new Held();
  let wanted = 4;
  let isLength = true;
  for await (const chunk of chunks) {
    for (let begin = 0; begin < chunk.length; ) {
      const part = chunk.subarray(begin, begin + wanted - held.bytes);
      held.add(part);
      begin += part.length;
      // An empty record ends here as well: its length is followed by nothing.
      while (held.bytes === wanted) {
        const record = held.take();
        if (isLength) wanted = (record as Buffer).readUInt32BE(0);
        else {
          yield inflated(record);
          wanted = 4;
        }
        isLength = !isLength;
        if (wanted > 0) break;
      }
    }
  }
  if (held.bytes > 0 || !isLength) yield { passedOver: 'the last record is cut off' };
}

function inflated(record: CaptureRecord): CaptureRecord {
  if (!Buffer.isBuffer(record) || record.length < 4 || record.readUInt32LE(0) !== zstdMagic) return record;
  try {
    return zstdDecompressSync(record, { maxOutputLength: maxRecordBytes });
  } catch (error) {
    return { passedOver: `a record cannot be decompressed: ${(error as Error).message}` };
  }
}

/** The parts of a record until it is whole; of one that is too long the length only. */
class Held {
  bytes = 0;
  #parts: Buffer[] = [];

  add(part: Buffer): void {
    this.bytes += part.length;
    if (this.bytes > maxRecordBytes) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  take(): CaptureRecord {
    const { bytes } = this;
    const record = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.bytes = 0;
    this.#parts = [];
    return bytes > maxRecordBytes ? { passedOver: `a record is longer than ${maxRecordBytes} bytes` } : record;
  }
}
