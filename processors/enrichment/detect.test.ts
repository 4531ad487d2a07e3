import { expect, test } from 'vitest';
import { detected } from './detect.ts';

const id = '0123456789abcdef'.repeat(4);

test('a pod is told by the downward API, the service account and the mounts of its container', () => {
  const files: Record<string, string> = {
    '/proc/self/mountinfo': `1 2 0:1 /var/lib/containerd/containers/${id}/hostname /etc/hostname rw\n`,
    '/var/run/secrets/kubernetes.io/serviceaccount/namespace': 'shop\n',
  };
  const facts = detected({ POD_NAME: 'cart-1', NODE_NAME: 'n1' }, (path) => files[path]);
  expect(facts).toMatchObject({
    'k8s.pod.name': 'cart-1',
    'k8s.node.name': 'n1',
    'k8s.namespace.name': 'shop',
    'container.id': id,
    'host.name': expect.stringMatching(/./),
  });
});

test('the control group names the container where the mounts do not, and outside of both nothing is made up', () => {
  const cgroup = (path: string) => (path.endsWith('cgroup') ? `0::/system.slice/docker-${id}.scope` : undefined);
  expect(detected({}, cgroup)['container.id']).toBe(id);
  expect(Object.keys(detected({}, () => undefined)).sort()).toEqual(['host.arch', 'host.name', 'os.type']);
});
