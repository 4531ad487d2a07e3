/**
 * Requests per CPU second of the receiver alone: batches are counted and dropped.
 *
 *     node receivers/otlp/otlp.bench.ts [grpc|http …]
 *
 * The receiver runs on core 0, the load on core 1 (taskset); only the receiver's CPU time counts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { bodyPool } from '../../bench/items/body.ts';
import { PoolTally } from '../../bench/items/tally.ts';
import { grpcClient } from '../../bench/load/grpc_client.ts';
import { httpClient } from '../../bench/load/http_client.ts';
import { Load } from '../../bench/load/load.ts';
import { systemClock } from '../../internal/core/clock.ts';
import type { Settings } from '../../internal/core/component.ts';
import { noAccount } from '../../internal/core/ledger.ts';
import { MemoryBudget } from '../../internal/core/memory.ts';
import { acceptedPromise } from '../../internal/core/outcome.ts';
import { noLogger, noMeter } from '../../internal/core/telemetry.ts';
import type { OtlpReceiverConfig } from './config.ts';
import factory from './index.ts';
import type { OtlpReceiver } from './receiver.ts';

const SECONDS = 4;
const shapes = [
  { items: 1, slots: 200 },
  { items: 512, slots: 8 },
];
type Protocol = 'grpc' | 'http';

const [role, ...rest] = process.argv.slice(2);
if (role === 'receiver') await runReceiver(rest[0] as Protocol);
else if (role === 'load') await runLoad(rest[0] as Protocol, Number(rest[1]), Number(rest[2]), Number(rest[3]));
else await compare(process.argv.slice(2) as Protocol[]);

async function compare(chosen: readonly Protocol[]): Promise<void> {
  for (const protocol of chosen.length > 0 ? chosen : (['grpc', 'http'] as const)) {
    for (const { items, slots } of shapes) {
      const receiver = start(0, ['receiver', protocol]);
      const [port] = (await once(receiver, 'message')) as [number];
      const run = async () => {
        const before = await usage(receiver);
        const load = start(1, ['load', protocol, port, items, slots].map(String));
        await once(load, 'exit');
        const after = await usage(receiver);
        return { requests: after.requests - before.requests, cpu: (after.cpu - before.cpu) / 1e6, rss: after.rss };
      };
      await run(); // warms up
      const { requests, cpu, rss } = await run();
      const perCpu = (count: number) => Math.round(count / cpu).toLocaleString('en');
      console.log(
        `${protocol} ${items} spans: ${perCpu(requests)} requests, ${perCpu(requests * items)} spans per CPU second; ` +
          `${Math.round((cpu / SECONDS) * 100)}% of a core, rss ${Math.round(rss / 2 ** 20)} MiB`,
      );
      receiver.kill();
    }
  }
}

function start(core: number, args: readonly string[]): ChildProcess {
  const argv = ['-c', String(core), process.execPath, fileURLToPath(import.meta.url), ...args];
  return spawn('taskset', argv, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
}

async function usage(child: ChildProcess): Promise<{ cpu: number; rss: number; requests: number }> {
  child.send('usage');
  const [answer] = await once(child, 'message');
  return answer;
}

async function runReceiver(protocol: Protocol): Promise<void> {
  let requests = 0;
  const sink = {
    consume() {
      requests++;
      return acceptedPromise;
    },
  };
  const settings: Settings = {
    id: 'otlp',
    kind: 'receiver',
    logger: noLogger,
    meter: noMeter,
    clock: systemClock,
    random: Math.random,
    memory: new MemoryBudget(128 << 20),
    account: noAccount,
    build: { name: 'sluice', version: '0.0.0' },
    report: () => {},
  };
  const schema = factory.schema as unknown as { parse(config: unknown): OtlpReceiverConfig };
  const config = schema.parse({ protocols: { [protocol]: { endpoint: '127.0.0.1:0' } } });
  const receiver = factory.create(settings, config, { traces: sink }) as OtlpReceiver;
  await receiver.start({ extension: () => undefined } as never);
  const address = receiver.addresses[0]!;
  process.send!(address.kind === 'tcp' ? address.port : 0);
  process.on('SIGINT', () => process.exit());
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send!({ cpu: user + system, rss: process.memoryUsage.rss(), requests });
  });
}

async function runLoad(protocol: Protocol, port: number, items: number, slots: number): Promise<void> {
  const bodies = bodyPool({ signal: 'traces', items }, slots);
  const load = await Load.open({
    bodies,
    tally: new PoolTally(bodies),
    connect: (events) => (protocol === 'grpc' ? grpcClient(port, 2, bodies, events) : httpClient(port, bodies, events)),
  });
  load.start();
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  load.check();
  if (load.errors.size > 0) console.log('refusals:', load.errors);
  load.close();
  process.disconnect?.();
}
