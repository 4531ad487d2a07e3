import { writeFileSync } from 'node:fs';
import { mmdb } from './mmdb.ts';

/** A database of the addresses that are there for examples (RFC 5737, RFC 3849), with places that are made up. */
export const example = mmdb(
  {
    '192.0.2.0/24': { country: { iso_code: 'DE', names: { en: 'Germany' } } },
    '198.51.100.0/24': { country: { iso_code: 'JP', names: { en: 'Japan' } } },
    '203.0.113.0/24': {
      country: { iso_code: 'CA', names: { en: 'Canada' } },
      city: { names: { en: 'Montreal' } },
      location: { latitude: 45.5, longitude: -73.6 },
    },
    '2001:db8::/32': { country: { iso_code: 'BR', names: { en: 'Brazil' } } },
  },
  { type: 'Example' },
);

export const examplePath = 'configs/geoip_example.mmdb';

if (import.meta.main) writeFileSync(examplePath, example);
