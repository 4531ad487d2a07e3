import { totalmem } from 'node:os';

/** Bytes of the container, or of the machine where nothing limits it. */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Bytes of telemetry to hold at most: 128 MiB, or a quarter of the memory of a small container. */
export function defaultBudget(): number {
  return Math.min(128 * 2 ** 20, Math.floor(availableMemory() / 4));
}
