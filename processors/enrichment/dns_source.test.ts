import { createSocket } from 'node:dgram';
import { expect, onTestFinished, test } from 'vitest';
import { testSettings } from '../../internal/testkit/settings.ts';
import type { SourceConfig } from './config.ts';
import { DnsSource } from './dns_source.ts';
import type { Answer } from './facts.ts';
import factory from './index.ts';

/** A name server that knows one pointer, or says that there is none, or nothing. */
async function make(answer: 'pointer' | 'unknown' | 'silence') {
  const asked: number[] = [];
  const server = createSocket('udp4', (query, from) => {
    asked.push(query.length);
    if (answer === 'silence') return;
    const reply = Buffer.from(query.subarray(0, query.indexOf(0, 12) + 5));
    reply.writeUInt16BE(answer === 'pointer' ? 0x8180 : 0x8183, 2);
    reply.writeUInt16BE(answer === 'pointer' ? 1 : 0, 6);
    reply.fill(0, 8, 12);
    // The name asked for (a pointer to it), PTR, IN, 60 s, and the name: cart.shop.
    const name = Buffer.from('\u0004cart\u0004shop\u0000');
    const record = Buffer.concat([Buffer.from([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0, name.length]), name]);
    server.send(answer === 'pointer' ? Buffer.concat([reply, record]) : reply, from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  const settings = testSettings();
  const { parse } = factory.schema as unknown as { parse(value: unknown): { sources: SourceConfig[] } };
  const servers = [`127.0.0.1:${server.address().port}`];
  const own = {
    name: 'names',
    type: 'dns',
    key: 'record.client.address',
    write: { name: 'client.name' },
    dns: { servers },
  };
  const source = new DnsSource(settings, parse({ sources: [own] }).sources[0]!);
  onTestFinished(() => {
    source.close();
    server.close();
  });
  return { source, settings, asked };
}

function texts(answer: Answer): unknown {
  return typeof answer === 'string' ? answer : answer.list.map((fact) => Buffer.from(fact.key).toString());
}

test('an address becomes its name, an address without one and what is no address are misses', async () => {
  const { source, asked } = await make('pointer');
  expect(texts(await source.find('127.0.0.9'))).toEqual(['client.name']);
  expect(source.find('127.0.0.9'), 'from the cache').not.toBeInstanceOf(Promise);
  expect(source.find('cart')).toBe('miss');
  expect(asked.length).toBe(1);
  expect(await (await make('unknown')).source.find('127.0.0.9')).toBe('miss');
});

test('a name server that says nothing ends with the timeout', async () => {
  const { source, settings, asked } = await make('silence');
  const answer = source.find('127.0.0.9');
  await expect.poll(() => asked.length).toBeGreaterThan(0);
  await settings.clock.advance(2000);
  expect(await answer).toBe('failed');
});
