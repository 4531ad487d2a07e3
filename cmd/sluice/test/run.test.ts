import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { freePorts } from '../../../bench/peers/ports.ts';
import { sluiceCommand, startSluice } from '../../../bench/peers/sluice.ts';
import { GrpcBackend } from '../../../internal/testkit/grpc_backend.ts';
import { stamped } from '../../../internal/testkit/stamped.ts';
import { sluice } from './command.ts';
import { linesOf, recordsIn } from './quality.ts';
import { GrpcSender, ids, ledger, metrics, otlpReceiver, pipelines, post, running, until } from './running.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-run-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const signals = ['traces', 'metrics', 'logs'] as const;
const toBackend = `
processors: { batch: { timeout: 20ms } }
exporters:
  otlp:
    endpoint: "\${env:BACKEND}"
    tls: { insecure: true }
    retry_on_failure: { initial_interval: 50ms, max_interval: 200ms }`;

test('all three signals go in over gRPC and HTTP and come out as the bytes they were', async () => {
  const backend = await GrpcBackend.start();
  // A field that no OTLP version has yet, at the end of the request.
  const unknown = Buffer.concat([...stamped('traces', ['newer']).chunks, Buffer.from([0xfa, 0x3e, 3, 1, 2, 3])]);
  await running(otlpReceiver + toBackend + pipelines('otlp'), { BACKEND: backend.address }, async (collector) => {
    const sender = new GrpcSender(collector);
    for (const signal of signals) {
      expect(await sender.send(signal, ids(`grpc-${signal}-`, 10))).toBe(0);
      expect(await post(collector, signal, ids(`http-${signal}-`, 10))).toBe(200);
    }
    expect(await sender.call('traces', unknown)).toBe(0);
    sender.close();
    await until('everything has arrived', () => backend.accepted.length === 61);
    const text = await metrics(collector);
    expect(text).toMatch(/otelcol_receiver_accepted_spans\{[^}]*transport="grpc"[^}]*\} 11/);
    expect(text).toMatch(/otelcol_receiver_accepted_log_records\{[^}]*transport="http"[^}]*\} 10/);
    expect(text).toMatch(/otelcol_exporter_sent_metric_points\{[^}]*\} 20/);
  });
  expect(new Set(backend.accepted).size).toBe(61);
  expect(backend.batches.some(({ bytes }) => bytes.includes(unknown))).toBe(true);
  backend.down();
});

test('what was accepted survives a backend that dies and comes back, and the ledger balances', async () => {
  const backend = await GrpcBackend.start();
  const accepted: string[] = [];
  const stopped = await running(
    otlpReceiver + toBackend + pipelines('otlp'),
    { BACKEND: backend.address },
    async (collector) => {
      const sender = new GrpcSender(collector);
      const send = async (name: string) => {
        const batch = ids(name, 20);
        if ((await sender.send('traces', batch)) === 0) accepted.push(...batch);
      };
      await send('before-');
      await until('the first batch has arrived', () => backend.accepted.length >= 20);
      backend.down();
      for (let n = 0; n < 10; n++) await send(`down${n}-`);
      await until('the outage is felt', () => collector.stderr().includes('ECONNREFUSED'));
      await backend.up();
      await send('after-');
      await until('everything has arrived', () => new Set(backend.accepted).size === accepted.length);
      sender.close();
      await until('the ledger balances with nothing held', async () => {
        const text = JSON.stringify(await ledger(collector));
        return !text.includes('"balanced":false') && text.includes('"balanced":true');
      });
    },
  );
  expect(accepted).toHaveLength(240);
  expect(new Set(backend.accepted)).toEqual(new Set(accepted));
  expect(stopped.stderr()).toMatch(/received 240, sent 240/);
  backend.down();
});

test('SIGTERM drains the queue before the process ends', async () => {
  const backend = await GrpcBackend.start();
  backend.reply = () => 'hang';
  await running(otlpReceiver + toBackend + pipelines('otlp'), { BACKEND: backend.address }, async (collector) => {
    expect(await post(collector, 'logs', ids('held-', 50))).toBe(200);
    await until('the backend has the request', () => backend.requests === 1);
    expect(await post(collector, 'logs', ids('queued-', 50))).toBe(200);
    process.kill(collector.pid, 'SIGTERM');
    await until('it says that it drains', () => collector.stderr().includes('queues drain'));
    backend.reply = () => 'ok';
    backend.release();
    expect(await collector.ended).toEqual({ code: 0, signal: null });
  });
  expect(new Set(backend.accepted).size).toBe(100);
  backend.down();
});

test('what cannot be delivered by the deadline is counted and told in the last lines', async () => {
  const backend = await GrpcBackend.start();
  backend.reply = () => 'hang';
  const short = pipelines('otlp').replace('service:', 'service:\n  shutdown_timeout: 300ms');
  const stopped = await running(otlpReceiver + toBackend + short, { BACKEND: backend.address }, async (collector) => {
    expect(await post(collector, 'traces', ids('lost-', 30))).toBe(200);
    await until('the backend has the request', () => backend.requests === 1);
  });
  expect(stopped.stderr()).toMatch(/received 30, .*dropped 30 \(\w+ 30\)/);
  backend.down();
});

test('a second signal ends the process at once', async () => {
  const backend = await GrpcBackend.start();
  backend.reply = () => 'hang';
  await running(otlpReceiver + toBackend + pipelines('otlp'), { BACKEND: backend.address }, async (collector) => {
    expect(await post(collector, 'traces', ids('x', 3))).toBe(200);
    await until('the backend has the request', () => backend.requests === 1);
    process.kill(collector.pid, 'SIGTERM');
    await until('it drains', () => collector.stderr().includes('queues drain'));
    process.kill(collector.pid, 'SIGINT');
    expect((await collector.ended).code).toBe(1);
  });
  backend.down();
});

test('SIGHUP: a wrong configuration changes nothing, a right one is taken while telemetry flows', async () => {
  const [first, second] = await Promise.all([GrpcBackend.start(), GrpcBackend.start()]);
  const path = join(folder, 'reload.yaml');
  const text = otlpReceiver + toBackend + pipelines('otlp');
  writeFileSync(path, text.replace('${env:BACKEND}', first.address));
  const accepted: string[] = [];
  const child = await startFromFile(path);
  try {
    const sender = new GrpcSender(child.handle);
    let going = true;
    const traffic = (async () => {
      for (let n = 0; going; n++) {
        const batch = ids(`r${n}-`, 5);
        if ((await sender.send('traces', batch)) === 0) accepted.push(...batch);
      }
    })();
    await until('the first backend gets it', () => first.accepted.length > 0);
    writeFileSync(path, text.replace('endpoint: "${env:BACKEND}"', 'endpiont: "x"'));
    process.kill(child.pid, 'SIGHUP');
    await until('the mistake is told with its place', () =>
      /reload\.yaml:\d+:\d+ exporters\.otlp\.endpiont/.test(child.stderr()),
    );
    const before = first.accepted.length;
    await until('the old configuration still works', () => first.accepted.length > before);
    writeFileSync(path, text.replace('${env:BACKEND}', second.address));
    process.kill(child.pid, 'SIGHUP');
    await until('the second backend gets it', () => second.accepted.length > 0);
    going = false;
    await traffic;
    sender.close();
    await until('nothing was lost', () => new Set([...first.accepted, ...second.accepted]).size === accepted.length);
  } finally {
    await child.stop();
  }
  expect(new Set([...first.accepted, ...second.accepted])).toEqual(new Set(accepted));
  first.down();
  second.down();
});

test('a port in use is told in words, with exit code 1 and nothing left running', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const yaml = `receivers: { otlp: { protocols: { grpc: { endpoint: "127.0.0.1:${port}" } } } }\nexporters: { nop: }\nservice: { telemetry: { metrics: { level: none } }, pipelines: { traces: { receivers: [otlp], exporters: [nop] } } }`;
  const { code, stderr } = await sluice(['--config', `yaml:${yaml}`]);
  expect(code).toBe(1);
  expect(stderr).toContain(String(port));
  expect(stderr).toMatch(/another program holds port/);
  taken.close();
});

test('a certificate that cannot be read is told with its path', async () => {
  const yaml = `receivers: { otlp: { protocols: { grpc: { endpoint: "127.0.0.1:0", tls: { cert_file: /nonesuch/cert.pem, key_file: /nonesuch/key.pem } } } } }\nexporters: { nop: }\nservice: { telemetry: { metrics: { level: none } }, pipelines: { traces: { receivers: [otlp], exporters: [nop] } } }`;
  const { code, stderr } = await sluice(['--config', `yaml:${yaml}`]);
  expect(code).toBe(1);
  expect(stderr).toContain('/nonesuch/cert.pem');
});

test('startSluice: a port that somebody took in the meantime costs a test nothing, another one is tried', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const [free] = await freePorts(1);
  const tried: number[] = [];
  const ports = {
    get grpc() {
      const next = tried.length === 0 ? port : free!;
      tried.push(next);
      return next;
    },
  };
  const collector = await startSluice({ yaml: `${otlpReceiver}\nexporters: { nop: }\n${pipelines('nop', '')}`, ports });
  expect(tried).toEqual([port, free]);
  expect(await post(collector, 'logs', ['a'])).toBe(200);
  await collector.stop();
  taken.close();
});

test('the embedded default writes what it gets to a file, and the health check answers', async () => {
  const out = join(folder, 'default.jsonl');
  const config = readFileSync('configs/collector.yaml', 'utf8')
    .replace('${env:SLUICE_HOST:-localhost}:4317', '127.0.0.1:${env:GRPC_PORT}')
    .replace('${env:SLUICE_HOST:-localhost}:4318', '127.0.0.1:${env:HTTP_PORT}')
    .replace('${env:SLUICE_HOST:-localhost}:13133', '127.0.0.1:${env:HEALTH_PORT}');
  const accepted: Record<string, number> = {};
  await running(config, { SLUICE_FILE: out }, async (collector) => {
    const health = await sluice(['healthcheck', '--endpoint', `http://127.0.0.1:${collector.ports.health}/`]);
    expect(health.stderr).toBe('');
    expect(health.code).toBe(0);
    for (const signal of signals) {
      const endpoint = `127.0.0.1:${collector.ports.grpc}`;
      const { stderr, code } = await sluice([
        'generate',
        signal,
        '--endpoint',
        endpoint,
        '--rate=200',
        '--duration=500ms',
      ]);
      expect(code).toBe(0);
      // A hundred, unless the machine is so busy that the time is up before.
      accepted[signal] = Number(/Done: (\d+) .* accepted\n/.exec(stderr)?.[1]);
      expect(accepted[signal]).toBeGreaterThan(0);
    }
  });
  const came = Map.groupBy(linesOf(out), (line) => Object.keys(line)[0]!);
  const count = (key: string) => recordsIn(came.get(key) ?? []);
  expect(count('resourceSpans')).toHaveLength(accepted.traces!);
  expect(count('resourceLogs')).toHaveLength(accepted.logs!);
  expect(count('resourceMetrics').length).toBeGreaterThan(0);
});

/** With a real file, so that it can be edited. It takes a port that is free, and says which. */
async function startFromFile(path: string) {
  const http = { protocols: { grpc: { endpoint: '127.0.0.1:0' } } };
  const args = [
    '--config',
    path,
    '--config',
    `yaml:receivers: { otlp: ${JSON.stringify(http)} }`,
    '--set',
    'service.telemetry.metrics.level=none',
  ];
  const env = { ...process.env, GRPC_PORT: '0', HTTP_PORT: '0' };
  const child = spawn(sluiceCommand[0]!, [...sluiceCommand.slice(1), ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  await until('it is ready', () => stderr.includes('Everything is ready'));
  const port = Number(/listening on 127\.0\.0\.1:(\d+) .*"grpc"/.exec(stderr)![1]);
  return {
    pid: child.pid!,
    handle: { ports: { grpc: port } } as Parameters<typeof post>[0],
    stderr: () => stderr,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
