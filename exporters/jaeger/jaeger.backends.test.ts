import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type Jaeger, startJaeger } from '../../bench/peers/backends/jaeger.ts';
import { keepLogsOnFailure } from '../../bench/peers/backends/server.ts';
import { isMissing } from '../../bench/peers/backends/skip.ts';
import { branchOf, settled } from '../../cmd/sluice/test/balance.ts';
import { GrpcSender, otlpReceiver, type Running, running, until } from '../../cmd/sluice/test/running.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { makeCertificates } from '../../internal/testkit/certs.ts';
import { generatePayload } from '../../internal/testkit/generate.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import { expected, type Shown, shown } from './test/expected.ts';
import { limitingProxy } from './test/limiting_proxy.ts';
import { traces } from './test/messages.ts';
import { type SlowProxy, slowProxy } from './test/slow_proxy.ts';

/*
 * The whole program before a real Jaeger: what its query API shows equals what was sent, over each protocol, also after the
 * faults of the issue. Jaeger keeps what it has in memory, so what it took before it was killed is read before that.
 */

const protocols = ['otlp', 'grpc', 'thrift_http'] as const;
type Protocol = (typeof protocols)[number];

const oracle = await loadOracle();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function portOf(jaeger: Jaeger, protocol: Protocol): number {
  return { otlp: jaeger.ports.otlpGrpc, grpc: jaeger.ports.grpc, thrift_http: jaeger.ports.thriftHttp }[protocol];
}

function config(protocol: Protocol, port: number, more = 'tls: { insecure: true }'): string {
  const scheme = more.includes('ca_file') ? 'https' : 'http';
  const endpoint = protocol === 'thrift_http' ? `${scheme}://127.0.0.1:${port}` : `127.0.0.1:${port}`;
  return `${otlpReceiver}
processors: { batch: { timeout: 50ms } }
exporters:
  jaeger:
    protocol: ${protocol}
    endpoint: ${endpoint}
    ${more}
    retry_on_failure: { initial_interval: 200ms, max_interval: 500ms }
service: { pipelines: { traces: { receivers: [otlp], processors: [batch], exporters: [jaeger] } } }`;
}

/** Through a slow proxy: as many bytes as may be, and time for them. */
const slowly = 'tls: { insecure: true }\n    timeout: 60s\n    compression: none';

/** What the query API shows of these traces. */
async function query(jaeger: Jaeger, ids: Iterable<string>): Promise<Shown[]> {
  const data: unknown[] = [];
  for (const id of ids) {
    const answer = await fetch(`http://127.0.0.1:${jaeger.ports.query}/api/traces/${id}`);
    if (answer.status === 200) data.push(...((await answer.json()) as { data: unknown[] }).data);
  }
  return shown(data);
}

/** Waits until Jaeger shows each span of these batches, then holds that it shows them as they were sent, and how often. */
async function arrives(jaeger: Jaeger, batches: readonly Payload[], protocol: Protocol, once = true): Promise<void> {
  const want = batches.flatMap((batch) =>
    batch.chunks.flatMap((chunk) =>
      expected(
        oracle.request('traces').toObject(oracle.request('traces').decode(chunk), { longs: String }),
        protocol === 'otlp',
      ),
    ),
  );
  want.sort((a, b) => (a.id < b.id ? -1 : 1));
  const ids = new Set(want.map(({ trace }) => trace));
  let got: Shown[] = [];
  await until(
    'every span is shown',
    async () => {
      got = await query(jaeger, ids);
      return new Set(got.map(({ id }) => id)).size >= want.length;
    },
    30_000,
  );
  if (!once) got = got.filter((span, i) => span.id !== got[i - 1]?.id);
  expect(got).toEqual(want);
}

async function send(sluice: Running, ...batches: Payload[]): Promise<void> {
  const sender = new GrpcSender(sluice);
  for (const batch of batches) expect(await sender.call('traces', Buffer.concat(batch.chunks))).toBe(0);
  sender.close();
}

async function allSent(sluice: Running, items: number): Promise<void> {
  const branch = branchOf(await settled(sluice), 'traces');
  expect(branch).toMatchObject({ received: items, sent: items, refused: 0, dropped: {} });
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const bytes = (hex: string) => Buffer.from(hex, 'hex');
const start = 1_700_000_000_123_456_000n;

/** Spans that have all there is. */
function richTrace(seed: number): Payload {
  const traceId = bytes(`ff00${seed.toString(16).padStart(4, '0')}`.padEnd(32, '5'));
  const list = { arrayValue: { values: [{ intValue: '5' }, { stringValue: '<&>' }, { boolValue: false }] } };
  const root = {
    traceId,
    spanId: bytes('0000000000000001'),
    name: 'root',
    kind: 2,
    flags: 0x101,
    traceState: 'vendor=1',
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(start + 2_000_000n),
    attributes: [
      text('text', 'grüße <b>'),
      { key: 'yes', value: { boolValue: true } },
      { key: 'big', value: { intValue: '9007199254740993' } },
      { key: 'least', value: { intValue: '-9223372036854775808' } },
      { key: 'double', value: { doubleValue: -2.5 } },
      { key: 'bytes', value: { bytesValue: bytes('00ff10') } },
      { key: 'empty', value: {} },
      { key: 'list', value: list },
      { key: 'map', value: { kvlistValue: { values: [text('a', 'b'), { key: 'l', value: list }] } } },
    ],
    droppedAttributesCount: 1,
    events: [
      {
        timeUnixNano: String(start + 1000n),
        name: 'exception',
        attributes: [text('exception.message', 'boom')],
        droppedAttributesCount: 2,
      },
      { timeUnixNano: String(start + 2000n), name: 'nothing else' },
    ],
    droppedEventsCount: 3,
    links: [{ traceId: bytes('ee'.repeat(16)), spanId: bytes('dd'.repeat(8)) }],
    droppedLinksCount: 4,
    status: { code: 2, message: 'it failed' },
  };
  const child = {
    traceId,
    spanId: bytes('fffffffffffffff2'),
    parentSpanId: root.spanId,
    name: 'child',
    kind: 3,
    startTimeUnixNano: String(start + 500_000n),
    endTimeUnixNano: String(start + 900_000n),
    status: { code: 1 },
  };
  return traces({
    resource: {
      attributes: [text('service.name', 'shop'), text('host.name', 'h-1'), { key: 'pid', value: { intValue: '7' } }],
      droppedAttributesCount: 5,
    },
    scopeSpans: [
      { scope: { name: 'lib', version: '1.2', attributes: [text('scope.attribute', 'x')] }, spans: [root] },
      { scope: { name: 'other' }, spans: [child] },
    ],
  });
}

test.skipIf(await isMissing('jaeger'))(
  'a proxy answers 429 for a while: it is sent again, and arrives once',
  async (context) => {
    const jaeger = await started(context);
    const proxy = await limitingProxy(jaeger.ports.thriftHttp, 3);
    cleanups.push(proxy.close);
    await running(config('thrift_http', proxy.port), {}, async (sluice) => {
      const batch = generatePayload('traces', { items: 100 });
      await send(sluice, batch);
      await arrives(jaeger, [batch], 'thrift_http');
      await allSent(sluice, 100);
      expect(proxy.refused).toBe(3);
    });
  },
);

describe.skipIf(await isMissing('jaeger')).each(protocols)('%s', (protocol) => {
  test('every span, tag, log and reference is shown as it was sent', async (context) => {
    const jaeger = await started(context);
    await running(config(protocol, portOf(jaeger, protocol)), {}, async (sluice) => {
      const batches = [richTrace(1), generatePayload('traces', { items: 400, resources: 3 })];
      await send(sluice, ...batches);
      await arrives(jaeger, batches, protocol);
      await allSent(sluice, 402);
    });
  });

  test('what is odd arrives too, and costs nothing else', async (context) => {
    const jaeger = await started(context);
    await running(config(protocol, portOf(jaeger, protocol)), {}, async (sluice) => {
      const traceId = bytes('cc'.repeat(16));
      const odd = {
        'no times': {},
        'ends before it starts': { startTimeUnixNano: String(start), endTimeUnixNano: String(start - 1_000_000n) },
        'no end': { startTimeUnixNano: String(start) },
        'as late as can be': { startTimeUnixNano: '18446744073709551615', endTimeUnixNano: '18446744073709551615' },
        'as long as can be': { startTimeUnixNano: '1', endTimeUnixNano: '18446744073709551615' },
        'many attributes': { attributes: Array.from({ length: 10_000 }, (_, n) => text(`key.${n}`, 'v')) },
        'a megabyte': { attributes: [text('large', 'x'.repeat(1 << 20))] },
        'keys twice and empty': { attributes: [text('a', '1'), text('a', '2'), text('', 'x')] },
        'not a number': { attributes: [{ key: 'nan', value: { doubleValue: Number.NaN } }] },
        '': { traceState: 'a=b' },
      };
      const spans = Object.entries(odd).map(([name, more], n) => ({
        traceId,
        spanId: bytes(`${n + 1}`.padStart(16, '0')),
        name,
        ...more,
      }));
      await send(sluice, traces({ resource: { attributes: [text('service.name', 'odd')] }, scopeSpans: [{ spans }] }));
      await allSent(sluice, spans.length);
      // As OTLP, since one span that is not a number makes the other form of the answer fail.
      let got: string[] = [];
      await until('it is shown', async () => {
        const answer = await fetch(`http://127.0.0.1:${jaeger.ports.query}/api/v3/traces/${traceId.toString('hex')}`);
        if (answer.status !== 200) return false;
        const { result } = (await answer.json()) as any;
        got = result.resourceSpans.flatMap(({ scopeSpans }: any) =>
          scopeSpans.flatMap(({ spans }: any) => spans.map(({ name }: any) => name ?? '')),
        );
        return got.length >= spans.length;
      });
      expect(got.toSorted()).toEqual(Object.keys(odd).toSorted());
    });
  });

  test('a batch above the limit of the server arrives whole', async (context) => {
    const jaeger = await started(context);
    await running(config(protocol, portOf(jaeger, protocol)), {}, async (sluice) => {
      // Together more than 4 MiB, which neither the receiver nor Jaeger takes in one request.
      const batches = [1, 2, 3, 4].map((seed) => generatePayload('traces', { items: 4000, seed }));
      await send(sluice, ...batches);
      await until('all is sent', async () => (await settled(sluice))[0]!.sent === 16_000, 60_000);
      await allSent(sluice, 16_000);
      const services = await (await fetch(`http://127.0.0.1:${jaeger.ports.query}/api/services`)).json();
      expect(services).toMatchObject({ total: 1 });
      await arrives(jaeger, [batches[3]!], protocol);
    });
  });

  test('stopped for seconds and started again: what was taken in the meantime arrives once', async (context) => {
    const jaeger = await started(context);
    await running(config(protocol, portOf(jaeger, protocol)), {}, async (sluice) => {
      const [before, during, after] = [1, 2, 3].map((seed) => generatePayload('traces', { items: 200, seed })) as [
        Payload,
        Payload,
        Payload,
      ];
      await send(sluice, before);
      await arrives(jaeger, [before], protocol);
      await jaeger.stop();
      await send(sluice, during);
      await until('it is told', () => /unreachable or overloaded/.test(sluice.stderr()));
      await pause(3000);
      await jaeger.start();
      await send(sluice, after);
      await arrives(jaeger, [during, after], protocol);
      await allSent(sluice, 600);
    });
  });

  test('killed in mid-request: what it had not taken arrives, at least once', async (context) => {
    const jaeger = await started(context);
    const proxy = await slow(jaeger, protocol, 200_000);
    await running(config(protocol, proxy.port, slowly), {}, async (sluice) => {
      const batch = generatePayload('traces', { items: 1000 });
      await send(sluice, batch);
      await until('the request is under way', () => proxy.passed > 50_000);
      await jaeger.kill();
      await pause(500);
      await jaeger.start();
      await arrives(jaeger, [batch], protocol, false);
      await allSent(sluice, 1000);
    });
  });

  test('a slow network costs nothing but time', async (context) => {
    const jaeger = await started(context);
    const proxy = await slow(jaeger, protocol, 300_000);
    await running(config(protocol, proxy.port, slowly), {}, async (sluice) => {
      const batches = [1, 2, 3].map((seed) => generatePayload('traces', { items: 400, seed }));
      await send(sluice, ...batches);
      await arrives(jaeger, batches, protocol);
      await allSent(sluice, 1200);
    });
  });

  test('its certificate and the authority are renewed: the next connection takes the new ones', async (context) => {
    const [old, renewed] = [await makeCertificates(), await makeCertificates()];
    if (!old || !renewed) return context.skip('needs the openssl program');
    cleanups.push(old.remove, renewed.remove);
    const files = { cert: join(old.folder, 'used.pem'), key: join(old.folder, 'used.key') };
    const authority = join(old.folder, 'used-ca.pem');
    const use = async (from: typeof old) => {
      await copyFile(from.server.key, files.key);
      await copyFile(from.server.cert, files.cert);
      await copyFile(from.ca, authority);
    };
    await use(old);
    const jaeger = await started(context, files);
    const tls = `tls: { ca_file: ${authority}, reload_interval: 200ms }`;
    await running(config(protocol, portOf(jaeger, protocol), tls), {}, async (sluice) => {
      const [first, second] = [1, 2].map((seed) => generatePayload('traces', { items: 50, seed })) as [
        Payload,
        Payload,
      ];
      await send(sluice, first);
      await arrives(jaeger, [first], protocol);
      await use(renewed);
      await jaeger.stop();
      await jaeger.start();
      await send(sluice, second);
      await arrives(jaeger, [second], protocol);
      await allSent(sluice, 100);
    });
  });
});

async function started(
  context: Parameters<typeof keepLogsOnFailure>[0],
  tls?: { cert: string; key: string },
): Promise<Jaeger> {
  const jaeger = await startJaeger(tls ? { tls } : {});
  cleanups.push(() => jaeger.close());
  keepLogsOnFailure(context, jaeger);
  return jaeger;
}

async function slow(jaeger: Jaeger, protocol: Protocol, bytesPerSecond: number): Promise<SlowProxy> {
  const proxy = await slowProxy(portOf(jaeger, protocol), bytesPerSecond);
  cleanups.push(() => proxy.close());
  return proxy;
}
