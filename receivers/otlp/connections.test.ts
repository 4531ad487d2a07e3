import http2 from 'node:http2';
import { expect, onTestFinished, test } from 'vitest';
import { stamped } from '../../internal/testkit/stamped.ts';
import { post, RawClient, startReceiver } from './test/harness.ts';

const limit = { max_connections: 3 };

test('beyond max_connections a connection is closed at once, on both ports, and told when that begins and ends', async () => {
  const it = await startReceiver({ grpc: limit, http: limit });
  for (const port of [it.http, it.grpc]) {
    const open = await Promise.all([1, 2].map(() => RawClient.connect(port)));
    // One of them speaks HTTP/2, whose sockets are not node's HTTP server's.
    const session = http2.connect(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    await new Promise((ready) => session.once('remoteSettings', ready));

    for (let i = 0; i < 5; i++) {
      const refused = await RawClient.connect(port);
      await expect.poll(() => refused.closed).toBe(true);
    }
    expect(open.map(({ closed }) => closed)).toEqual([false, false]);
    expect(session.destroyed).toBe(false);

    session.destroy();
    open[0]!.socket.destroy();
    const connections = { receiver: 'otlp', transport: port === it.http ? 'http' : 'grpc' };
    await expect.poll(() => it.settings.meter.value('sluice_receiver_connections', connections)).toBe(1);
    expect((await post(port, '/v1/traces', stamped('traces', ['a']).chunks[0]!)).status).toBe(200);
  }
  const told = it.settings.logger.warnings();
  expect(told).toHaveLength(2);
  expect(told[0]).toContain('3 connections are open, as many as max_connections allows');
  expect(it.settings.logger.lines.filter(({ message }) => message.includes('accepted again'))).toHaveLength(2);
  for (const transport of ['grpc', 'http']) {
    const labels = { receiver: 'otlp', transport };
    expect(it.settings.meter.value('sluice_receiver_connections_refused_total', labels)).toBe(5);
  }
});
