import { expect, test } from 'vitest';
import { formatAddress, parseAddress, type Transport } from './address.ts';

function check(endpoint: string, want: unknown, transport?: Transport) {
  expect(parseAddress(endpoint, transport)).toEqual(want);
}

test('host and port are read in every spelling of the Go collector', () => {
  check('10.0.0.1:4317', { kind: 'tcp', host: '10.0.0.1', port: 4317 });
  check('0.0.0.0:4317', { kind: 'tcp', host: '0.0.0.0', port: 4317 });
  check(':4317', { kind: 'tcp', host: undefined, port: 4317 });
  check('[::1]:4317', { kind: 'tcp', host: '::1', port: 4317 });
  check('collector.internal:0', { kind: 'tcp', host: 'collector.internal', port: 0 });
});

test('localhost is the IPv4 loopback, unless IPv6 is asked for', () => {
  check('localhost:4317', { kind: 'tcp', host: '127.0.0.1', port: 4317 });
  check('localhost:4317', { kind: 'tcp', host: '::1', port: 4317 }, 'tcp6');
});

test('a unix socket is named by scheme or by transport', () => {
  check('unix:///run/otlp.sock', { kind: 'unix', path: '/run/otlp.sock' });
  check('unix:otlp.sock', { kind: 'unix', path: 'otlp.sock' });
  check('/run/otlp.sock', { kind: 'unix', path: '/run/otlp.sock' }, 'unix');
});

test('what is no address is told in words', () => {
  check('localhost', expect.stringContaining('expected host:port'));
  check('http://localhost:4318', expect.stringContaining('leave the scheme out'));
  check('localhost:70000', expect.stringContaining('0 to 65535'));
  check('::1:4317', expect.stringContaining('[ipv6]:port'));
  check('unix://', expect.stringContaining('unix:///run'));
  check(`unix:///${'a'.repeat(120)}`, expect.stringContaining('at most 103 bytes'));
});

test('an address is printed as it is written', () => {
  expect(formatAddress({ kind: 'tcp', host: '::1', port: 1 })).toBe('[::1]:1');
  expect(formatAddress({ kind: 'tcp', host: undefined, port: 1 })).toBe('[::]:1');
  expect(formatAddress({ kind: 'unix', path: '/run/x' })).toBe('unix:///run/x');
});
