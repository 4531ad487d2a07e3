import net from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { MemoryBudget } from '../../core/memory.ts';
import { noLogger } from '../../core/telemetry.ts';
import { createH2Server } from './server.ts';

test('a unary call from grpc-js', async () => {
  const server = createH2Server({
    methods: new Map([['/a.B/C', { handle: async (m) => ({ code: 0 as const, message: Buffer.from(m) }) }]]),
    memory: new MemoryBudget(1e8),
    clock: systemClock,
    logger: noLogger,
    random: Math.random,
  });
  const listener = net.createServer((s) => server.accept(s));
  await new Promise<void>((r) => listener.listen(0, '127.0.0.1', r));
  const port = (listener.address() as net.AddressInfo).port;
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  for (const n of [0, 1, 500, 100_000, 3_000_000]) {
    const message = Buffer.alloc(n, 7);
    const got = await new Promise<Buffer>((resolve, reject) =>
      client.makeUnaryRequest(
        '/a.B/C',
        (b: Buffer) => b,
        (b: Buffer) => b,
        message,
        (e, v) => (e ? reject(e) : resolve(v!)),
      ),
    );
    expect(got.equals(message)).toBe(true);
  }
  client.close();
  listener.close();
  await server.shutdown(AbortSignal.timeout(1000));
});
