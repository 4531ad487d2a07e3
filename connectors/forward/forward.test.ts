import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { retryable } from '../../internal/core/outcome.ts';
import { connectorOutputs } from '../../internal/testkit/connector.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import forward from './index.ts';

function rig(next: RecordingConsumer) {
  return forward.create(testSettings(), {}, connectorOutputs({ traces: next }));
}

test('passes the same batch and context on, and the answer back', async () => {
  const next = new RecordingConsumer(() => retryable('busy'));
  const batch = stamped('traces', ['a']);
  const ctx = { clientAddress: 'peer' };
  expect(await rig(next).consume(batch, ctx)).toMatchObject({ status: 'retryable', reason: 'busy' });
  expect(next.calls).toEqual([{ batch, ctx }]);
});

test('refuses a signal that no pipeline takes from it', async () => {
  const outcome = await rig(new RecordingConsumer()).consume(stamped('logs', ['a']), noContext);
  expect(outcome).toMatchObject({ status: 'permanent', code: 'unimplemented' });
});
