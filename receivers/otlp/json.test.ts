import { expect, test } from 'vitest';
import { MemoryBudget } from '../../internal/core/memory.ts';
import { requestBytes } from '../../internal/net/http/http1.ts';
import { encodeJson } from '../../internal/otlp/json.ts';
import { deferred } from '../../internal/testkit/settings.ts';
import { stamped } from '../../internal/testkit/stamped.ts';
import { post, startReceiver } from './test/harness.ts';

const json = { 'content-type': 'application/json' };
const ids = Array.from({ length: 40_000 }, (_, i) => `span ${i}`);
const large = encodeJson(stamped('traces', ids));

test('a large JSON body arrives whole', async () => {
  const it = await startReceiver();
  expect((await post(it.http, '/v1/traces', large, json)).status).toBe(200);
  expect(it.ids('traces')).toEqual(ids);
  await expect.poll(() => it.settings.memory.used).toBe(0);
});

test('others are served while a large JSON body is read', async () => {
  const it = await startReceiver();
  let done = false;
  const first = post(it.http, '/v1/logs', encodeJson(stamped('logs', ids)), json).then(() => {
    done = true;
  });
  let meanwhile = 0;
  while (!done) {
    await post(it.http, '/v1/traces', stamped('traces', ['small']).chunks[0]!);
    // More than the body is held only while it is being read.
    if (it.settings.memory.used > large.length * 1.2) meanwhile++;
  }
  await first;
  expect(meanwhile).toBeGreaterThan(0);
});

test('the protobuf that JSON becomes needs room in the budget beside it, and is counted as long as it is held', async () => {
  const tight = new MemoryBudget(large.length + requestBytes + 1000);
  const full = await startReceiver({}, { settings: { memory: tight } });
  expect((await post(full.http, '/v1/traces', large, json)).status).toBe(503);
  expect(full.sinks.traces.calls).toEqual([]);
  await expect.poll(() => tight.used).toBe(0);

  const it = await startReceiver();
  const held = deferred<void>();
  it.sinks.traces.answer = async () => {
    await held.promise;
    return { status: 'accepted' };
  };
  const answer = post(it.http, '/v1/traces', large, json);
  await expect.poll(() => it.sinks.traces.calls.length).toBe(1);
  const protobuf = it.sinks.traces.calls[0]!.batch.byteLength;
  expect(it.settings.memory.used).toBe(large.length + protobuf + requestBytes);
  held.resolve();
  await answer;
  await expect.poll(() => it.settings.memory.used).toBe(0);
});
