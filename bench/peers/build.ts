/**
 * Builds peers and backends into the cache: `node bench/peers/build.ts [name…]`, default all of them.
 * Progress goes to stderr, a table of name, version, path or reason to stdout. Exit code 1 when one is missing.
 */
import { BACKEND_NAMES, backend } from './backends/backend.ts';
import { BACKEND_RECIPES } from './backends/recipes.ts';
import { type Peer, peer } from './peer.ts';
import { PEER_NAMES, RECIPES } from './recipes.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);
const builds = new Map<string, { version: string; get: () => Promise<Peer> }>();
for (const name of PEER_NAMES) builds.set(name, { version: RECIPES[name].version, get: () => peer(name, { log }) });
for (const name of BACKEND_NAMES)
  builds.set(name, { version: BACKEND_RECIPES[name].version, get: () => backend(name, { log }) });

const asked = process.argv.slice(2);
const known = [...builds.keys()];
const unknown = asked.filter((name) => !builds.has(name));
if (unknown.length > 0) {
  process.stderr.write(`unknown peer ${unknown.join(', ')}; known are ${known.join(', ')}\n`);
  process.exit(2);
}

const rows = [['name', 'version', 'path or reason']];
let missing = 0;
// One after the other: each Go build fills all cores by itself.
for (const name of asked.length > 0 ? asked : known) {
  const { version, get } = builds.get(name)!;
  const result = await get();
  if ('missing' in result) missing++;
  rows.push([name, version, 'missing' in result ? `missing: ${result.missing}` : result.path]);
}

const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
for (const [name, version, last] of rows) {
  process.stdout.write(`${name!.padEnd(widths[0]!)}  ${version!.padEnd(widths[1]!)}  ${last}\n`);
}
process.exitCode = missing > 0 ? 1 : 0;
