import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import snappy from 'snappy';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePorts } from '../../bench/peers/ports.ts';
import { stamped } from '../../internal/testkit/stamped.ts';

/**
 * The single executable, built and run as the Dockerfile does it: in a root folder that holds nothing but the executable, the libraries
 * that it names, and a configuration, as a user without rights. It does not prove the image itself: there is no container engine here.
 */
const dist = mkdtempSync(join(tmpdir(), 'sluice-build-'));
const root = join(dist, 'root');
let mounted = false;
const nonroot = '65532:65532';

beforeAll(() => {
  const built = spawnSync(process.execPath, ['cmd/dev/build.ts', dist], { encoding: 'utf8' });
  expect(built.stderr).toBe('');
  // glibc's parts: the image's base has them all.
  const addon = `node_modules/@napi-rs/snappy-${process.platform}-${process.arch}-gnu/snappy.${process.platform}-${process.arch}-gnu.node`;
  for (const file of [join(dist, 'sluice'), addon]) for (const library of libraries(file)) copyInto(library, library);
  copyInto(join(dist, 'sluice'), '/sluice');
  copyInto('configs/container.yaml', '/etc/sluice/collector.yaml');
  mkdirSync(join(root, 'tmp'));
  chmodSync(join(root, 'tmp'), 0o1777);
  // A container has it too; memory is read from there.
  mkdirSync(join(root, 'proc'));
  mounted = spawnSync('mount', ['-t', 'proc', 'proc', join(root, 'proc')]).status === 0;
});
afterAll(() => {
  if (mounted) spawnSync('umount', [join(root, 'proc')]);
  rmSync(dist, { recursive: true, force: true });
});

function libraries(executable: string): string[] {
  const { stdout } = spawnSync('ldd', [executable], { encoding: 'utf8' });
  return [...stdout.matchAll(/(\/\S+\.so\S*)/g)].map((match) => match[1]!);
}

function copyInto(from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  copyFileSync(from, join(root, to));
}

const inside = (...args: string[]) => ['/usr/sbin/chroot', `--userspec=${nonroot}`, root, '/sluice', ...args];

test('it runs alone in a bare root, unprivileged, is found healthy, and stops on SIGTERM', async (context) => {
  if (!mounted) return context.skip('chroot and mount want root on Linux');
  const [grpc, http, metrics, health] = await freePorts(4);
  const sets = [
    `receivers.otlp.protocols.grpc.endpoint=127.0.0.1:${grpc}`,
    `receivers.otlp.protocols.http.endpoint=127.0.0.1:${http}`,
    `extensions.health_check.endpoint=127.0.0.1:${health}`,
    `service.telemetry.metrics.readers=[{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ${metrics}}}}}]`,
    'service.shutdown_timeout=200ms',
  ].flatMap((each) => ['--set', each]);
  const [command, ...args] = inside('run', '--config', '/etc/sluice/collector.yaml', ...sets);
  const child = spawn(command!, args, { env: {}, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  try {
    await expect.poll(() => log, { timeout: 15_000 }).toContain('Everything is ready');
    const probe = (port: number | undefined) => {
      const [program, ...rest] = inside('healthcheck', '--endpoint', `http://127.0.0.1:${port}/`);
      return spawnSync(program!, rest, { env: {} }).status;
    };
    expect(probe(health)).toBe(0);
    expect(probe(1)).toBe(1);
    // The addon carried inside is what undoes this.
    const body = snappy.compressSync(Buffer.concat(stamped('logs', ['a', 'b']).chunks));
    const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' };
    const answer = await fetch(`http://127.0.0.1:${http}/v1/logs`, { method: 'POST', headers, body });
    expect(answer.status, log).toBe(200);
    expect(await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text()).toMatch(
      /otelcol_receiver_accepted_log_records\S* 2/,
    );
  } finally {
    child.kill('SIGTERM');
  }
  expect(await ended).toBe(0);
  expect(log).toMatch(/logs: received 2/);
  expect(log).not.toContain('Warning');
});

test('the built-in configuration is inside', (context) => {
  if (!mounted) return context.skip('chroot and mount want root on Linux');
  const [command, ...args] = inside('validate');
  const { status, stdout } = spawnSync(command!, args, { env: {}, encoding: 'utf8' });
  expect(stdout).toContain('The configuration is valid: 3 pipelines');
  expect(status).toBe(0);
});
