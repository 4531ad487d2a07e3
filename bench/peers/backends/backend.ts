import { join } from 'node:path';
import { built, cacheFolder, type Peer, type PeerOptions } from '../peer.ts';
import { lackingForElasticsearch } from './java.ts';
import { BACKEND_RECIPES, type BackendName } from './recipes.ts';

export { BACKEND_NAMES, type BackendName } from './recipes.ts';

/** `backends` beside the folder of the peers. */
export function backendsFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), 'backends');
}

/** What a backend needs besides itself: the reason in words where that is missing. */
const lacking: Partial<Record<BackendName, () => Promise<string | undefined>>> = {
  elasticsearch8: () => lackingForElasticsearch(8),
  elasticsearch9: () => lackingForElasticsearch(9),
};

/**
 * Finds a backend in the cache, or builds it there (minutes; needs Go, or Maven with a JDK).
 *
 * @returns the executable (of Elasticsearch its home folder), or why there is none; never throws for a failed build
 */
export async function backend(name: BackendName, options: PeerOptions = {}): Promise<Peer> {
  const reason = await lacking[name]?.();
  if (reason !== undefined) return { missing: `${name} ${BACKEND_RECIPES[name].version}: ${reason}` };
  return built(name, BACKEND_RECIPES[name], { ...options, folder: options.folder ?? backendsFolder(options.env) });
}

/** The same for those who cannot go on without. @throws Error with the reason */
export async function backendPath(name: BackendName): Promise<string> {
  const found = await backend(name, { log: (line) => process.stderr.write(`${line}\n`) });
  if ('missing' in found) throw new Error(found.missing);
  return found.path;
}
