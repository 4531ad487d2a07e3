import { readFileSync } from 'node:fs';
import { mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Host } from '../../internal/core/component.ts';
import { Shared } from '../../internal/core/shared.ts';
import { AnyValue } from '../../internal/otlp/view/value.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import type { Answer } from './facts.ts';
import { GeoipDatabase } from './geoip_database.ts';
import { GeoipSource } from './geoip_source.ts';
import factory from './index.ts';
import { example, examplePath } from './test/example.ts';
import { type Entry, type MmdbOptions, mmdb } from './test/mmdb.ts';

const { parse } = factory.schema as unknown as { parse(value: unknown): { sources: never[] } };
const system = { statuses: () => [], onStatus: () => () => {} };

const montreal = {
  city: { names: { en: 'Montreal', fr: 'Montréal' } },
  continent: { code: 'NA', names: { en: 'North America' } },
  country: { iso_code: 'CA', names: { en: 'Canada' } },
  location: { latitude: 45.5, longitude: -73, time_zone: 'America/Toronto' },
  postal: { code: 'H2X' },
  subdivisions: [{ iso_code: 'QC', names: { en: 'Quebec' } }],
};
const networks = {
  '203.0.113.0/24': montreal,
  '198.51.100.7/32': { country: { iso_code: 'DE' }, city: { names: { en: '' } } },
  '192.0.2.0/25': { autonomous_system_number: 64496, autonomous_system_organization: 'Example' },
  '2001:db8:1::/48': { country: { iso_code: 'JP' } },
};

/** The source over a file of these bytes. */
async function make(bytes: Uint8Array, config: object = {}, shared = new Shared()) {
  const folder = await mkdtemp(join(tmpdir(), 'geoip-'));
  const path = join(folder, 'places.mmdb');
  await writeFile(path, bytes);
  const settings = testSettings();
  const host: Host = { extension: () => undefined, fatal() {}, system, shared };
  const options = { name: 'geo', type: 'geoip', key: 'record.client.address', path, ...config };
  const source = new GeoipSource(settings, parse({ sources: [options] }).sources[0]!);
  onTestFinished(async () => {
    source.close();
    expect(settings.clock.timers).toBe(0);
    expect(settings.memory.apart).toBe(0);
    await rm(folder, { recursive: true });
  });
  await source.start(host);
  const next = async () => settings.clock.advance(5000);
  return { source, settings, path, host, next };
}

function plain(answer: Answer): unknown {
  if (typeof answer === 'string') return answer;
  const value = new AnyValue();
  return Object.fromEntries(
    answer.list.map((fact) => {
      const { bytes, valueFrom, valueTo } = fact.as(9);
      return [Buffer.from(fact.key).toString(), value.reset(bytes, valueFrom, valueTo).plain()];
    }),
  );
}

const widths: MmdbOptions[] = [24, 28, 32].flatMap((recordSize) =>
  [4, 6].map((ipVersion) => ({ recordSize, ipVersion }) as MmdbOptions),
);

test.each(widths)('the place of an address: %o', async (options) => {
  const { '2001:db8:1::/48': japan, ...v4 } = networks;
  const { source } = await make(mmdb(options.ipVersion === 6 ? networks : v4, options));
  const place = {
    'geo.locality.name': 'Montreal',
    'geo.postal_code': 'H2X',
    'geo.country_name': 'Canada',
    'geo.country.iso_code': 'CA',
    'geo.continent_name': 'North America',
    'geo.continent.code': 'NA',
    'geo.timezone': 'America/Toronto',
    'geo.location.lat': 45.5,
    'geo.location.lon': -73,
    'geo.region_name': 'Quebec',
    'geo.region.iso_code': 'CA-QC',
  };
  expect(plain(source.find('203.0.113.9'))).toEqual(place);
  for (const mapped of ['::ffff:203.0.113.9', '::FFFF:cb00:7109', '0:0:0:0:0:ffff:203.0.113.9']) {
    expect(plain(source.find(mapped)), mapped).toEqual(place);
  }
  expect(plain(source.find('198.51.100.7'))).toEqual({ 'geo.country.iso_code': 'DE' });
  expect(plain(source.find('192.0.2.1'))).toEqual({ 'as.number': 64496n, 'as.organization.name': 'Example' });
  const found = options.ipVersion === 6 ? { 'geo.country.iso_code': 'JP' } : 'miss';
  expect(plain(source.find('2001:db8:1::5%eth0'))).toEqual(found);
});

test('an address that the file does not know, a private one and what is no address are misses', async () => {
  const { source } = await make(mmdb(networks));
  const others = ['198.51.100.8', '192.0.2.200', '10.1.2.3', '127.0.0.1', '::1', 'fe80::1', '2001:db8:2::1', '::'];
  const none = ['', 'unknown', '203.0.113', '203.0.113.9:443', '203.0.113.256', '[2001:db8:1::5]', '1'.repeat(5000)];
  for (const key of [...others, ...none]) expect(source.find(key), key).toBe('miss');
});

test('write chooses by path what is written under which name', async () => {
  const write = { 'city.names.fr': 'town', 'subdivisions.0.iso_code': 'part', 'location.longitude': 'x', none: 'no' };
  const { source } = await make(mmdb(networks), { write });
  expect(plain(source.find('203.0.113.9'))).toEqual({ town: 'Montréal', part: 'QC', x: -73 });
  expect(source.find('198.51.100.7')).toBe('miss');
});

test('a new file is used as a whole, and what was remembered of the one before is forgotten', async () => {
  const { source, path, settings, next } = await make(mmdb(networks));
  expect(plain(source.find('198.51.100.7'))).toEqual({ 'geo.country.iso_code': 'DE' });
  await writeFile(`${path}.new`, mmdb({ '198.51.100.0/24': { country: { iso_code: 'FR' } } }));
  await rename(`${path}.new`, path);
  await expect
    .poll(async () => {
      await next();
      return plain(source.find('198.51.100.7'));
    })
    .toEqual({ 'geo.country.iso_code': 'FR' });
  expect(source.find('203.0.113.9')).toBe('miss');
  expect(settings.logger.warnings()).toEqual([]);
});

const good = mmdb(networks);
const metadataAt = good.lastIndexOf('MaxMind.com') - 3;
const cut: Record<string, [bytes: Buffer, trouble: string]> = {
  'an empty file': [Buffer.alloc(0), 'no MaxMind DB file'],
  garbage: [Buffer.alloc(5000, 'x'), 'no MaxMind DB file'],
  'a file without its end': [good.subarray(0, metadataAt), 'its end is missing'],
  'a file cut off within its metadata': [
    good.subarray(0, metadataAt + 40),
    'its metadata or its search tree are broken',
  ],
  'a file without its beginning': [good.subarray(good.length >> 1), 'its search tree'],
  'a file of two halves': [
    Buffer.concat([good.subarray(0, 3000), mmdb({ '0.0.0.0/1': { a: 1 } })]),
    'its search tree does not end where its metadata say',
  ],
  'a file of an unknown version': [mmdb(networks, { version: 3 }), 'expected version 2'],
};

test.each(Object.entries(cut))('%s stops the start, and later leaves the last good one in use', async (_name, it) => {
  const [bytes, trouble] = it;
  await expect(make(bytes)).rejects.toThrow(trouble);
  const { source, path, settings, next } = await make(good);
  await writeFile(path, bytes);
  await expect
    .poll(async () => {
      await next();
      return settings.logger.warnings();
    })
    .toEqual([expect.stringContaining(trouble)]);
  expect(settings.logger.warnings()[0]).toContain(`source geo: cannot use ${path}`);
  const labels = { processor: 'test', source: 'geo' };
  expect(settings.meter.value('sluice_enrichment_file_failures_total', labels)).toBe(1);
  expect(plain(source.find('198.51.100.7'))).toEqual({ 'geo.country.iso_code': 'DE' });
  expect(settings.meter.value('sluice_enrichment_file_bytes', labels)).toBe(good.length);
});

test('a file larger than max_file_bytes is not read', async () => {
  await expect(make(good, { max_file_bytes: good.length - 1 })).rejects.toThrow('max_file_bytes is');
  await make(good, { max_file_bytes: good.length });
});

test('while a file is copied over in pieces, the last whole one is in use', async () => {
  const { source, path, next } = await make(good);
  const renewed = mmdb({ ...networks, '198.51.100.7/32': { country: { iso_code: 'FR' } } });
  const file = await open(path, 'w');
  for (let at = 0; at < renewed.length; at += 100) {
    await next();
    expect(plain(source.find('198.51.100.7'))).toEqual({ 'geo.country.iso_code': 'DE' });
    await file.write(renewed, at, Math.min(100, renewed.length - at));
  }
  await file.close();
  await expect
    .poll(async () => {
      await next();
      return plain(source.find('198.51.100.7'));
    })
    .toEqual({ 'geo.country.iso_code': 'FR' });
});

test('whatever bytes of a file are wrong, it is refused, or an address is found, missed or refused', () => {
  const keys = ['203.0.113.9', '198.51.100.7', '192.0.2.1', '2001:db8:1::5', '8.8.8.8'];
  let random = 42;
  const next = () => (random = (random * 1_103_515_245 + 12_345) % 2 ** 31);
  const ended = { refused: 0, found: 0, missed: 0, broken: 0 };
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(good);
    for (let flips = 0; flips < 1 + (round % 50); flips++) bytes[next() % bytes.length] = next() >> 16;
    let database: GeoipDatabase;
    try {
      database = new GeoipDatabase(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
      ended.refused++;
      continue;
    }
    for (const key of keys) {
      try {
        if (database.find(key)) ended.found++;
        else ended.missed++;
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        ended.broken++;
      }
    }
  }
  expect(Math.min(...Object.values(ended)), JSON.stringify(ended)).toBeGreaterThan(20);
});

test('pointers that lead in circles end a lookup', async () => {
  const bytes = mmdb({ '0.0.0.0/1': { a: 'long enough', b: 'long enough' } }, { ipVersion: 4 });
  // The pointer to the text becomes one to the record itself.
  const at = bytes.indexOf(Buffer.from([0x20, 0x03]), bytes.indexOf('long enough'));
  bytes[at + 1] = 0;
  const { source, settings } = await make(bytes);
  expect(source.find('1.2.3.4')).toBe('failed');
  expect(settings.logger.lines[0]?.fields.reason).toContain('pointers');
});

test('a record of lists within lists is not written', async () => {
  let deep: Entry = 'x';
  for (let i = 0; i < 20; i++) deep = [deep];
  const bytes = mmdb({ '0.0.0.0/1': { deep, whole: { a: [1, 'x'] } } }, { ipVersion: 4 });
  const { source } = await make(bytes, { write: { whole: 'whole' } });
  expect(plain(source.find('1.2.3.4'))).toEqual({ whole: { pairs: [['a', [1n, 'x']]] } });
  const { source: other } = await make(bytes, { write: { deep: 'deep' } });
  expect(other.find('1.2.3.4')).toBe('failed');
});

test('answers are kept within the bounds of the cache', async () => {
  const { source, settings } = await make(mmdb({ '0.0.0.0/0': montreal }), { geoip: { cache_max_entries: 50 } });
  for (let i = 0; i < 1000; i++) source.find(`10.0.${i >> 8}.${i & 255}`);
  const labels = { processor: 'test', source: 'geo', pipeline: '' };
  expect(settings.meter.value('sluice_enrichment_cache_entries', labels)).toBe(50);
  const bytes = settings.meter.value('sluice_enrichment_cache_bytes', labels);
  const file = settings.meter.value('sluice_enrichment_file_bytes', { processor: 'test', source: 'geo' });
  expect(settings.memory.apart).toBe(bytes + file);
});

test('the example among the configurations is what the writer makes', () => {
  expect(readFileSync(examplePath).equals(example), 'run node processors/enrichment/test/example.ts').toBe(true);
});
