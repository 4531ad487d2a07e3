import { expect, test } from 'vitest';
import { bodyPool } from '../items/body.ts';
import { eachField, eachRecord } from '../items/walk.ts';
import { catalogue, manyServices } from './processing.ts';

interface Service {
  readonly name: string;
  readonly spans: number;
}

/** ResourceSpans by ResourceSpans: resource (1), its attributes (1), of each the key (1) and the value (2), a string (1). */
function servicesOf(request: Uint8Array): Service[] {
  const bytes = Buffer.from(request);
  const services: Service[] = [];
  const texts = (start: number, end: number, field: number) => {
    const found: string[] = [];
    eachField(bytes, start, end, field, (from, to) => found.push(bytes.toString('utf8', from, to)));
    return found;
  };
  eachField(bytes, 0, bytes.length, 1, (start, end) => {
    const names: string[] = [];
    eachField(bytes, start, end, 1, (resource, resourceEnd) => {
      eachField(bytes, resource, resourceEnd, 1, (attribute, attributeEnd) => {
        if (texts(attribute, attributeEnd, 1)[0] !== 'service.name') return;
        eachField(bytes, attribute, attributeEnd, 2, (from, to) => names.push(...texts(from, to, 1)));
      });
    });
    let spans = 0;
    eachField(bytes, start, end, 2, (from, to) => eachField(bytes, from, to, 2, () => spans++));
    expect(names).toHaveLength(1);
    services.push({ name: names[0]!, spans });
  });
  return services;
}

const pool = bodyPool(manyServices, manyServices.connections * manyServices.streams);

test('each request of enrichment-512 holds 512 spans of 10 different services, 51 or 52 of each', () => {
  for (const { bytes } of pool) {
    const services = servicesOf(bytes);
    expect(services).toHaveLength(10);
    expect(new Set(services.map(({ name }) => name)).size).toBe(10);
    for (const { spans } of services) expect([51, 52]).toContain(spans);
    let records = 0;
    eachRecord('traces', bytes, () => records++);
    expect(records).toBe(512);
  }
});

test('the catalogue of enrichment-512 has 10,000 entries, and each service of its load', () => {
  const [header, ...rows] = catalogue().split('\n');
  expect(header).toBe('key,service.owner.name,service.tier');
  const known = new Set(rows.map((row) => row.split(',')[0]));
  expect(known.size).toBe(10_000);
  expect(rows).toHaveLength(10_000);
  const asked = new Set(pool.flatMap(({ bytes }) => servicesOf(bytes).map(({ name }) => name)));
  for (const name of asked) expect(known).toContain(name);
  // Other services in each request: a load that keeps asking for the same ten would not use a catalogue of this size.
  expect(asked.size).toBeGreaterThan(100);
});
