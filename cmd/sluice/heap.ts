import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '../../internal/core/clock.ts';
import type { MemoryBudget } from '../../internal/core/memory.ts';

/** A collection of so small a heap takes about 15 ms: so seldom, that is not felt. */
const watchMs = 1000;
/** Memory in use besides the telemetry that is held: a third of it is the program itself. */
const maxSlackBytes = 80 * 2 ** 20;
/** The same where more than that outlived the last collection. */
const moreSlackBytes = 40 * 2 ** 20;
const quietBytes = 2 ** 20;
/** Bytes of bodies that come in between two collections of what is young. */
const youngBytes = 8 * 2 ** 20;

/**
 * Fits V8's collector to a program whose bytes lie outside the heap. Called once everything is loaded: given as flags at the start, the same
 * settings make V8 reject the code caches of Node's own modules, which costs a third of the time to listening.
 * @returns what ends it
 */
export function settleHeap(memory: MemoryBudget, clock: Clock): () => void {
  // What starting left behind, a third of the heap, would otherwise stay until there is traffic.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;
  // memory_limiter asks for it above its hard limit.
  globalThis.gc = collect;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  // A small heap is collected twenty times a second for the sake of the bodies outside it; one that may grow to four times what lives in it is not.
  setFlagsFromString('--heap-growing-percent=300');
  // A body is dead a few milliseconds after it came. V8 sees only the small object in front of it, which makes no pressure on the young
  // generation: the bytes outside are left until they force a whole marking, ten times a second, a quarter of the CPU time.
  const leaveFlow = memory.every(youngBytes, () => collect({ type: 'minor', execution: 'sync' }));
  // V8 does not know how many bytes a dead body holds until it looks; left alone it lets 100 MiB and more of them gather after a burst.
  const besides = () => {
    const { heapTotal, external } = process.memoryUsage();
    return heapTotal + external - memory.used - memory.apart;
  };
  let lasting = 0;
  let apart = memory.apart;
  const watch = clock.every(watchMs, () => {
    const now = besides();
    lasting = Math.min(lasting, now);
    const moved = memory.apart !== apart;
    apart = memory.apart;
    if (now < Math.max(maxSlackBytes, lasting + moreSlackBytes)) return;
    // With little to do there is time to give the heap's own pages back, too.
    const quiet = memory.used < quietBytes && !moved && lasting < maxSlackBytes;
    collect({ type: 'major', execution: 'sync', flavor: quiet ? 'last-resort' : 'regular' });
    // What is still there is no garbage but something that lives, such as a sampler's traces.
    lasting = besides();
  });
  return () => {
    leaveFlow();
    watch.cancel();
  };
}
