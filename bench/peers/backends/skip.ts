import { type BackendName, backend } from './backend.ts';

/**
 * For the head of a `*.backends.test.ts`: `test.skipIf(await isMissing('jaeger'))`. Tells the reason on stderr.
 * Nothing is built here: the suite's setup has done that.
 */
export async function isMissing(name: BackendName): Promise<boolean> {
  const found = await backend(name, { log: (line) => process.stderr.write(`${line}\n`) });
  if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
  return 'missing' in found;
}
