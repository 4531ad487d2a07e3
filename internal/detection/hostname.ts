import type { Question } from './detector.ts';

/** Where a host's name may come from, by upstream's words. Each rejects where it has none. */
export const hostnameSources = ['os', 'dns', 'cname', 'lookup'] as const;
export type HostnameSource = (typeof hostnameSources)[number];

/** Each source may take so long, so that a dead name server does not cost the other facts. */
const patienceMs = 1500;
const maxAliases = 8;

/** @returns the first name that a source has @throws Error where none has one */
export async function hostName(question: Question, sources: readonly HostnameSource[]): Promise<string> {
  const troubles: string[] = [];
  for (const source of sources) {
    try {
      return await inTime(question, nameFrom(question, source));
    } catch (error) {
      troubles.push(`${source}: ${(error as Error).message}`);
    }
  }
  throw new Error(`no source has a name of this host (${troubles.join('; ')}): add os to hostname_sources`);
}

function nameFrom(question: Question, source: HostnameSource): Promise<string> {
  const host = question.surroundings.os.hostname();
  switch (source) {
    case 'os':
      return Promise.resolve(host);
    case 'dns':
      return fullName(question, host);
    case 'cname':
      return canonicalName(question, host);
    case 'lookup':
      return reverseName(question, host);
  }
}

/** As `hostname -f`: the hosts file, then DNS. */
async function fullName(question: Question, host: string): Promise<string> {
  const listed = nameInHosts((await question.surroundings.read('/etc/hosts')) ?? '', host);
  if (listed) return listed;
  return canonicalName(question, host).catch(() => reverseName(question, host));
}

/** The first name of the line that names the host. */
export function nameInHosts(text: string, host: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, ...names] = line
      .replace(/#.*/, '')
      .trim()
      .split(/[ \t]+/);
    if (names.includes(host)) return names[0];
  }
  return undefined;
}

/** The name that DNS has for the host, with the system's search domains, behind all aliases. */
async function canonicalName({ surroundings }: Question, host: string): Promise<string> {
  const { names, read } = surroundings;
  const search = searchDomains((await read('/etc/resolv.conf')) ?? '').map((domain) => `${host}.${domain}`);
  const candidates = host.includes('.') ? [host, ...search] : [...search, host];
  for (const candidate of candidates) {
    try {
      await names.exists(candidate);
    } catch {
      continue;
    }
    let name = candidate;
    for (let step = 0; step < maxAliases; step++) {
      const next = await names.alias(name).catch(() => undefined);
      if (!next) break;
      name = next;
    }
    return withoutDot(name);
  }
  throw new Error(`DNS knows none of ${candidates.join(', ')}`);
}

function searchDomains(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  return lines.findLast(([word]) => word === 'search' || word === 'domain')?.slice(1) ?? [];
}

async function reverseName({ surroundings: { names } }: Question, host: string): Promise<string> {
  for (const address of await names.addresses(host)) {
    const name = await names.nameOf(address).catch(() => address);
    if (name !== address) return withoutDot(name);
  }
  throw new Error(`no address of ${host} has a name`);
}

function withoutDot(name: string): string {
  return name.replace(/\.+$/, '');
}

/** DNS cannot be stopped: its answer is not waited for any more. */
function inTime<T>({ clock, abort }: Question, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => end(() => reject(new Error(`no answer within ${patienceMs} ms`)));
    const timer = clock.after(patienceMs, late);
    const end = (settle: () => void) => {
      timer.cancel();
      abort.removeEventListener('abort', late);
      settle();
    };
    abort.addEventListener('abort', late, { once: true });
    work.then(
      (value) => end(() => resolve(value)),
      (error: Error) => end(() => reject(error)),
    );
  });
}
