import { expect, test } from 'vitest';
import factory from './index.ts';
import { parseConfig } from './test/harness.ts';

function issues(config: unknown): string[] {
  const schema = factory.schema as unknown as {
    safeParse(config: unknown): { error?: { issues: { path: PropertyKey[]; message: string }[] } };
  };
  return (schema.safeParse(config).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('a protocol that is named without fields takes its defaults, one that is not named is off', () => {
  const { grpc, http } = parseConfig({ protocols: { grpc: null } }).protocols;
  expect(grpc).toMatchObject({ endpoint: 'localhost:4317', max_recv_msg_size_mib: 4, include_metadata: false });
  expect(grpc!.keepalive.server_parameters.max_connection_age).toBe(30 * 60_000);
  expect(http).toBeUndefined();
  expect(parseConfig({ protocols: { http: {} } }).protocols.http).toMatchObject({
    endpoint: 'localhost:4318',
    traces_url_path: '/v1/traces',
    compression_algorithms: ['', 'gzip', 'zstd', 'zlib', 'snappy', 'deflate'],
  });
});

test('what cannot work is told at its place', () => {
  expect(issues({})).toEqual(['protocols: expected grpc: or http: or both']);
  expect(issues({ protocols: {} })).toEqual(['protocols: expected grpc: or http: or both']);
  expect(issues({ protocols: { grpc: { endpoint: 'localhost' } } })).toEqual([
    'protocols.grpc.endpoint: expected host:port, :port or [ipv6]:port, got "localhost"',
  ]);
  expect(issues({ protocols: { http: { traces_url_path: 'v1/traces' } } })).toEqual([
    'protocols.http.traces_url_path: expected a path that starts with /',
  ]);
  expect(issues({ protocols: { http: { logs_url_path: '/v1/traces' } } })).toEqual([
    'protocols.http: expected a path for each signal, got /v1/traces, /v1/metrics, /v1/traces',
  ]);
  expect(issues({ protocols: { http: { compression_algorithms: ['lz4'] } } })[0]).toMatch(/compression_algorithms.0/);
  expect(issues({ protocols: { grpc: { endpont: 'x' } } })[0]).toMatch(/Unrecognized key/);
});
