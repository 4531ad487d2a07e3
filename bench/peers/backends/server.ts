import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../ports.ts';
import { answers, type Ending, launch, type Running, untilReady } from '../process.ts';
import type { ProcessUsage } from '../usage.ts';

/** How a server is run on the ports it was given. */
export interface Plan {
  command: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Default: the server's folder. */
  cwd?: string;
  /** A GET of it is answered with 2xx once the server works. */
  readyUrl: string;
  readyHeaders?: Record<string, string>;
}

export interface ServerOptions {
  /** Milliseconds until readiness, and again for a stop; default a minute. */
  timeoutMs?: number;
}

const START_ATTEMPTS = 3;
const TIMEOUT_MS = 60_000;

/** A server on loopback ports with a folder of its own. It can be stopped and started again where it was. */
export class Server<Ports extends string = string> {
  readonly name: string;
  readonly ports: Readonly<Record<Ports, number>>;
  readonly folder: string;
  readonly #plan: Plan;
  readonly #timeoutMs: number;
  #running: Running | undefined;
  #log = '';

  constructor(name: string, ports: Record<Ports, number>, folder: string, plan: Plan, timeoutMs: number) {
    this.name = name;
    this.ports = ports;
    this.folder = folder;
    this.#plan = plan;
    this.#timeoutMs = timeoutMs;
  }

  /** Starts it, or starts it again on the same ports with the same data. @throws Error with its log */
  async start(): Promise<void> {
    const { command, env, cwd = this.folder, readyUrl, readyHeaders } = this.#plan;
    const running = launch(command, { env: { ...process.env, ...env }, cwd, group: true });
    this.#running = running;
    const failure = await untilReady(running, () => answers(readyUrl, readyHeaders), {
      timeoutMs: this.#timeoutMs,
      wanted: `answer at ${readyUrl}`,
    });
    if (failure === undefined) return;
    await this.stop();
    throw new Error(`${this.name} did not start: ${failure}`);
  }

  /** Everything its runs have logged. */
  log(): string {
    return this.#log + (this.#running?.log() ?? '');
  }

  usage(): ProcessUsage | undefined {
    return this.#running?.usage();
  }

  /** SIGTERM; the data stay. Safe twice. */
  async stop(): Promise<Ending | undefined> {
    return this.#end((running) => running.stop(this.#timeoutMs));
  }

  /** SIGKILL; the data stay as they are. */
  async kill(): Promise<Ending | undefined> {
    return this.#end((running) => {
      running.signal('SIGKILL');
      return running.ended;
    });
  }

  /** Takes connections, answers nothing, until `resume`. */
  pause(): void {
    this.#running?.signal('SIGSTOP');
  }

  resume(): void {
    this.#running?.signal('SIGCONT');
  }

  /** Stops it and removes its data. Safe twice. */
  async close(): Promise<void> {
    this.resume();
    await this.stop();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async #end(end: (running: Running) => Promise<Ending>): Promise<Ending | undefined> {
    const running = this.#running;
    if (!running) return undefined;
    const ending = await end(running);
    this.#log += running.log();
    this.#running = undefined;
    return ending;
  }
}

/**
 * Runs a server on free ports in a fresh folder.
 *
 * @param plan writes what the server needs into the folder and says how to run it
 * @throws Error with the server's log when it does not get ready
 */
export async function startServer<Ports extends string>(
  name: string,
  portNames: readonly Ports[],
  plan: (ports: Record<Ports, number>, folder: string) => Promise<Plan>,
  { timeoutMs = TIMEOUT_MS }: ServerOptions = {},
): Promise<Server<Ports>> {
  for (let attempt = 1; ; attempt++) {
    const free = await freePorts(portNames.length);
    const ports = Object.fromEntries(portNames.map((port, index) => [port, free[index]!])) as Record<Ports, number>;
    const folder = await mkdtemp(join(tmpdir(), `sluice-${name}-`));
    const server = new Server(name, ports, folder, await plan(ports, folder), timeoutMs);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.close();
      // A free port is only free until somebody else takes it: try again with others.
      const taken = /address already in use|Failed to bind/i.test((error as Error).message);
      if (attempt >= START_ATTEMPTS || !taken) throw error;
    }
  }
}

/** A test's context, as far as it is needed here. */
interface Failing {
  onTestFailed(run: () => Promise<void>): void;
}

/** Call in a test that uses servers: if it fails, their logs are kept in files, and the paths are told. */
export function keepLogsOnFailure(context: Failing, ...servers: readonly Server[]): void {
  context.onTestFailed(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-backend-logs-'));
    for (const server of servers) {
      const path = join(folder, `${server.name}.log`);
      await writeFile(path, server.log());
      process.stderr.write(`log of ${server.name}: ${path}\n`);
    }
  });
}
