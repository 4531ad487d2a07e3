import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { startElasticsearch } from '../../../bench/peers/backends/elasticsearch.ts';
import { startJaeger } from '../../../bench/peers/backends/jaeger.ts';
import { startPrometheus } from '../../../bench/peers/backends/prometheus.ts';
import { keepLogsOnFailure, type Server } from '../../../bench/peers/backends/server.ts';
import { isMissing } from '../../../bench/peers/backends/skip.ts';
import { startSluice } from '../../../bench/peers/sluice.ts';
import type { Signal } from '../../../internal/otlp/payload.ts';
import { Sample } from '../../../internal/otlp/sample.ts';
import { branchOf, settled } from './balance.ts';
import { GrpcSender, type Running, until } from './running.ts';

/** configs/backends_all.yaml before the three real servers. What each of them makes of the data in full, its exporter's own tests show. */

const missing = (await Promise.all((['jaeger', 'prometheus', 'elasticsearch8'] as const).map(isMissing))).includes(
  true,
);
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

const items = 200;

/** Requests of the present time, which Prometheus wants. */
class Sender {
  readonly sent: Record<Signal, number> = { traces: 0, metrics: 0, logs: 0 };
  readonly #samples = (['traces', 'metrics', 'logs'] as const).map((signal) => new Sample(signal, { items, seed: 7 }));
  readonly #grpc: GrpcSender;

  constructor(sluice: Running) {
    this.#grpc = new GrpcSender(sluice);
  }

  async send(): Promise<void> {
    for (const sample of this.#samples) {
      expect(await this.#grpc.call(sample.signal, sample.next(BigInt(Date.now()) * 1_000_000n))).toBe(0);
      this.sent[sample.signal] += items;
    }
  }

  close(): void {
    this.#grpc.close();
  }
}

async function json(url: string): Promise<any> {
  return (await fetch(url)).json();
}

test.skipIf(missing)('one intake, three backends; one of them is killed, and the other two go on', async (context) => {
  const started = <S extends Server>(server: S): S => {
    cleanups.push(() => server.close());
    keepLogsOnFailure(context, server);
    return server;
  };
  const [jaeger, prometheus, elasticsearch] = [
    started(await startJaeger()),
    started(await startPrometheus()),
    started(await startElasticsearch()),
  ];
  const yaml = readFileSync('configs/backends_all.yaml', 'utf8')
    .replace(/(endpoint: \$\{env:SLUICE_HOST:-localhost\}):4317/, '$1:${env:GRPC_PORT}')
    .replace(/(endpoint: \$\{env:SLUICE_HOST:-localhost\}):4318/, '$1:${env:HTTP_PORT}')
    .replace(/(endpoint: \$\{env:SLUICE_HOST:-localhost\}):13133/, '$1:${env:HEALTH_PORT}');
  const sluice = await startSluice({
    yaml,
    env: {
      SLUICE_HOST: '127.0.0.1',
      JAEGER_ENDPOINT: `127.0.0.1:${jaeger.ports.otlpGrpc}`,
      PROMETHEUS_ENDPOINT: `http://127.0.0.1:${prometheus.ports.http}/api/v1/write`,
      ELASTICSEARCH_ENDPOINT: `http://127.0.0.1:${elasticsearch.ports.http}`,
    },
    timeoutMs: 60_000,
  });
  cleanups.push(() => sluice.stop());
  const sender = new Sender(sluice);
  cleanups.push(() => sender.close());

  const documents = async (signal: Signal): Promise<number> => {
    const url = `http://127.0.0.1:${elasticsearch.ports.http}/${signal}-*/_count?q=_exists_:resource`;
    return (await json(url)).count ?? 0;
  };
  const series = async (): Promise<number> => {
    const query = encodeURIComponent('count({job=~".+"})');
    const { data } = await json(`http://127.0.0.1:${prometheus.ports.http}/api/v1/query?query=${query}`);
    return Number(data.result[0]?.value[1] ?? 0);
  };
  const arriveAt = (what: string, holds: () => Promise<boolean>) => until(what, holds, 60_000);

  await sender.send();
  await arriveAt('Jaeger shows the traces', async () => {
    const { data } = await json(`http://127.0.0.1:${jaeger.ports.query}/api/services`);
    return data?.includes('frontend') ?? false;
  });
  await arriveAt('Prometheus has the series', async () => (await series()) > 0);
  for (const signal of ['traces', 'metrics', 'logs'] as const) {
    await arriveAt(`Elasticsearch has the ${signal}`, async () => (await documents(signal)) > 0);
  }

  await jaeger.kill();
  for (let n = 0; n < 10; n++) await sender.send();
  await arriveAt('Elasticsearch has every span', async () => (await documents('traces')) >= sender.sent.traces);
  await jaeger.start();
  const branches = await settled(sluice);
  for (const { pipeline, exporter } of branches) {
    const branch = branchOf(branches, pipeline, exporter);
    expect(branch, `${pipeline} to ${exporter}`).toMatchObject({
      sent: sender.sent[pipeline as Signal],
      refused: 0,
      dropped: {},
    });
  }
  expect(branches).toHaveLength(5);
});
