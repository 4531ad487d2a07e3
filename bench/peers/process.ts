import { spawn } from 'node:child_process';
import { type ProcessUsage, processUsage } from './usage.ts';

/** How a process ended: one of the two is null. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A server that runs beside the tests. */
export interface Running {
  pid: number;
  /** Everything logged so far (the last 4 MB); still there after the end. */
  log(): string;
  /** Memory and CPU time from /proc; undefined after the end and where there is no /proc. */
  usage(): ProcessUsage | undefined;
  /** Resolves when the process has ended, for whatever reason. */
  ended: Promise<Ending>;
  /** Sends it to the process, or with `group` to it and its children. */
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL after `timeoutMs`. Safe twice. */
  stop(timeoutMs?: number): Promise<Ending>;
}

export interface LaunchOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** A process group of its own: for programs that start others. */
  group?: boolean;
  /** Default: it belongs to the log. */
  stdout?: 'ignore' | 'pipe';
}

export const DEFAULT_TIMEOUT_MS = 15_000;
const LOG_LIMIT = 4 * 1024 * 1024;

/** Starts a program; one that cannot be started has ended with its error as the log. */
export function launch(command: readonly string[], options: LaunchOptions = {}): Running {
  const { env = process.env, cwd, group = false, stdout = 'pipe' } = options;
  const child = spawn(command[0]!, command.slice(1), {
    env,
    ...(cwd !== undefined && { cwd }),
    detached: group,
    stdio: ['ignore', stdout, 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-LOG_LIMIT);
    });
  }
  const signal = (name: NodeJS.Signals) => {
    if (!group || child.pid === undefined) return void child.kill(name);
    try {
      process.kill(-child.pid, name);
    } catch {
      // Gone already.
    }
  };
  // A test runner that dies must not leave servers behind.
  const killOnExit = () => signal('SIGKILL');
  process.once('exit', killOnExit);
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, name) => resolve({ code, signal: name }));
    child.once('error', (error) => {
      text += `${command[0]}: ${error.message}\n`;
      resolve({ code: null, signal: null });
    });
  });
  ended.then(() => process.removeListener('exit', killOnExit));

  return {
    pid: child.pid ?? -1,
    ended,
    signal,
    log: () => text,
    usage: () => (child.pid === undefined ? undefined : processUsage(child.pid)),
    async stop(timeoutMs = DEFAULT_TIMEOUT_MS) {
      // To the leader of a group only: it ends the others in order.
      child.kill('SIGTERM');
      const killer = setTimeout(() => signal('SIGKILL'), timeoutMs);
      const ending = await ended;
      clearTimeout(killer);
      return ending;
    },
  };
}

/**
 * Asks `ready` every 10 ms until it says yes.
 *
 * @returns why the process is not ready, with its log; undefined when it is
 */
export async function untilReady(
  running: Running,
  ready: () => Promise<boolean>,
  { timeoutMs, wanted }: { timeoutMs: number; wanted: string },
): Promise<string | undefined> {
  const deadline = Date.now() + timeoutMs;
  let ending: Ending | undefined;
  running.ended.then((value) => {
    ending = value;
  });
  for (;;) {
    if (ending !== undefined) return `${describe(ending)}\n${running.log()}`;
    if (await ready()) return undefined;
    if (Date.now() > deadline) return `no ${wanted} within ${timeoutMs} ms\n${running.log()}`;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function describe({ code, signal }: Ending): string {
  return signal === null ? `exit code ${code}` : `killed by ${signal}`;
}

/** Whether a GET is answered with 2xx. */
export async function answers(url: string, headers: Record<string, string> = {}): Promise<boolean> {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
