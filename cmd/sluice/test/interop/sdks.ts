import { createHash, randomUUID } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError, runCommand } from '../../../../bench/peers/command.ts';
import { withLock } from '../../../../bench/peers/lock.ts';
import { peersFolder } from '../../../../bench/peers/peer.ts';

export type Sdk = 'javascript' | 'python' | 'go' | 'java';

interface Recipe {
  /** The folder in `sdk/` with the program. */
  readonly source: string;
  /** What installs or builds it, in a copy of that folder. */
  readonly steps: readonly (readonly [string, ...string[]])[];
  /** What runs it, from that copy. */
  readonly command: readonly [string, ...string[]];
}

const recipes: Readonly<Record<Sdk, Recipe>> = {
  javascript: {
    source: 'js',
    steps: [['npm', 'install', '--ignore-scripts', '--no-fund', '--no-audit']],
    command: [process.execPath, 'emit.mjs'],
  },
  python: {
    source: 'python',
    steps: [
      ['python3', '-m', 'venv', 'venv'],
      ['venv/bin/pip', 'install', '--quiet', '-r', 'requirements.txt'],
    ],
    command: ['venv/bin/python', 'emit.py'],
  },
  go: { source: 'go', steps: [['go', 'build', '-o', 'emit', '.']], command: ['./emit'] },
  java: {
    source: 'java',
    steps: [['mvn', '-q', '-B', 'package']],
    command: ['java', '-cp', 'target/classes:target/lib/*', 'Emit'],
  },
};

/** The program that sends with this SDK, installed in the cache; or why there is none. */
export async function sdk(
  name: Sdk,
): Promise<{ command: readonly [string, ...string[]]; cwd: string } | { missing: string }> {
  const { source, steps, command } = recipes[name];
  const from = fileURLToPath(new URL(`sdk/${source}`, import.meta.url));
  const home = join(peersFolder(), `sdk-${name}-${digest(from, steps)}`);
  try {
    if (!existsSync(home)) {
      mkdirSync(peersFolder(), { recursive: true });
      await withLock(
        `${home}.lock`,
        () => {},
        async () => {
          if (!existsSync(home)) await install(from, home, steps);
        },
      );
    }
    return { command, cwd: home };
  } catch (error) {
    if (error instanceof CommandError) return { missing: `${name} SDK: ${error.message}` };
    throw error;
  }
}

async function install(from: string, home: string, steps: Recipe['steps']): Promise<void> {
  // A virtual environment holds its own path, so the folder is built where it stays, and marked finished by its name.
  const temp = `${home}.tmp.${randomUUID()}`;
  try {
    cpSync(from, temp, { recursive: true });
    for (const [command, ...args] of steps) await runCommand(command, args, { cwd: temp, env: process.env });
    renameSync(temp, home);
  } finally {
    rmSync(temp, { recursive: true, force: true });
  }
}

function digest(folder: string, steps: Recipe['steps']): string {
  const hash = createHash('sha256').update(JSON.stringify(steps));
  for (const file of globSync('**/*.*', { cwd: folder }).sort())
    hash.update(file).update(readFileSync(join(folder, file)));
  return hash.digest('hex').slice(0, 16);
}
