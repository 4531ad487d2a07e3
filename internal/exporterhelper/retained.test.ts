import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { noContext } from '../core/consumer.ts';
import { accepted, type Outcome } from '../core/outcome.ts';
import { settled } from '../testkit/clock.ts';
import { exporterRig, queue } from '../testkit/exporter.ts';
import { deferred } from '../testkit/settings.ts';
import { stamped } from '../testkit/stamped.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

test('what has been sent is garbage, also while the consumer waits for the answer to a later batch', async () => {
  const answers = Array.from({ length: 4 }, () => deferred<Outcome>());
  const { built } = exporterRig(
    { sending_queue: queue({ num_consumers: 1 }) },
    (_batch, _ctx, call) => answers[call]!.promise,
  );
  const put = async (id: string) => {
    const batch = stamped('traces', [id]);
    await built.consume(batch, noContext);
    return new WeakRef(batch);
  };
  const batches = [await put('a'), await put('b'), await put('c'), await put('d')];
  for (const answer of answers.slice(0, 3)) {
    answer.resolve(accepted);
    await settled();
  }
  gc();
  expect(batches.map((batch) => batch.deref() !== undefined)).toEqual([false, false, false, true]);
});
