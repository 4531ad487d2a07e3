import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { peer } from './peer.ts';
import { freePorts } from './ports.ts';
import { answers, DEFAULT_TIMEOUT_MS, type Ending, launch, untilReady } from './process.ts';
import type { PeerName } from './recipes.ts';
import type { ProcessUsage } from './usage.ts';

export type { Ending } from './process.ts';

/** Free ports on 127.0.0.1, one per use that a configuration may have for them. */
export interface OtelcolPorts {
  /** `${env:GRPC_PORT}`: for an OTLP receiver. */
  grpc: number;
  /** `${env:HTTP_PORT}`: for an OTLP receiver. */
  http: number;
  /** `${env:HEALTH_PORT}`: for a health_check extension. */
  health: number;
  /** The Collector's own metrics in Prometheus text, at `/metrics`; there without any configuration. */
  metrics: number;
}

export interface OtelcolOptions {
  /** The configuration; it may use `${env:GRPC_PORT}` and the like, see `OtelcolPorts`, and everything in `env`. */
  yaml: string;
  /** CPU list for `taskset -c`, such as 1 or '0-1'. Go sizes its scheduler by it. Ignored where there is no taskset. */
  cpu?: number | string;
  /** Added to the environment of this process. */
  env?: Record<string, string>;
  /** Ports to use in place of free ones. */
  ports?: Partial<OtelcolPorts>;
  /** Which build of it; default `otelcol`, built when absent. */
  peer?: PeerName;
  /** The program and its leading arguments in place of a peer. */
  command?: readonly string[];
  /** Progress of that build. */
  log?: (line: string) => void;
  /** How long to wait for readiness, and again for a stop; default 15 s. */
  timeoutMs?: number;
}

export interface Otelcol {
  ports: OtelcolPorts;
  pid: number;
  /** False where `cpu` was asked for and there is no taskset. */
  pinned: boolean;
  /** Everything logged so far (the last 4 MB); still there after the end. */
  stderr(): string;
  /** Memory and CPU time from /proc; undefined after the end and where there is no /proc. */
  usage(): ProcessUsage | undefined;
  /** Resolves when the process has ended, for whatever reason. */
  ended: Promise<Ending>;
  /** SIGTERM, and SIGKILL after `timeoutMs`. Safe twice. */
  stop(): Promise<Ending>;
}

const READY = 'Everything is ready. Begin running and processing data.';
/** In the words of the Go collector, and in those of Sluice. */
const PORT_TAKEN = /address already in use|another program holds port/;
const START_ATTEMPTS = 3;

/**
 * Starts the OpenTelemetry Collector and waits until all its components run (milliseconds).
 *
 * @throws Error when there is no executable, when it ends before it is ready (with its log), or is not ready in time
 */
export async function startOtelcol(options: OtelcolOptions): Promise<Otelcol> {
  const program = options.command ?? [await executable(options)];
  for (let attempt = 1; ; attempt++) {
    const [grpc, http, health, metrics] = await freePorts(4);
    const ports = { grpc: grpc!, http: http!, health: health!, metrics: metrics!, ...options.ports };
    const { whyNotReady, ...collector } = begin(program, ports, options);
    const failure = await whyNotReady();
    if (failure === undefined) return collector;
    await collector.stop();
    // A free port is only free until somebody else takes it: try again with others.
    if (attempt < START_ATTEMPTS && PORT_TAKEN.test(failure)) continue;
    throw new Error(`${program.at(-1)} did not start: ${failure}`);
  }
}

async function executable({ peer: name = 'otelcol', log }: OtelcolOptions): Promise<string> {
  const found = await peer(name, log === undefined ? {} : { log });
  if ('missing' in found) throw new Error(found.missing);
  return found.path;
}

function begin(program: readonly string[], ports: OtelcolPorts, options: OtelcolOptions) {
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  // Its default is port 8888, which two collectors on one machine would fight for.
  const reader = `{pull: {exporter: {prometheus: {host: 127.0.0.1, port: ${ports.metrics}}}}}`;
  const args = [`--config=yaml:${options.yaml}`, `--set=service::telemetry::metrics::readers=[${reader}]`];
  const pinned = options.cpu !== undefined && onPath('taskset');
  const command = [...(pinned ? ['taskset', '-c', String(options.cpu)] : []), ...program, ...args];
  const running = launch(command, {
    stdout: 'ignore',
    env: {
      ...process.env,
      GRPC_PORT: String(ports.grpc),
      HTTP_PORT: String(ports.http),
      HEALTH_PORT: String(ports.health),
      ...options.env,
    },
  });
  return {
    ports,
    pid: running.pid,
    pinned,
    ended: running.ended,
    stderr: running.log,
    usage: running.usage,
    stop: () => running.stop(timeoutMs),
    /** The log line is absent when the configuration raises the log level; the health check is, when it has none. */
    whyNotReady() {
      const ready = async () => running.log().includes(READY) || (await answers(`http://127.0.0.1:${ports.health}/`));
      return untilReady(running, ready, { timeoutMs, wanted: `"${READY}" and no health check on \${env:HEALTH_PORT}` });
    },
  };
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
