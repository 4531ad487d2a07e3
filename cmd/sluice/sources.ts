import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';
import type { Values } from './command.ts';

/** What the configuration loader is to read, from a command's options. */
export function sourcesOf(values: Values): { sources: string[]; sets: string[]; embedded: boolean } {
  const sources = [...((values.config as string[] | undefined) ?? [])];
  const embedded = sources.length === 0;
  if (embedded) sources.push(`yaml:${defaultConfig()}`);
  return { sources, sets: [...((values.set as string[] | undefined) ?? [])], embedded };
}

/** The built-in configuration: configs/collector.yaml, carried inside the single executable. */
function defaultConfig(): string {
  if (isSea()) return getAsset('collector.yaml', 'utf8');
  return readFileSync(new URL('../../configs/collector.yaml', import.meta.url), 'utf8');
}
