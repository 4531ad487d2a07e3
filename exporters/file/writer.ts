import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { endOfPrefixed, endsInNewline } from './records.ts';
import { keepBackups, moveAway, type Rotation } from './rotation.ts';

export interface WriterOptions {
  readonly path: string;
  /** Keep what is in the file at the start. */
  readonly append: boolean;
  readonly rotation: Rotation | undefined;
  /** Mode of a parent folder to create; undefined: it must be there. */
  readonly createDirectory: number | undefined;
  /** How a reader tells records apart; `members`: by the compression that each was given. */
  readonly framing: 'lines' | 'length-prefixed' | 'members';
  /** Wall time, milliseconds since 1970: names the backups. */
  readonly now: () => number;
}

interface Waiting {
  readonly record: readonly Uint8Array[];
  readonly bytes: number;
  readonly written: (error: Error | undefined) => void;
}

/** The most that is handed to the system in one call, so that one record never waits for a gigabyte. */
const maxGroupBytes = 8 * 1024 * 1024;

/**
 * Appends whole records to a file. A record is in the file (in the system's hands, not yet forced to the disk) when
 * `write` resolves, and not in it at all when `write` returns an error: what a full disk cuts short is truncated.
 * Records that arrive while a write is under way go out together in the next one. After an error the file is opened
 * anew for the next record, so that a folder that appears or a disk that is freed is enough to go on.
 */
export class RecordWriter {
  readonly #options: WriterOptions;
  #file: FileHandle | undefined;
  #opening: Promise<FileHandle> | undefined;
  /** Devices and pipes can neither be truncated nor rotated. */
  #regular = true;
  /** Bytes in the file that belong to whole records. */
  #size = 0;
  /** Truncating happens once per run of the collector, not at each opening. */
  #truncate: boolean;
  #waiting: Waiting[] = [];
  #busy: Promise<void> | undefined;
  #closed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#truncate = !options.append && !options.rotation;
  }

  /** @returns what is wrong, with what to do about it; a later `write` tries again */
  async open(): Promise<Error | undefined> {
    try {
      await this.#opened();
      return undefined;
    } catch (error) {
      return explained(error, this.#options.path);
    }
  }

  /** Never rejects. @returns why the record is not in the file */
  write(record: readonly Uint8Array[]): Promise<Error | undefined> {
    if (this.#closed) return Promise.resolve(new Error(`${this.#options.path} is closed`));
    const bytes = record.reduce((sum, part) => sum + part.length, 0);
    return new Promise((written) => {
      this.#waiting.push({ record, bytes, written });
      this.#busy ??= this.#drain();
    });
  }

  /** Writes what is waiting, and closes. Safe twice. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => {});
    await this.#busy;
    await this.#release();
  }

  async #drain(): Promise<void> {
    // A turn later, so that records handed over in the same turn go out together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      const error = await this.#writeGroup(group).then(
        () => undefined,
        (failure: unknown) => explained(failure, this.#options.path),
      );
      for (const { written } of group) written(error);
    }
    this.#busy = undefined;
  }

  #nextGroup(): Waiting[] {
    const room = this.#options.rotation ? this.#options.rotation.maxBytes - this.#size : Number.POSITIVE_INFINITY;
    let bytes = 0;
    let records = 0;
    for (const waiting of this.#waiting) {
      if (bytes + waiting.bytes > Math.min(maxGroupBytes, room)) break;
      bytes += waiting.bytes;
      records += 1;
    }
    return this.#waiting.splice(0, Math.max(1, records));
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const buffers = group.flatMap(({ record }) => record);
    const bytes = group.reduce((sum, waiting) => sum + waiting.bytes, 0);
    let file = await this.#opened();
    if (this.#mustRotate(bytes)) file = await this.#rotate(file);
    await this.#writeAll(file, buffers, bytes);
    this.#size += bytes;
  }

  async #writeAll(file: FileHandle, buffers: readonly Uint8Array[], bytes: number): Promise<void> {
    let rest = [...buffers];
    let done = 0;
    try {
      while (done < bytes) {
        const { bytesWritten } = await file.writev(rest);
        done += bytesWritten;
        rest = without(rest, bytesWritten);
      }
    } catch (error) {
      await this.#takeBack(file, done);
      throw error;
    }
  }

  /** Cuts off the part of a record that reached the file, and forgets the file. */
  async #takeBack(file: FileHandle, bytes: number): Promise<void> {
    if (this.#regular && bytes > 0) {
      try {
        await file.truncate((await file.stat()).size - bytes);
      } catch {
        // The next opening finds the torn record.
      }
    }
    await this.#release();
  }

  #mustRotate(bytes: number): boolean {
    const { rotation } = this.#options;
    return rotation !== undefined && this.#regular && this.#size > 0 && this.#size + bytes > rotation.maxBytes;
  }

  async #rotate(file: FileHandle): Promise<FileHandle> {
    const { path, now } = this.#options;
    const rotation = this.#options.rotation!;
    this.#file = undefined;
    await file.close();
    await moveAway(path, rotation, now());
    const opened = await this.#opened();
    await keepBackups(path, rotation, now());
    return opened;
  }

  #opened(): Promise<FileHandle> {
    if (this.#file) return Promise.resolve(this.#file);
    this.#opening ??= this.#openNow().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #openNow(): Promise<FileHandle> {
    const { path, createDirectory } = this.#options;
    if (createDirectory !== undefined) await mkdir(dirname(path), { recursive: true, mode: createDirectory });
    // Appending, so that a logrotate that truncates the file leaves no hole in it.
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o644);
    try {
      const stats = await file.stat();
      this.#regular = stats.isFile();
      this.#size = this.#regular ? await this.#startAt(file, stats.size) : 0;
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#truncate = false;
    this.#file = file;
    return file;
  }

  /** Makes the end of the file one that a record may follow. @returns the size then */
  async #startAt(file: FileHandle, size: number): Promise<number> {
    const { framing } = this.#options;
    if (this.#truncate) {
      await file.truncate(0);
      return 0;
    }
    if (framing === 'lines' && size > 0 && !(await endsInNewline(file, size))) {
      await file.write('\n');
      return size + 1;
    }
    if (framing === 'length-prefixed') {
      const whole = await endOfPrefixed(file, size);
      if (whole === 0 && size > 0)
        throw new Error('it holds no length-prefixed records: move it away, or correct path');
      if (whole < size) await file.truncate(whole);
      return whole;
    }
    return size;
  }

  async #release(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => {});
  }
}

/** What is left of `buffers` after their first `bytes`. */
function without(buffers: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  const rest: Uint8Array[] = [];
  for (const buffer of buffers) {
    if (skip >= buffer.length) skip -= buffer.length;
    else {
      rest.push(skip > 0 ? buffer.subarray(skip) : buffer);
      skip = 0;
    }
  }
  return rest;
}

const advice: Readonly<Record<string, string>> = {
  ENOENT: 'the folder is missing: make it, or set create_directory: true',
  ENOTDIR: 'a part of the path is a file: correct path',
  EACCES: 'this user may not write there: change the owner or mode of the file or folder',
  EPERM: 'this user may not write there: change the owner or mode of the file or folder',
  EROFS: 'the file system is read-only: choose a path on a writable volume',
  EISDIR: 'the path is a folder: name a file in it',
  ENOSPC: 'the disk is full: free space, or limit the file with rotation',
  EDQUOT: 'the quota is used up: free space, or limit the file with rotation',
};

function explained(error: unknown, path: string): Error {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const known = advice[code];
  return new Error(`cannot write ${path}: ${known ? `${known} (${message})` : message}`, { cause: error });
}
