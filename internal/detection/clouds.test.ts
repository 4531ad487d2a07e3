import { expect, test } from 'vitest';
import { azure, computeApi, docker, ec2, gcp, gke } from './test/clouds.ts';
import { type Answer, flood, garbage, redirect } from './test/service.ts';
import { detected, detecting, servers } from './test/world.ts';

const serving = servers();

const gce = {
  'cloud.provider': 'gcp',
  'cloud.account.id': 'my-project',
  'cloud.platform': 'gcp_compute_engine',
  'cloud.availability_zone': 'us-central1-c',
  'cloud.region': 'us-central1',
  'host.type': 'projects/233510669999/machineTypes/n1-standard-1',
  'host.id': '1472385723456792345',
  'host.name': 'my-instance',
  'gcp.gce.instance_group_manager.name': 'my-group',
  'gcp.gce.instance_group_manager.zone': 'us-central1-c',
};

test('a machine of Google Cloud, whose server wants a header and puts one on its answers', async () => {
  const { url, port } = await serving(gcp());
  expect(await detected('gcp', { linkLocal: url })).toEqual(gce);
  expect(await detected('gcp', { env: { GCE_METADATA_HOST: `127.0.0.1:${port}` } })).toEqual(gce);
});

test('labels that fit, by the Compute API; without the right to see them the machine is known all the same', async () => {
  const world = { linkLocal: (await serving(gcp())).url, googleCompute: (await serving(computeApi)).url };
  const labels = { 'gcp.gce.instance.labels.team': 'shop', 'gcp.gce.instance.labels.team-lead': 'ann' };
  expect(await detected('gcp', world, { labels: ['^team', 'odd'] })).toEqual({ ...gce, ...labels });
  const refused = { ...world, googleCompute: (await serving(() => 403)).url };
  const { found, logger } = detecting('gcp', refused, { labels: ['.'] });
  expect((await found).attributes.get('host.name')).toBe('my-instance');
  expect(logger.warnings().join()).toContain('compute.instances.get');
});

test('a node of Kubernetes Engine, in a zone or a region; elsewhere in Kubernetes it is a machine', async () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
  const cluster = {
    'cloud.provider': 'gcp',
    'cloud.account.id': 'my-project',
    'cloud.platform': 'gcp_kubernetes_engine',
    'k8s.cluster.name': 'my-cluster',
    'host.id': '1472385723456792345',
    'host.name': 'my-instance',
  };
  const at = async (location: string) => detected('gcp', { env, linkLocal: (await serving(gke(location))).url });
  expect(await at('us-central1-c')).toEqual({ ...cluster, 'cloud.availability_zone': 'us-central1-c' });
  expect(await at('us-central1')).toEqual({ ...cluster, 'cloud.region': 'us-central1' });
  expect(await detected('gcp', { env, linkLocal: (await serving(gcp())).url })).toEqual(gce);
});

test.each<[string, Answer]>([
  ['nobody', undefined],
  ['another page', 'my-project'],
  ['a portal', redirect('http://127.0.0.1:9')],
])('outside of Google Cloud nothing is set: %s answers', async (_, answer) => {
  const { url } = await serving(() => answer);
  const { attributes, reason } = await detecting('gcp', { linkLocal: url }).found;
  expect([attributes.size, typeof reason]).toEqual([0, 'string']);
});

test('a metadata server that is named in the environment has to answer', async () => {
  const env = { GCE_METADATA_HOST: '127.0.0.1:9' };
  await expect(detecting('gcp', { env }).found).rejects.toThrow('ECONNREFUSED');
});

test('what Google’s server does not say as it should is a failure', async () => {
  const { url } = await serving((request, path) => (path.endsWith('instance/zone') ? 500 : gcp()(request, path)));
  await expect(detecting('gcp', { linkLocal: url }).found).rejects.toThrow('/instance/zone was answered 500');
  const broken = await serving(() => flood);
  await expect(detecting('gcp', { linkLocal: broken.url }).found).rejects.toThrow('more than 1048576 bytes');
});

const vm = {
  'cloud.provider': 'azure',
  'cloud.platform': 'azure.vm',
  'cloud.region': 'westus',
  'cloud.account.id': 'xxxxx-xxxxx-xxx-xxx-xxxx',
  'host.name': 'examplevmhostname',
  'host.id': '02aab8a4-74ef-476e-8182-f6d2ba4166a6',
  'azure.vm.name': 'examplevmname',
  'azure.vm.size': 'Standard_A3',
  'azure.vm.scaleset.name': 'crpteste9vflji9',
  'azure.resourcegroup.name': 'MC_aks_cluster_westus',
};

test('a machine of Azure, with the tags that fit', async () => {
  const { url } = await serving(azure);
  expect(await detected('azure', { linkLocal: url })).toEqual(vm);
  const section = { tags: ['^f'], resource_attributes: { 'cloud.availability_zone': { enabled: true } } };
  const more = { 'cloud.availability_zone': '1', 'azure.tag.foo': 'bar' };
  expect(await detected('azure', { linkLocal: url }, section)).toEqual({ ...vm, ...more });
});

test('a cluster of Azure is one in Kubernetes only, and has its name in its resource group', async () => {
  const { url: linkLocal } = await serving(azure);
  const section = { resource_attributes: { 'k8s.cluster.name': { enabled: true } } };
  const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
  const cluster = { 'cloud.provider': 'azure', 'cloud.platform': 'azure.aks' };
  expect(await detected('aks', { linkLocal })).toEqual({});
  expect(await detected('aks', { linkLocal, env })).toEqual(cluster);
  expect(await detected('aks', { linkLocal, env }, section)).toEqual({ ...cluster, 'k8s.cluster.name': 'cluster' });
});

test('on another cloud, whose service has the same address, nothing is said of Azure', async () => {
  for (const other of [ec2, gcp()]) {
    const { url: linkLocal } = await serving(other);
    expect(await detected('azure', { linkLocal })).toEqual({});
  }
  expect(await detected('gcp', { linkLocal: (await serving(azure)).url })).toEqual({});
  expect(await detected('ec2', { linkLocal: (await serving(azure)).url })).toEqual({});
});

test.each<[string, Answer, string]>([
  ['garbage', garbage, 'no JSON object'],
  ['a flood', flood, 'more than 1048576 bytes'],
  ['an error', 503, 'was answered 503'],
])('%s from Azure is a failure', async (_, answer, message) => {
  const { url } = await serving(() => answer);
  await expect(detecting('azure', { linkLocal: url }).found).rejects.toThrow(message);
});

test('Docker by TCP, and its container only where it is asked for', async () => {
  const { port, asked } = await serving(docker('box'));
  const env = { DOCKER_HOST: `tcp://127.0.0.1:${port}` };
  const machine = { 'host.name': 'docker-host', 'os.type': 'linux' };
  expect(await detected('docker', { env })).toEqual(machine);
  expect(asked).toEqual(['GET /info']);
  const section = { resource_attributes: { 'container.name': { enabled: true } } };
  expect(await detected('docker', { env }, section)).toEqual({ ...machine, 'container.name': '/sluice' });
});

test('where Docker cannot be asked, it is said how it could be', async () => {
  const at = (DOCKER_HOST: string) => detecting('docker', { env: { DOCKER_HOST } }).found;
  await expect(at('unix:///nowhere/docker.sock')).rejects.toThrow('give the collector Docker');
  await expect(at('ssh://box')).rejects.toThrow('expected unix:///path or tcp://host:port, got "ssh://box"');
});
