/**
 * Builds internal/otlp/kernel/module.ts from the AssemblyScript in internal/otlp/kernel/assembly: `node cmd/dev/kernel.ts`.
 * The compiler weighs 100 MB, so it is no dependency: npm fetches it here, and the check compares sources by their hash.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const COMPILER = 'assemblyscript@0.28.20';
// Memory is OUTPUT_END of layout.ts in pages of 64 KiB. No checks of AssemblyScript's own: the code is written for them to be needless, and -1 is its way to refuse.
const FLAGS = [
  '-O3',
  '--noAssert',
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '--enable',
  'bulk-memory',
  '--initialMemory',
  '260',
  '--maximumMemory',
  '260',
];
const sources = 'internal/otlp/kernel/assembly';
const module = 'internal/otlp/kernel/module.ts';

/** @returns a line where the module was built from other sources */
export function staleKernel(): string[] {
  const built = /from = '(\w+)'/.exec(readFileSync(module, 'utf8'))?.[1];
  return built === hashOfSources() ? [] : [`${module} was built from other sources: run 'node cmd/dev/kernel.ts'`];
}

function hashOfSources(): string {
  const hash = createHash('sha256').update(`${COMPILER} ${FLAGS.join(' ')}\n`);
  for (const file of globSync(`${sources}/*.ts`).sort()) hash.update(readFileSync(file));
  return hash.digest('hex');
}

function build(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-kernel-'));
  try {
    run(folder, 'npm', 'install', '--no-save', '--no-audit', '--no-fund', '--silent', COMPILER);
    run(
      '.',
      process.execPath,
      join(folder, 'node_modules/assemblyscript/bin/asc.js'),
      `${sources}/index.ts`,
      ...FLAGS,
      '-o',
      join(folder, 'kernel.wasm'),
    );
    return readFileSync(join(folder, 'kernel.wasm'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(cwd: string, command: string, ...args: string[]) {
  const { status, error } = spawnSync(command, args, { cwd: resolve(cwd), stdio: 'inherit' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed`, { cause: error });
}

if (import.meta.main) {
  const bytes = build();
  const text = `// Built by 'node cmd/dev/kernel.ts' from assembly/. Not to be edited.

/** SHA-256 of what it was built from. */
export const from = '${hashOfSources()}';

/** WebAssembly, in base64. */
export const module =
  '${bytes.toString('base64')}';
`;
  writeFileSync(module, text);
  console.log(`wrote ${module}: ${bytes.length} bytes`);
}
