import { fileURLToPath } from 'node:url';
import { type Otelcol, type OtelcolOptions, startOtelcol } from './otelcol.ts';

const main = fileURLToPath(new URL('../../cmd/sluice/main.ts', import.meta.url));

/** The program from source, on the Node that runs this. */
export const sluiceCommand: readonly string[] = [process.execPath, main];

/** From source, on a machine that runs a dozen tests at once, a start takes its time. */
const START_TIMEOUT_MS = 45_000;

/** Starts Sluice as `startOtelcol` starts the Go collector: same ports, same configuration text, same handle. */
export function startSluice(options: OtelcolOptions): Promise<Otelcol> {
  return startOtelcol({ command: sluiceCommand, timeoutMs: START_TIMEOUT_MS, ...options });
}
