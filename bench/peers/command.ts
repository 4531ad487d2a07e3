import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';

/** A command ended badly. The message is fit for a "skipped because" line; `missingProgram` tells "not installed" apart. */
export class CommandError extends Error {
  readonly missingProgram: boolean;

  constructor(message: string, missingProgram: boolean) {
    super(message);
    this.name = 'CommandError';
    this.missingProgram = missingProgram;
  }
}

const TAIL_BYTES = 8192;
/** Unix niceness; 20 would be the lowest priority. */
const NICENESS = 15;

/**
 * Runs a command to its end, below the priority of everything else on the machine.
 *
 * @returns its standard output (at most the last 8 KB)
 * @throws CommandError when it cannot be started, exits other than 0, or is killed; with its last lines
 */
export function runCommand(
  command: string,
  args: string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let both = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(-TAIL_BYTES);
      both = (both + text).slice(-TAIL_BYTES);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      both = (both + text).slice(-TAIL_BYTES);
    });
    child.once('spawn', () => {
      try {
        setPriority(child.pid as number, NICENESS);
      } catch {
        // Already lower, or gone: either way nothing to lower.
      }
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      reject(new CommandError(missing ? `${command} is not installed` : `${command}: ${error.message}`, missing));
    });
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(stdout);
      const ending = signal === null ? `exit code ${code}` : `killed by ${signal}`;
      reject(new CommandError(`${command} ${args[0] ?? ''} failed (${ending}): ${lastLines(both)}`, false));
    });
  });
}

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('go: downloading'));
  return lines.slice(-5).join(' | ') || 'no output';
}
