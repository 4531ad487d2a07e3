import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Component, Host } from '../../internal/core/component.ts';
import { type Consumer, noContext } from '../../internal/core/consumer.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { walkSpans } from '../../internal/otlp/view/walk.ts';
import { generatePayload } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, TestAccount, testSettings } from '../../internal/testkit/settings.ts';
import factory from './index.ts';

const host: Host = { extension: () => undefined, fatal() {}, system: { statuses: () => [], onStatus: () => () => {} } };
const { parse } = factory.schema as unknown as { parse(value: unknown): never };

/** The processor before a server that answers like this, and what it was asked. */
async function make(answer: RequestListener, http: object = {}, processor: object = {}) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/services/{key}`;
  const account = new TestAccount();
  const settings = testSettings({ account });
  const next = new RecordingConsumer();
  const sources = [{ name: 'cmdb', type: 'http', key: 'resource.service.name', http: { url, ...http } }];
  const component = factory.create(settings, parse({ sources, ...processor }), next) as Required<Component> & Consumer;
  await component.start(host);
  onTestFinished(async () => {
    await component.shutdown(AbortSignal.timeout(1000));
    server.closeAllConnections();
    server.close();
    expect(settings.clock.timers).toBe(0);
    expect(account.held).toBe(0);
  });
  const count = (outcome: string) =>
    settings.meter.value('sluice_enrichment_lookups_total', { processor: 'test', source: 'cmdb', outcome });
  return { component, next, settings, asked, count };
}

function attribute(batch: Payload, key: string): unknown {
  const walk = walkSpans(batch);
  walk.nextResource();
  return walk.resource.resource.attributes.find(Buffer.from(key))?.value.plain();
}

const batch = (items = 3, resources = 1) => generatePayload('traces', { items, resources });
const hang: RequestListener = () => {};

test('each key is asked once for all batches that wait, then answered from the cache without a promise of its own', async () => {
  const { component, next, asked, count } = await make((_request, response) => response.end('{"owner":"web"}'));
  await Promise.all([1, 2, 3].map(() => component.consume(batch(30, 2), noContext)));
  expect(asked.sort()).toEqual(['/services/cart', '/services/frontend']);
  expect(next.taken.map((one) => attribute(one, 'owner'))).toEqual(['web', 'web', 'web']);
  component.consume(batch(), noContext);
  expect(next.taken.length, 'within the call').toBe(4);
  expect(count('hit')).toBe(7);
});

test('a server that hangs holds a batch no longer than the timeout; it is marked, and later batches get the answer', async () => {
  let finish = () => {};
  const { component, next, settings, asked, count } = await make(
    (_request, response) => {
      finish = () => response.end('{"owner":"web"}');
    },
    {},
    { mark_incomplete: true },
  );
  const answered = component.consume(batch(), noContext);
  await expect.poll(() => asked.length).toBe(1);
  await settings.clock.advance(199);
  expect(next.taken.length).toBe(0);
  await settings.clock.advance(1);
  expect((await answered).status).toBe('accepted');
  expect(attribute(next.taken[0]!, 'enrichment.incomplete')).toBe(true);
  expect(count('late')).toBe(1);
  expect(settings.meter.value('sluice_enrichment_incomplete_batches_total', { processor: 'test' })).toBe(1);
  finish();
  await expect
    .poll(async () => {
      const again = component.consume(batch(), noContext);
      await settings.clock.advance(200);
      await again;
      return attribute(next.taken.at(-1)!, 'owner');
    })
    .toBe('web');
});

test('a lookup that gets no answer at all ends with its own timeout and counts as a failure', async () => {
  const { component, settings, asked, count } = await make(hang);
  const answered = component.consume(batch(), noContext);
  await expect.poll(() => asked.length).toBe(1);
  await settings.clock.advance(2000);
  await answered;
  await expect
    .poll(() => settings.logger.lines.find(({ message }) => message === 'a lookup failed')?.fields.reason)
    .toBe('no answer within 2000 ms (timeout)');
  await component.consume(batch(), noContext);
  expect([count('failed'), asked.length]).toEqual([1, 1]);
});

test('an answer without end is cut off at max_answer_bytes', async () => {
  let written = 0;
  const { component, next, count } = await make((_request, response) => {
    const chunk = Buffer.alloc(64 << 10, 32);
    const more = () => {
      while (!response.destroyed && (written += chunk.length) < 1 << 30 && response.write(chunk));
    };
    response.on('drain', more);
    more();
  });
  await component.consume(batch(), noContext);
  expect(count('failed')).toBe(1);
  expect(next.items).toBe(3);
  expect(written).toBeLessThan(1 << 28);
});

test('404 is a miss that is remembered; HTML, lists and 500 are failures, and the batch passes all the same', async () => {
  const check = async (status: number, body: string, outcome: string) => {
    const { component, next, asked, count } = await make((_request, response) => response.writeHead(status).end(body));
    await component.consume(batch(), noContext);
    await component.consume(batch(), noContext);
    expect([count(outcome), asked.length, next.items], `${status} ${body}`).toEqual([2, 1, 6]);
  };
  await check(404, '', 'miss');
  await check(500, '', 'failed');
  await check(302, '', 'failed');
  await check(200, '<html>', 'failed');
  await check(200, '[1]', 'failed');
  await check(200, '['.repeat(50_000), 'failed');
});

test('after failures in a row the source is left alone, then one lookup tries', async () => {
  let status = 500;
  const { component, settings, asked } = await make(
    (_request, response) => response.writeHead(status).end('{"owner":"web"}'),
    { failures_to_open: 2, max_in_flight: 1, negative_ttl: '0s' },
  );
  await component.consume(batch(30, 8), noContext);
  expect(asked.length).toBe(2);
  await component.consume(batch(30, 8), noContext);
  expect(asked.length, 'open').toBe(2);
  status = 200;
  await settings.clock.advance(10_000);
  await component.consume(batch(30, 8), noContext);
  expect(asked.length, 'one tries').toBe(3);
  await component.consume(batch(30, 8), noContext);
  expect(asked.length).toBe(10);
});

test('a sender that goes away hears so, and nothing is passed on; a shutdown lets waiting batches go on', async () => {
  const { component, next, asked } = await make(hang);
  const gone = new AbortController();
  const first = component.consume(batch(), { abort: gone.signal });
  await expect.poll(() => asked.length).toBe(1);
  gone.abort();
  expect((await first).status).toBe('retryable');
  expect(next.calls.length).toBe(0);
  const second = component.consume(batch(), noContext);
  await component.shutdown(AbortSignal.timeout(1000));
  expect((await second).status).toBe('accepted');
  expect(next.items).toBe(3);
});

test('batches beyond max_waiting_batches go on at once', async () => {
  const { component, next, settings, asked } = await make(hang, {}, { max_waiting_batches: 1 });
  const first = component.consume(batch(), noContext);
  await expect.poll(() => asked.length).toBe(1);
  await component.consume(batch(), noContext);
  expect(next.taken.length).toBe(1);
  await settings.clock.advance(200);
  await first;
});

test('the cache keeps to its entries, and a batch with more keys than it holds still gets all answers', async () => {
  const { component, next, settings } = await make((_request, response) => response.end('{"owner":"web"}'), {
    cache_max_entries: 2,
  });
  await component.consume(batch(30, 8), noContext);
  const labels = { processor: 'test', source: 'cmdb', pipeline: '' };
  expect(settings.meter.value('sluice_enrichment_cache_entries', labels)).toBe(2);
  const walk = walkSpans(next.taken[0]!);
  let owned = 0;
  while (walk.nextResource()) if (walk.resource.resource.attributes.find(Buffer.from('owner'))) owned++;
  expect(owned).toBe(8);
});
