import type { NetworkInterfaceInfo } from 'node:os';
import { expect, test } from 'vitest';
import { nameInHosts } from './hostname.ts';
import { system } from './system.ts';
import { detected, detecting, type World } from './test/world.ts';

const all = {
  hostname_sources: ['os'],
  resource_attributes: Object.fromEntries(Object.keys(system.attributes).map((name) => [name, { enabled: true }])),
};

const address = (text: string, over: Partial<NetworkInterfaceInfo> = {}) =>
  ({ address: text, family: 'IPv4', internal: false, mac: '02:42:ac:11:00:02', ...over }) as NetworkInterfaceInfo;

const machine: World = {
  os: {
    arch: () => 'x64',
    type: () => 'Linux',
    release: () => '6.1.0-9',
    version: () => '#1 SMP',
    machine: () => 'x86_64',
    networkInterfaces: () => ({
      lo: [address('127.0.0.1', { internal: true, mac: '00:00:00:00:00:00' })],
      eth0: [address('172.17.0.2'), address('fe80::42', { family: 'IPv6', scopeid: 2 } as object)],
      tun0: [address('10.8.0.1', { mac: '00:00:00:00:00:00' })],
    }),
  },
  files: {
    '/etc/machine-id': '3d1219c7c4c5404aaa1f6d2a48adfda4\n',
    '/etc/debian_version': '12.11\n',
    '/etc/os-release':
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION=\'12 (bookworm)\'\nID=debian\n',
    '/proc/net/dev': 'Inter-|   Receive\n face |bytes\n    lo:  1 2\n  eth0: 3 4\n  tun0: 0 0\n',
    '/proc/cpuinfo':
      'processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 167\nmodel name\t: Intel(R) Xeon(R) Processor\nstepping\t: 8\ncache size\t: 107520 KB\n\nprocessor\t: 1\nmodel\t: 999\n',
  },
};

test('all that is known of a machine', async () => {
  expect(await detected('system', machine, all)).toEqual({
    'host.name': 'box',
    'host.arch': 'amd64',
    'host.id': '3d1219c7c4c5404aaa1f6d2a48adfda4',
    'host.ip': ['172.17.0.2', 'fe80::42', '10.8.0.1'],
    'host.mac': ['02-42-AC-11-00-02'],
    'host.interface': ['lo', 'eth0', 'tun0'],
    'host.cpu.vendor.id': 'GenuineIntel',
    'host.cpu.family': '6',
    'host.cpu.model.id': '167',
    'host.cpu.model.name': 'Intel(R) Xeon(R) Processor',
    'host.cpu.stepping': '8',
    'host.cpu.cache.l2.size': 107520n,
    'os.type': 'linux',
    'os.name': 'debian',
    'os.version': '12.11',
    'os.build.id': '6.1.0-9',
    'os.description': 'Debian GNU/Linux 12 (bookworm) (Linux box 6.1.0-9 #1 SMP x86_64)',
  });
});

test('a name and the kind of system are set unless more is asked for', async () => {
  expect(await detected('system', machine)).toEqual({ 'host.name': 'box', 'os.type': 'linux' });
});

test('a machine without files says less, and that it has no id', async () => {
  const { found, logger } = detecting('system', {}, all);
  expect([...(await found).attributes.keys()]).not.toContain('host.id');
  expect(logger.warnings().join()).toContain('none of /etc/machine-id');
});

test.each<[Record<string, string>, string, string]>([
  [{ debian_version: 'bookworm/sid', 'lsb-release': 'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=24.04\n' }, 'ubuntu', '24.04'],
  [{ 'redhat-release': 'Red Hat Enterprise Linux release 9.4 (Plow)\n' }, 'redhat', '9.4'],
  [{ 'redhat-release': 'Rocky Linux release 9.3 (Blue Onyx)' }, 'rocky', '9.3'],
  [
    { 'system-release': 'Amazon Linux release 2023.4 (Amazon Linux)', 'os-release': 'ID="amzn"\nVERSION_ID="2023"' },
    'amazon',
    '2023.4',
  ],
  [{ 'os-release': 'ID="amzn"\nVERSION_ID="2"' }, 'amazon', '2'],
  [{ 'alpine-release': '3.20.1\n', 'os-release': 'ID=alpine' }, 'alpine', '3.20.1'],
  [{ 'os-release': 'ID=wolfi\nVERSION_ID="20230201"' }, 'wolfi', '20230201'],
])('the distribution of %j', async (files, name, version) => {
  const world = { files: Object.fromEntries(Object.entries(files).map(([file, text]) => [`/etc/${file}`, text])) };
  expect(await detected('system', world, all)).toMatchObject({ 'os.name': name, 'os.version': version });
});

test.each<[string, Partial<NonNullable<World['os']>>, object]>([
  [
    'Windows',
    { platform: () => 'win32', version: () => 'Windows Server 2022', release: () => '10.0.20348' },
    { 'os.type': 'windows', 'os.version': '10.0.20348' },
  ],
  [
    'macOS',
    { platform: () => 'darwin', arch: () => 'arm64' },
    { 'os.type': 'darwin', 'os.version': '14.5', 'os.build.id': '23F79', 'host.arch': 'arm64' },
  ],
  ['Solaris', { platform: () => 'sunos' }, { 'os.type': 'solaris' }],
])('%s', async (_, os, facts) => {
  const plist = '<key>ProductBuildVersion</key>\n<string>23F79</string><key>ProductVersion</key><string>14.5</string>';
  const files = { '/System/Library/CoreServices/SystemVersion.plist': plist };
  expect(await detected('system', { os, files }, all)).toMatchObject(facts);
});

const name = async (world: World, ...hostname_sources: string[]) =>
  (await detected('system', world, { hostname_sources }))['host.name'];

test('the full name is looked for in the hosts file, then in DNS, and the system’s own is what is left', async () => {
  const hosts = '127.0.0.1 localhost # box\n10.0.0.7\tbox.example.com  box\n';
  expect(await name({ files: { '/etc/hosts': hosts } })).toBe('box.example.com');
  const exists = async (host: string) =>
    host === 'box.corp.example.com' ? ['10.0.0.7'] : Promise.reject(new Error('no'));
  const alias = async (host: string) => (host === 'box.corp.example.com' ? 'real.example.com.' : undefined);
  const files = { '/etc/resolv.conf': 'nameserver 10.0.0.1\nsearch other.example.com corp.example.com\n' };
  expect(await name({ files, names: { exists } })).toBe('box.corp.example.com');
  expect(await name({ files, names: { exists, alias } }, 'cname')).toBe('real.example.com');
  const names = { addresses: async () => ['10.0.0.7'], nameOf: async () => 'reverse.example.com.' };
  expect(await name({ names })).toBe('reverse.example.com');
  expect(await name({ names }, 'lookup')).toBe('reverse.example.com');
  expect(await name({})).toBe('box');
});

test('aliases in a circle end', async () => {
  const names = { exists: async () => [], alias: async (host: string) => (host === 'a' ? 'b' : 'a') };
  expect(await name({ names }, 'cname')).toMatch(/^[ab]$/);
});

test('a dead name server costs a moment, and the next source counts', async () => {
  const names = { exists: () => new Promise(() => {}) };
  const { found, clock } = detecting('system', { names });
  await clock.advance(1500);
  expect((await found).attributes.get('host.name')).toBe('box');
  expect(clock.timers).toBe(0);
});

test('where no source has a name, it is said which were asked', async () => {
  const { found } = detecting('system', {}, { hostname_sources: ['cname', 'lookup'] });
  await expect(found).rejects.toThrow(
    'no source has a name of this host (cname: DNS knows none of box; lookup: ENOTFOUND): add os',
  );
});

test.each([
  ['10.0.0.7 a.b box', 'a.b'],
  ['10.0.0.7 box', 'box'],
  ['box other', undefined],
  ['# 10.0.0.7 a.b box', undefined],
  ['', undefined],
])('the hosts file %j', (text, want) => {
  expect(nameInHosts(text, 'box')).toBe(want);
});
