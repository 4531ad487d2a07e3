import { fileURLToPath } from 'node:url';
import { type Otelcol, type OtelcolOptions, startOtelcol } from './otelcol.ts';

const main = fileURLToPath(new URL('../../cmd/sluice/main.ts', import.meta.url));

/** The program from source, on the Node that runs this. */
export const sluiceCommand: readonly string[] = [process.execPath, main];

/** Starts Sluice as `startOtelcol` starts the Go collector: same ports, same configuration text, same handle. */
export function startSluice(options: OtelcolOptions): Promise<Otelcol> {
  return startOtelcol({ command: sluiceCommand, ...options });
}
