import { open } from 'node:fs/promises';
import type { Logger } from '../../internal/core/telemetry.ts';

/** Where the exporter prints to. */
export interface Output {
  line(title: string, counts: Readonly<Record<string, number>>): void | Promise<void>;
  /** Of many lines. */
  text(text: string): void | Promise<void>;
  close(): Promise<void>;
}

/** @throws Error that names the path that cannot be opened */
export async function openOutput(to: Logger | readonly string[]): Promise<Output> {
  return Array.isArray(to) ? openPaths(to) : loggerOutput(to as Logger);
}

function loggerOutput(logger: Logger): Output {
  return {
    line: (title, counts) => logger.info(title, counts),
    text: (text) => logger.info(text),
    close: async () => {},
  };
}

async function openPaths(paths: readonly string[]): Promise<Output> {
  const writers = await Promise.all(paths.map(openPath));
  const write = async (text: string) => {
    await Promise.all(writers.map((writer) => writer.write(`${text}\n`)));
  };
  return {
    line: (title, counts) => {
      const pairs = Object.entries(counts).map(([name, count]) => `"${name}": ${count}`);
      return write(`${title}\t{${pairs.join(', ')}}`);
    },
    text: write,
    close: async () => {
      await Promise.all(writers.map((writer) => writer.close()));
    },
  };
}

interface Writer {
  /** Resolves when the reader has taken it: printing never gets ahead of a slow terminal. */
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

async function openPath(path: string): Promise<Writer> {
  if (path === 'stdout' || path === 'stderr') {
    const stream = process[path];
    return { write: (text) => new Promise((done) => stream.write(text, () => done())), close: async () => {} };
  }
  const file = await open(path, 'a').catch((error: Error) => {
    throw new Error(`output_paths: cannot write ${path}: ${error.message}`, { cause: error });
  });
  // A full disk ends no pipeline for the sake of what was only to be looked at.
  const ignore = () => {};
  return { write: (text) => file.appendFile(text).catch(ignore), close: () => file.close() };
}
