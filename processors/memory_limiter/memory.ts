import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';

/** What the process uses, and what it may use. Injected, so that a test can say both. */
export interface MemoryReader {
  /** Bytes of physical memory of the whole process: the V8 heap, buffers outside it, and native code. */
  resident(): number;
  /** Bytes of these that the V8 heap and the buffers outside it have in use; the allocators keep the rest for later. */
  live(): number;
  /** Bytes of the container, or of the machine. */
  total(): number;
  /** Collects garbage, where Node was started with --expose-gc. */
  collect?(): void;
}

export const processMemory: MemoryReader = {
  resident: () => process.memoryUsage.rss(),
  live: () => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  },
  total: () => Math.min(totalmem(), cgroupLimit(readText) ?? Number.POSITIVE_INFINITY),
  ...(globalThis.gc && { collect: () => void globalThis.gc?.() }),
};

/**
 * The memory limit of this container, bytes.
 * v2: https://docs.kernel.org/admin-guide/cgroup-v2.html#memory, v1: https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
 *
 * @param read the text of a file, undefined where there is none
 */
export function cgroupLimit(read: (path: string) => string | undefined): number | undefined {
  for (const path of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    const text = read(path)?.trim();
    // v2 says "max" for none; v1 says a number near 2^63, which the machine's memory then undercuts.
    if (text && /^\d+$/.test(text)) return Number(text);
  }
  return undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
