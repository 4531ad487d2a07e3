import { expect, test } from 'vitest';
import type { Host } from '../../internal/core/component.ts';
import { Shared } from '../../internal/core/shared.ts';
import { surroundings, type World } from '../../internal/detection/test/world.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import { DetectSource } from './detect.ts';

const id = '0123456789abcdef'.repeat(4);
const host: Host = {
  extension: () => undefined,
  fatal() {},
  system: { statuses: () => [], onStatus: () => () => {} },
};

/** Names of the attributes that a source of this configuration has to write, in this world. */
async function facts(world: World, config: object = {}, around = host): Promise<string[]> {
  const { sources } = schema.parse({ sources: [{ name: 'place', type: 'detect', ...config }] });
  const source = new DetectSource(testSettings({ kind: 'processor' }), sources[0]!, surroundings(world));
  await source.start(around);
  const names = source.find().list.map(({ key }) => Buffer.from(key).toString());
  source.close();
  return names.sort();
}

const pod: World = {
  env: { POD_NAME: 'cart-1', NODE_NAME: 'n1', OTEL_RESOURCE_ATTRIBUTES: 'team=gold' },
  files: {
    '/proc/self/mountinfo': `1 2 0:1 /var/lib/containerd/containers/${id}/hostname /etc/hostname rw\n`,
    '/var/run/secrets/kubernetes.io/serviceaccount/namespace': 'shop\n',
  },
};
const machine = ['host.arch', 'host.name', 'os.type'];

test('by itself it tells the machine, the container and the pod', async () => {
  const inPod = ['container.id', 'k8s.namespace.name', 'k8s.node.name', 'k8s.pod.name'];
  expect(await facts(pod)).toEqual([...inPod, ...machine].sort());
  expect(await facts({})).toEqual(machine);
});

test('detectors that are named are asked, and only those', async () => {
  expect(await facts(pod, { detectors: ['env', 'container'] })).toEqual(['container.id', 'team']);
});

test('write says what is written, under which name', async () => {
  expect(await facts(pod, { detectors: ['env'], write: { team: 'owner', other: 'x' } })).toEqual(['owner']);
});

test('pipelines share one detection: the second sees what the first has found', async () => {
  const shared = new Shared();
  const config = { detectors: ['env'] };
  const never = () => Promise.reject(new Error('it is held already'));
  const held = await Promise.all([facts(pod, config, { ...host, shared }), facts({}, config, { ...host, shared })]);
  expect(held).toEqual([['team'], ['team']]);
  // Both have let go.
  await expect(shared.hold('enrichment test detect ["env"]', never)).rejects.toThrow('it is held already');
});
