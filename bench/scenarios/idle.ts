import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median } from '../measure/stats.ts';
import { SUBJECT_CPU, type SubjectName, startSubject } from '../measure/subject.ts';
import { peer } from '../peers/peer.ts';
import { sluiceCommand } from '../peers/sluice.ts';
import { pipelineYaml } from './config.ts';
import { MIB, type RunSettings, type Scenario } from './scenario.ts';

const SHAPE = { signal: 'traces', protocol: 'grpc' } as const;
const NO_BACKEND = 9;
const STARTS = 5;
const START_LIMIT_MS = 20_000;
const BUILT = 'dist/sluice';

/** What it costs to have it run, and to start it. */
export const idle: Scenario = {
  name: 'idle',
  summary: `RSS after the given seconds without traffic; from exec to a listening OTLP port, median of ${STARTS} starts`,
  defaultSeconds: 10,
  runs: 1,
  figures: [
    { key: 'rssMib', label: 'RSS, MiB', digits: 1 },
    { key: 'anonMib', label: 'of it not backed by files, MiB', digits: 1 },
    { key: 'startMs', label: 'exec to listening, ms', digits: 1 },
  ],
  // MB as in "80 MB", not MiB.
  goals: [
    { figure: 'rssMib', atMost: 80e6 / MIB },
    { figure: 'startMs', atMost: 200 },
  ],
  measure: async (name, given) => {
    const settings = builtIfThere(given);
    if (name === 'sluice' && settings.sluice === 'source') {
      settings.log(
        `${BUILT} is not there (npm run build): measuring from source, which parses all sources at its start`,
      );
    }
    const starts: number[] = [];
    for (let i = 0; i < STARTS; i++) starts.push(await startMs(name, settings));
    const subject = await startSubject(name, pipelineYaml(SHAPE, NO_BACKEND), settings);
    try {
      await sleep(settings.seconds * 1000);
      const usage = subject.usage()!;
      return { rssMib: usage.rssBytes / MIB, anonMib: anonymousKib(subject.pid) / 1024, startMs: median(starts) };
    } finally {
      await subject.stop();
    }
  },
};

/** Memory without the pages of the program's file and of libraries, which the system can drop and share (proc(5)). */
function anonymousKib(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

function builtIfThere(settings: RunSettings): RunSettings {
  return settings.sluice === 'source' && existsSync(BUILT) ? { ...settings, sluice: BUILT } : settings;
}

/** From the call of spawn, which forks taskset, until the OTLP port takes a connection. */
async function startMs(name: SubjectName, settings: RunSettings): Promise<number> {
  const port = await freePort();
  const reader = `readers=[{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ${await freePort()}}}}}]`;
  const args = [`--config=yaml:${pipelineYaml(SHAPE, NO_BACKEND)}`, `--set=service::telemetry::metrics::${reader}`];
  const command = ['taskset', '-c', String(SUBJECT_CPU), ...(await commandOf(name, settings)), ...args];
  const env = { ...process.env, GRPC_PORT: String(port), HTTP_PORT: String(await freePort()) };
  const began = performance.now();
  const child = spawn(command[0]!, command.slice(1), { env, stdio: 'ignore' });
  const closed = once(child, 'close');
  try {
    await listening(port, child);
    return performance.now() - began;
  } finally {
    child.kill('SIGTERM');
    await closed;
  }
}

async function commandOf(name: SubjectName, { sluice, log }: RunSettings): Promise<readonly string[]> {
  if (name === 'sluice') return sluice === 'source' ? sluiceCommand : [resolve(sluice)];
  const found = await peer(name, { log });
  if ('missing' in found) throw new Error(found.missing);
  return [found.path];
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`ended with exit code ${child.exitCode} before it listened`);
    if (await connects(port)) return;
    await sleep(1);
  }
  throw new Error(`does not listen after ${START_LIMIT_MS} ms`);
}

function connects(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  await new Promise<void>((done) => server.close(() => done()));
  return address.port;
}
