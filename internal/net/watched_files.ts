import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/telemetry.ts';

/** Something made from files, made anew when they change. */
export interface Kept<T> {
  readonly value: T;
  /** Calls back after each renewal. */
  onRenewed(renewed: (value: T) => void): void;
  /** Ends the watch. */
  close(): void;
}

/** Reads files, remembers how they looked, and builds anew when one of them has changed: certificates, tokens, passwords. */
export class WatchedFiles {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #everyMs: number;
  /** Path to how the file looked when it was read. */
  readonly #seen = new Map<string, string>();
  #timer: Timer | undefined;

  /** @param everyMs milliseconds between looks at the files */
  constructor(clock: Clock, logger: Logger, everyMs: number) {
    this.#clock = clock;
    this.#logger = logger;
    this.#everyMs = everyMs;
  }

  /**
   * @param field the configuration field that names the file
   * @throws Error that names the file, what failed and what to do
   */
  async read(field: string, path: string): Promise<string> {
    try {
      // Looked at before it is read: a renewal in between is seen as a change at the next look.
      this.#seen.set(path, await looks(path));
      return await readFile(path, 'utf8');
    } catch (error) {
      throw new Error(`${field}: cannot read ${path}: ${fileTrouble(error)}`, { cause: error });
    }
  }

  /**
   * The same of a large file, as bytes outside the heap.
   *
   * @throws Error also where it has more than `maxBytes`, or changes while it is read
   */
  async readBytes(field: string, path: string, maxBytes: number): Promise<Buffer> {
    let file: FileHandle | undefined;
    try {
      this.#seen.set(path, await looks(path));
      file = await open(path);
      return await wholeOf(file, maxBytes);
    } catch (error) {
      throw new Error(`${field}: cannot read ${path}: ${fileTrouble(error)}`, { cause: error });
    } finally {
      await file?.close();
    }
  }

  /**
   * Builds now, and again after each change. A build that fails later is logged once and what was built before stays.
   * @throws what the first build throws
   */
  async keep<T>(build: () => T | Promise<T>): Promise<Kept<T>> {
    let value = await build();
    const listeners: ((value: T) => void)[] = [];
    let lastTrouble: string | undefined;
    let busy = false;
    const renew = async () => {
      try {
        value = await build();
        lastTrouble = undefined;
        this.#logger.info('renewed files are in use', { files: [...this.#seen.keys()] });
        for (const renewed of listeners) renewed(value);
      } catch (error) {
        const trouble = (error as Error).message;
        if (trouble !== lastTrouble) this.#logger.error(`${trouble}. What was loaded before stays in use`);
        lastTrouble = trouble;
      }
    };
    const look = async () => {
      if (busy) return;
      busy = true;
      if (await this.#changed()) await renew();
      busy = false;
    };
    if (this.#seen.size > 0) this.#timer = this.#clock.every(this.#everyMs, () => void look());
    return {
      get value() {
        return value;
      },
      onRenewed: (renewed) => listeners.push(renewed),
      close: () => this.#timer?.cancel(),
    };
  }

  async #changed(): Promise<boolean> {
    for (const [path, before] of this.#seen) {
      if ((await looks(path).catch(() => 'missing')) !== before) return true;
    }
    return false;
  }
}

/** Changes with the content, also when a mounted secret is swapped by its symbolic link. */
async function looks(path: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(path);
  return `${mtimeMs} ${size} ${ino}`;
}

/** What one read may ask of the system. */
const maxReadBytes = 1 << 30;

async function wholeOf(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const before = await file.stat();
  if (before.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
  if (before.size > maxBytes) throw new Error(`it has ${before.size} bytes, max_file_bytes is ${maxBytes}`);
  const bytes = Buffer.allocUnsafeSlow(before.size);
  let length = 0;
  for (let read = -1; read !== 0 && length < bytes.length; length += read) {
    read = (await file.read(bytes, length, Math.min(bytes.length - length, maxReadBytes))).bytesRead;
  }
  const after = await file.stat();
  if (length < bytes.length || after.size !== before.size || after.mtimeMs !== before.mtimeMs) {
    throw new Error('it changed while it was read. Put a new file in its place by a rename');
  }
  return bytes;
}

function fileTrouble(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file. Check the path, and that the volume is mounted';
  if (code === 'EACCES') return `this user (uid ${process.getuid?.()}) may not read it. Check its owner and mode`;
  if (code === 'EISDIR') return 'it is a folder. Name a file in it';
  return message;
}
