import { totalmem } from 'node:os';

/** What the process uses, and what it may use. Injected, so that a test can say both. */
export interface MemoryReader {
  /** Bytes of physical memory of the whole process: the V8 heap, buffers outside it, and native code. */
  resident(): number;
  /** Bytes of these that the V8 heap and the buffers outside it have in use; the allocators keep the rest for later. */
  live(): number;
  /** Bytes of the container (cgroup v1 or v2), or of the machine. */
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
  total: () => memoryOf(process.constrainedMemory(), totalmem()),
  ...(globalThis.gc && { collect: () => void globalThis.gc?.() }),
};

/** @param constrained bytes that the container grants; 0, or more than there are, for no limit */
export function memoryOf(constrained: number, machine: number): number {
  return constrained > 0 ? Math.min(constrained, machine) : machine;
}
