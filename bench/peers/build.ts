/**
 * Builds the peers into the cache: `node bench/peers/build.ts [name…]`, default all of them.
 * Progress goes to stderr, a table of name, version, path or reason to stdout. Exit code 1 when one is missing.
 */
import { type Peer, peer } from './peer.ts';
import { PEER_NAMES, type PeerName, RECIPES } from './recipes.ts';

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !PEER_NAMES.includes(name as PeerName));
if (unknown.length > 0) {
  process.stderr.write(`unknown peer ${unknown.join(', ')}; known are ${PEER_NAMES.join(', ')}\n`);
  process.exit(2);
}

const names = asked.length > 0 ? (asked as PeerName[]) : PEER_NAMES;
const log = (line: string) => process.stderr.write(`${line}\n`);
const rows = [['name', 'version', 'path or reason']];
let missing = 0;
// One after the other: each Go build fills all cores by itself.
for (const name of names) {
  const result: Peer = await peer(name, { log });
  if ('missing' in result) missing++;
  rows.push([name, RECIPES[name].version, 'missing' in result ? `missing: ${result.missing}` : result.path]);
}

const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
for (const [name, version, last] of rows) {
  process.stdout.write(`${name!.padEnd(widths[0]!)}  ${version!.padEnd(widths[1]!)}  ${last}\n`);
}
process.exitCode = missing > 0 ? 1 : 0;
