import { formatIssue, type Issue } from '../../internal/config/issues.ts';
import { type Loaded, loadConfig } from '../../internal/config/load.ts';
import type { ExitCode, Values } from './command.ts';
import { components } from './components.ts';
import { availableMemory } from './memory.ts';
import { sourcesOf } from './sources.ts';

export function load(values: Values): Promise<Loaded> {
  const { sources, sets } = sourcesOf(values);
  const surroundings = { env: process.env, cwd: process.cwd(), memoryBytes: availableMemory() };
  return loadConfig(sources, components, { sets, ...surroundings });
}

/** Every problem at once, on stderr. */
export function printIssues(issues: readonly Issue[], severity: 'error' | 'warning' = 'error'): ExitCode {
  for (const issue of issues) process.stderr.write(`${severity}: ${formatIssue(issue)}\n`);
  if (severity === 'error') {
    process.stderr.write(
      `sluice: the configuration has ${issues.length} ${issues.length === 1 ? 'error' : 'errors'}; nothing was started.\n`,
    );
  }
  return severity === 'error' ? 1 : 0;
}
