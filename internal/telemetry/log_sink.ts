import { closeSync, openSync, write } from 'node:fs';
import { isatty } from 'node:tty';
import type { Clock } from '../core/clock.ts';

/** Where lines go. Never blocks the event loop. */
export interface LogSink {
  write(line: string): void;
  /** Resolves when what was written so far is out, cannot get out, or two seconds have passed. */
  flush(): Promise<void>;
  readonly color: boolean;
}

/** Bytes kept for an output that does not keep up: a stuck terminal must cost neither memory nor time. */
const maxBuffered = 1024 * 1024;
const flushMs = 2000;

/**
 * `stderr`, `stdout`, or a file that is appended to.
 * Not pino's own destination: its flush retries for ever when the disk is full.
 * @throws Error when the file cannot be opened
 */
export function openSink(path: string, clock: Clock): LogSink & { close(): Promise<void> } {
  const standard = path === 'stderr' ? 2 : path === 'stdout' ? 1 : undefined;
  const fd = standard ?? openFile(path);
  const color = isatty(fd) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  let waiting: string[] = [];
  let buffered = 0;
  let omitted = 0;
  let writing = false;
  let closed = false;
  let idle: (() => void)[] = [];

  const next = () => {
    if (waiting.length === 0) {
      writing = false;
      for (const resolve of idle) resolve();
      idle = [];
      return;
    }
    writing = true;
    if (omitted > 0) waiting.push(`${omitted} log lines left out here: the output did not keep up\n`);
    omitted = 0;
    const bytes = Buffer.from(waiting.join(''));
    waiting = [];
    writeAll(fd, bytes, 0, () => {
      buffered = 0;
      for (const line of waiting) buffered += line.length;
      next();
    });
  };

  const flush = async () => {
    if (!writing) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    idle.push(resolve);
    const timer = clock.after(flushMs, resolve);
    await promise;
    timer.cancel();
  };

  return {
    color,
    write(line) {
      if (closed) return;
      if (buffered + line.length > maxBuffered) {
        omitted += 1;
        return;
      }
      buffered += line.length;
      waiting.push(line);
      if (!writing) next();
    },
    flush,
    async close() {
      if (closed) return;
      closed = true;
      await flush();
      // A descriptor still being written to is left to the end of the process.
      if (standard === undefined && !writing) closeSync(fd);
    },
  };
}

/** An error (full disk, closed terminal) ends the attempt: there is no other place to tell it, and work must go on. */
function writeAll(fd: number, bytes: Buffer, offset: number, done: () => void): void {
  write(fd, bytes, offset, bytes.length - offset, null, (error, written) => {
    if (error && (error.code === 'EAGAIN' || error.code === 'EINTR')) setImmediate(writeAll, fd, bytes, offset, done);
    else if (error || offset + written >= bytes.length) done();
    else writeAll(fd, bytes, offset + written, done);
  });
}

function openFile(path: string): number {
  try {
    return openSync(path, 'a', 0o640);
  } catch (error) {
    throw new Error(
      `service.telemetry.logs.output_paths: cannot open ${JSON.stringify(path)} for appending: ${(error as Error).message}. ` +
        'Create its folder, allow writing, or name stderr, stdout or another file.',
      { cause: error },
    );
  }
}
