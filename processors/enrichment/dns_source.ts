import { promises } from 'node:dns';
import { isIP } from 'node:net';
import type { Settings } from '../../internal/core/component.ts';
import type { SourceConfig } from './config.ts';
import { type Answer, type Facts, factsOf } from './facts.ts';
import { Lookups } from './lookups.ts';
import type { Source } from './source.ts';

/** Names of addresses, by reverse lookups. */
export class DnsSource implements Source {
  readonly #lookups: Lookups;

  constructor(settings: Settings, { name, dns, write }: SourceConfig) {
    this.#lookups = new Lookups(settings, name, dns, (address, abort) => reversed(address, dns, write, abort));
  }

  find(key: string): Answer | Promise<Answer> {
    return isIP(key) === 0 ? 'miss' : this.#lookups.find(key);
  }

  close(): void {
    this.#lookups.close();
  }
}

async function reversed(
  address: string,
  { servers }: SourceConfig['dns'],
  write: SourceConfig['write'],
  abort: AbortSignal,
): Promise<Facts | undefined> {
  // One for each lookup: cancelling ends all of a resolver's.
  const resolver = new promises.Resolver();
  if (servers.length > 0) resolver.setServers(servers);
  const cancel = () => resolver.cancel();
  abort.addEventListener('abort', cancel, { once: true });
  try {
    const [name] = await resolver.reverse(address);
    return name === undefined ? undefined : factsOf({ name }, write);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'ENODATA') return undefined;
    throw error;
  } finally {
    abort.removeEventListener('abort', cancel);
  }
}
