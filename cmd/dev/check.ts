/** `npm run check`: types, lint and format, import directions, generated files. Runs them all, then fails if one did. */
import { spawnSync } from 'node:child_process';
import { staleFiles } from './generated.ts';
import { wrongImports } from './imports.ts';
import { staleKernel } from './kernel.ts';

const failed: string[] = [];

function step(name: string, run: () => boolean) {
  const start = performance.now();
  const ok = run();
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  if (!ok) failed.push(name);
}

function tool(command: string, ...args: string[]): boolean {
  return spawnSync(process.execPath, [`node_modules/${command}`, ...args], { stdio: 'inherit' }).status === 0;
}

function none(problems: readonly string[]): boolean {
  for (const problem of problems) console.log(`  ${problem}`);
  return problems.length === 0;
}

step('types', () => tool('typescript/bin/tsc', '-p', '.'));
step('lint and format', () => tool('@biomejs/biome/bin/biome', 'ci', '--colors=off', '--diagnostic-level=warn', '.'));
step('import directions', () => none(wrongImports('.')));
const stale = [...(await staleFiles()), ...staleKernel()];
step('generated files', () => none(stale));

process.exitCode = failed.length === 0 ? 0 : 1;
