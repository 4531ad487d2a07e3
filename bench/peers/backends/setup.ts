import { BACKEND_NAMES, backend } from './backend.ts';

/** Before the suite `backends`: builds what is not in the cache, one after the other. After it: says what was not there. */
export default async function setup(): Promise<() => void> {
  const missing: string[] = [];
  for (const name of BACKEND_NAMES) {
    const found = await backend(name, { log: (line) => process.stderr.write(`${line}\n`) });
    if ('missing' in found) missing.push(found.missing);
  }
  const tell = () => {
    for (const reason of missing) process.stderr.write(`backend not there, its tests were skipped: ${reason}\n`);
  };
  tell();
  return tell;
}
