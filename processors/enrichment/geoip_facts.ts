import type { Plain } from '../../internal/otlp/view/value.ts';
import { type FactMaker, type Facts, factsFrom, plainFact, valueAt, type Write } from './facts.ts';

/**
 * Where MaxMind's databases have what, and what it is called: by the semantic conventions where these have a name
 * (https://opentelemetry.io/docs/specs/semconv/registry/attributes/geo/), else by the Go collector's geoip processor.
 */
const names = {
  'city.names.en': 'geo.locality.name',
  'postal.code': 'geo.postal_code',
  'country.names.en': 'geo.country_name',
  'country.iso_code': 'geo.country.iso_code',
  'continent.names.en': 'geo.continent_name',
  'continent.code': 'geo.continent.code',
  'location.time_zone': 'geo.timezone',
  'location.latitude': 'geo.location.lat',
  'location.longitude': 'geo.location.lon',
  autonomous_system_number: 'as.number',
  autonomous_system_organization: 'as.organization.name',
};

/** Numbers that are no integers where they happen to be whole. */
const doubles = new Set(['location.latitude', 'location.longitude']);

/**
 * What there is to say of the place of an address.
 *
 * @param write path in the record to attribute name @throws Error where values nest too deep
 */
export function geoFacts(record: object, write: Write, maker?: FactMaker): Facts {
  const facts: [string, Plain][] = [];
  for (const [path, name] of Object.entries(write ?? names)) {
    const value = valueAt(record, path);
    if (value === undefined || value === null || value === '') continue;
    facts.push([name, typeof value === 'number' && doubles.has(path) ? value : plainFact(value)]);
  }
  return factsFrom(write ? facts : [...facts, ...regionFacts(record)], maker);
}

/** The smallest region is the last one. Its code as ISO 3166-2 has it, with the country before: MaxMind has the rest alone. */
function regionFacts(record: object): [string, Plain][] {
  const regions = valueAt(record, 'subdivisions');
  const region: unknown = Array.isArray(regions) ? regions.at(-1) : undefined;
  if (typeof region !== 'object' || region === null) return [];
  const facts: [string, Plain][] = [];
  const [name, code, country] = [
    valueAt(region, 'names.en'),
    valueAt(region, 'iso_code'),
    valueAt(record, 'country.iso_code'),
  ];
  if (typeof name === 'string' && name) facts.push(['geo.region_name', name]);
  if (typeof code === 'string' && typeof country === 'string')
    facts.push(['geo.region.iso_code', `${country}-${code}`]);
  return facts;
}
