import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where Linux distributions put their JDKs. */
const JVM_FOLDER = '/usr/lib/jvm';

/** The Java that a version of Elasticsearch runs on. */
export function javaOf(major: 8 | 9): Promise<string | undefined> {
  return major === 8 ? javaHome(17, 24) : javaHome(21, 26);
}

/** What keeps Elasticsearch from starting on this machine, in words. */
export async function lackingForElasticsearch(major: 8 | 9): Promise<string | undefined> {
  if (!(await javaOf(major))) return `no Java ${major === 8 ? '17 to 24' : '21 or newer'} is installed`;
  if (process.getuid?.() !== 0) return undefined;
  // It refuses to run as root.
  return run('setpriv', ['--version']).then(
    () => undefined,
    () => 'setpriv is not installed, and it does not run as root',
  );
}

/**
 * The home of the first Java between two versions: of `$ES_JAVA_HOME`, `$JAVA_HOME`, the one on the PATH, and those
 * below /usr/lib/jvm.
 */
async function javaHome(least: number, most: number): Promise<string | undefined> {
  const installed = await readdir(JVM_FOLDER).catch(() => []);
  const named = [process.env.ES_JAVA_HOME, process.env.JAVA_HOME].filter((home) => home !== undefined && home !== '');
  const programs = [...named.map((home) => join(home!, 'bin/java')), 'java'];
  for (const name of installed) programs.push(join(JVM_FOLDER, name, 'bin/java'));
  for (const program of programs) {
    const found = await describe(program);
    if (found && found.version >= least && found.version <= most) return found.home;
  }
  return undefined;
}

async function describe(program: string): Promise<{ version: number; home: string } | undefined> {
  try {
    const { stderr } = await run(program, ['-XshowSettings:properties', '-version']);
    const version = /java\.specification\.version = (\d+)/.exec(stderr)?.[1];
    const home = /java\.home = (.*)/.exec(stderr)?.[1];
    return version && home ? { version: Number(version), home: home.trim() } : undefined;
  } catch {
    return undefined;
  }
}
