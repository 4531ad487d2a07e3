import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Fits V8's collector to a program whose bytes lie outside the heap. Called once everything is loaded: given as flags at the start, the same
 * settings make V8 reject the code caches of Node's own modules, which costs a third of the time to listening.
 */
export function settleHeap(): void {
  // What starting left behind, a third of the heap, would otherwise stay until there is traffic.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;
  // memory_limiter asks for it above its hard limit.
  globalThis.gc = collect;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  // A small heap is collected twenty times a second for the sake of the bodies outside it; one that may grow to four times what lives in it is not.
  setFlagsFromString('--heap-growing-percent=300');
}
