import { resolve } from 'node:path';
import { type Otelcol, startOtelcol } from '../peers/otelcol.ts';
import { startSluice } from '../peers/sluice.ts';

export type SubjectName = 'sluice' | 'otelcol';
export const SUBJECTS: readonly SubjectName[] = ['sluice', 'otelcol'];

/** The subject has one core for itself; load and sinks, which run in this process, have the other. */
export const SUBJECT_CPU = 0;
export const LOAD_CPU = 1;

export interface SubjectOptions {
  /** "source", or the path of the single executable. */
  readonly sluice: string;
  /** Where to leave a CPU profile of Sluice when it stops; only from source. */
  readonly profile?: string;
  readonly log: (line: string) => void;
}

export function startSubject(name: SubjectName, yaml: string, options: SubjectOptions): Promise<Otelcol> {
  const common = { yaml, cpu: SUBJECT_CPU, log: options.log, timeoutMs: 30_000 };
  if (name === 'otelcol') return startOtelcol(common);
  if (options.sluice !== 'source') return startSluice({ ...common, command: [resolve(options.sluice)] });
  if (options.profile === undefined) return startSluice(common);
  const node = [process.execPath, '--cpu-prof', `--cpu-prof-dir=${resolve(options.profile)}`];
  return startSluice({ ...common, command: [...node, resolve(import.meta.dirname, '../../cmd/sluice/main.ts')] });
}
