import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { pythonWith } from '../../bench/peers/python.ts';
import { GeoipDatabase } from './geoip_database.ts';
import { type Entry, type MmdbOptions, mmdb } from './test/mmdb.ts';

/** Prints what MaxMind's own reader finds, a line for each address. */
const script = `
import json, sys, maxminddb
reader = maxminddb.open_database(sys.argv[1], maxminddb.MODE_MEMORY)
version = reader.metadata().ip_version
for address in json.load(sys.stdin):
    print(json.dumps(None if ':' in address and version == 4 else reader.get(address)))
`;

const variants: MmdbOptions[] = [24, 28, 32].flatMap((recordSize) =>
  [4, 6].map((ipVersion) => ({ recordSize, ipVersion }) as MmdbOptions),
);

test.for(variants)('MaxMind’s reader for Python finds the same for 3000 addresses: %o', async (options, context) => {
  const python = await pythonWith('maxminddb', '3.2.0');
  if ('missing' in python) return context.skip(python.missing);
  const folder = mkdtempSync(join(tmpdir(), 'geoip-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'places.mmdb');
  const bytes = mmdb(networks(options.ipVersion === 6), options);
  writeFileSync(path, bytes);
  const database = new GeoipDatabase(bytes);
  const asked = addresses();
  const child = promisify(execFile)(python.path, ['-c', script, path], { maxBuffer: 64 << 20 });
  child.child.stdin!.end(JSON.stringify(asked));
  const lines = (await child).stdout.trim().split('\n');
  expect(lines.length).toBe(asked.length);
  const found = asked.map((address) => database.find(address) ?? null);
  expect(found).toEqual(lines.map((line) => JSON.parse(line)));
  expect(found.filter((one) => one !== null).length).toBeGreaterThan(500);
});

/** Networks of all sizes, with records that share texts and maps. */
function networks(v6: boolean): Record<string, Entry> {
  const all: Record<string, Entry> = {};
  for (let i = 0; i < 400; i++) {
    const country = { iso_code: `C${i % 7}`, names: { en: `Country ${i % 7}`, fr: 'é'.repeat(i % 40) } };
    const record = { country, location: { latitude: i + 0.5, accuracy_radius: i }, list: [i, 'x', i % 2 === 0] };
    const size = 16 + (i % 17);
    all[`${1 + (i % 200)}.${i >> 2}.0.0/${size}`] = record;
    if (v6) all[`2001:${(0x100 + i).toString(16)}::/${32 + (i % 97)}`] = record;
  }
  return all;
}

function addresses(): string[] {
  const all: string[] = [];
  for (let i = 0; i < 1000; i++) {
    all.push(`${1 + (i % 200)}.${(i * 7) % 128}.0.${i % 256}`, `${1 + (i % 200)}.${(i % 400) >> 2}.0.0`);
    all.push(`2001:${(0x100 + (i % 500)).toString(16)}::${i % 2 ? '' : (i * 31).toString(16)}`);
  }
  return all;
}
