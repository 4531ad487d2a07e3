import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../internal/core/clock.ts';
import type { Host } from '../../internal/core/component.ts';
import { accepted, retryable } from '../../internal/core/outcome.ts';
import { encodeJson } from '../../internal/otlp/json.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { idsOf, stamped } from '../../internal/testkit/stamped.ts';
import factory from './index.ts';
import { readLines } from './lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-replay-'));
afterAll(() => rmSync(folder, { recursive: true }));
const host: Host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };
const line = (signal: Signal, ...ids: string[]) => `${Buffer.from(encodeJson(stamped(signal, ids))).toString()}\n`;
let files = 0;

async function replay(text: string, config: Readonly<Record<string, unknown>> = {}, next = new RecordingConsumer()) {
  const path = join(folder, `${files++}.jsonl`);
  writeFileSync(path, text);
  const settings = { ...testSettings({ kind: 'receiver', id: 'otlp_json_file' }), clock: systemClock };
  const { parse } = factory.schema as unknown as { parse(value: unknown): Parameters<typeof factory.create>[1] };
  const parsed = parse({ include: [path], start_at: 'beginning', poll_interval: '10ms', ...config });
  const receiver = factory.create(settings, parsed, { traces: next, metrics: next, logs: next });
  await receiver.start?.(host);
  onTestFinished(() => receiver.shutdown?.(AbortSignal.timeout(1000)));
  return { path, settings, next, ids: () => next.taken.flatMap(idsOf) };
}

test('every signal is read line by line, in order, and what is appended later follows', async () => {
  const it = await replay(line('traces', 'a', 'b') + line('metrics', 'm') + line('logs', 'l'));
  await expect.poll(it.ids).toEqual(['a', 'b', 'm', 'l']);
  const more = line('traces', 'later');
  appendFileSync(it.path, more.slice(0, 20)); // half a line is not read
  appendFileSync(it.path, more.slice(20));
  await expect.poll(it.ids).toEqual(['a', 'b', 'm', 'l', 'later']);
  expect(
    it.settings.meter.value('otelcol_receiver_accepted_spans', { receiver: 'otlp_json_file', transport: 'file' }),
  ).toBe(3);
});

test('a line that is no OTLP is told, counted and passed over', async () => {
  const it = await replay(`{"resourceSpans": 7}\nhello\n${line('logs', 'after')}`);
  await expect.poll(it.ids).toEqual(['after']);
  expect(it.settings.logger.warnings()).toEqual([
    expect.stringContaining('a line is not OTLP/JSON'),
    expect.stringContaining('a line is none of resourceSpans'),
  ]);
  const labels = { receiver: 'otlp_json_file', transport: 'file', outcome: 'failure' };
  expect(it.settings.meter.value('otelcol_receiver_requests', labels)).toBe(2);
});

test('a pipeline that asks to wait gets the same line again, and none is skipped', async () => {
  const next = new RecordingConsumer((_, call) => (call < 2 ? retryable('full', 1) : accepted));
  const it = await replay(line('traces', 'first') + line('traces', 'second'), {}, next);
  await expect.poll(it.ids).toEqual(['first', 'second']);
  expect(next.calls).toHaveLength(4);
});

test('start_at: end leaves out what was there before', async () => {
  const it = await replay(line('traces', 'old'), { start_at: 'end' });
  appendFileSync(it.path, line('traces', 'new'));
  await expect.poll(it.ids).toEqual(['new']);
});

test('lines cross chunks whole, and one that is too long is passed over without being held', async () => {
  const path = join(folder, 'long');
  const long = 'x'.repeat(700_000);
  writeFileSync(path, `a\n${long}\n${'y'.repeat(300_000)}\nrest`);
  const got: unknown[] = [];
  for await (const each of readLines(path, 0, 400_000))
    got.push('tooLong' in each ? { tooLong: each.tooLong } : each.text.length);
  expect(got).toEqual([1, { tooLong: 700_000 }, 300_000]);
});
