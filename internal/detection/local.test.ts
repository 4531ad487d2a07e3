import { expect, test } from 'vitest';
import { detected, detecting } from './test/world.ts';

const env = (OTEL_RESOURCE_ATTRIBUTES: string) => detected('env', { env: { OTEL_RESOURCE_ATTRIBUTES } });

test.each<[string, Record<string, string>]>([
  ['a=b', { a: 'b' }],
  ['a=b,c=d', { a: 'b', c: 'd' }],
  [' a = b ,\tc=\n', { a: 'b', c: '' }],
  ['a=1,a=2', { a: '2' }],
  ['a=b=c', { a: 'b=c' }],
  ['a=%2C%3D+%20%C3%A9', { a: ',=  é' }],
  ['a=b,', { a: 'b' }],
  ['deployment.environment.name=prod,k8s/x=y', { 'deployment.environment.name': 'prod', 'k8s/x': 'y' }],
  ['  ', {}],
])('OTEL_RESOURCE_ATTRIBUTES %j', async (text, attributes) => {
  expect(await env(text)).toEqual(attributes);
});

test.each([
  ['a', 'expected key=value pairs, joined by commas, in ASCII, got "a"'],
  ['a=b,c', 'got "c"'],
  ['=b', 'got "=b"'],
  ['a=é', 'got "a=é"'],
  ['a=%zz', 'expected two hex digits behind each %, got "a=%zz"'],
  ['a=%2', 'expected two hex digits'],
  [`a=${'x'.repeat(257)}`, 'expected key=value pairs'],
  ['a'.repeat(100_000), 'expected key=value pairs'],
  ['='.repeat(20_000), 'expected key=value pairs'],
])('OTEL_RESOURCE_ATTRIBUTES %.20j is refused', async (text, message) => {
  await expect(env(text)).rejects.toThrow(message);
});

test('the older variable counts where the newer one is empty', async () => {
  const both = { OTEL_RESOURCE: 'a=old', OTEL_RESOURCE_ATTRIBUTES: ' ' };
  expect(await detected('env', { env: both })).toEqual({ a: 'old' });
});

const id = '0123456789abcdef'.repeat(4);

test('a container is told by its mounts, or else by its control group', async () => {
  const mounts = `1 2 0:1 /var/lib/containerd/containers/${id}/hostname /etc/hostname rw\n`;
  expect(await detected('container', { files: { '/proc/self/mountinfo': mounts } })).toEqual({ 'container.id': id });
  const group = { '/proc/self/mountinfo': 'x', '/proc/self/cgroup': `0::/system.slice/docker-${id}.scope` };
  expect(await detected('container', { files: group })).toEqual({ 'container.id': id });
  expect(await detected('container', {})).toEqual({});
});

test('a pod is told by the downward API and the service account', async () => {
  const files = { '/var/run/secrets/kubernetes.io/serviceaccount/namespace': 'shop\n' };
  expect(await detected('k8s', { env: { POD_NAME: 'cart-1', NODE_NAME: 'n1' }, files })).toEqual({
    'k8s.pod.name': 'cart-1',
    'k8s.node.name': 'n1',
    'k8s.namespace.name': 'shop',
  });
  expect((await detecting('k8s', {}).found).reason).toContain('K8S_POD_NAME');
});

test('the own process is named, but for its arguments unless they are asked for', async () => {
  const facts = await detected('process', {});
  expect(facts).toMatchObject({ 'process.pid': BigInt(process.pid), 'process.runtime.name': 'nodejs' });
  expect(Object.keys(facts).filter((name) => /command|parent/.test(name))).toEqual([]);
  const section = { resource_attributes: { 'process.command_args': { enabled: true } } };
  const { 'process.command_args': args } = await detected('process', {}, section);
  expect(args).toEqual([process.execPath, ...process.execArgv, ...process.argv.slice(1)]);
});
