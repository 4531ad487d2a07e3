import { expect, test } from 'vitest';
import { noContext } from '../../internal/core/consumer.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import factory from './index.ts';

test('everything is accepted, and counted as sent', async () => {
  const settings = testSettings({ id: 'nop' });
  const exporter = factory.create(settings, {});
  await exporter.start?.({} as never);
  expect(await exporter.consume(stamped('traces', ['a', 'b']), noContext)).toEqual({ status: 'accepted' });
  expect(settings.meter.value('otelcol_exporter_sent_spans', { exporter: 'nop' })).toBe(2);
  await exporter.shutdown?.(AbortSignal.abort());
});
