import { readFile } from 'node:fs/promises';
import { afterAll, expect, test as skippable } from 'vitest';
import { makeCertificates } from '../testkit/certs.ts';
import { apiServer, ec2, ec2Api } from './test/clouds.ts';
import { type Answer, flood, garbage } from './test/service.ts';
import { detected, detecting, servers, type World } from './test/world.ts';

const serving = servers();
const folder = '/var/run/secrets/kubernetes.io/serviceaccount';
const made = await makeCertificates();
const test = skippable.skipIf(!made);
const text = (path = '') => (made ? readFile(path, 'utf8') : '');
const pems = { ca: await text(made?.ca), cert: await text(made?.server.cert), key: await text(made?.server.key) };
afterAll(() => made?.remove());

/** A pod whose API server answers so. */
async function pod(over?: Readonly<Record<string, Answer>>, env: Record<string, string> = {}): Promise<World> {
  const { port } = await serving(apiServer('TOKEN', over), pems);
  return {
    env: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: `${port}`, K8S_NODE_NAME: 'node-1', ...env },
    files: { [`${folder}/token`]: 'TOKEN\n', [`${folder}/ca.crt`]: pems.ca },
  };
}

const node = { 'k8s.node.name': 'node-1', 'k8s.node.uid': '4b15c589-1a33-42cc-927a-b78ba9947095' };
const cluster = { 'k8s.cluster.uid': 'a7b3c1d2-e4f5-6789-abcd-ef0123456789' };

test.each(['k8s_api', 'k8snode'])('%s: the node and the cluster, by the service account', async (name) => {
  expect(await detected(name, await pod())).toEqual({ ...node, ...cluster });
});

test('the variable that names the node may be another one', async () => {
  const world = await pod({}, { K8S_NODE_NAME: '', MY_NODE: 'node-1' });
  expect(await detected('k8s_api', world, { node_from_env_var: 'MY_NODE' })).toEqual({ ...node, ...cluster });
  await expect(detecting('k8s_api', world).found).rejects.toThrow('K8S_NODE_NAME is not set: hand the node');
});

test('only what is switched on is asked for', async () => {
  const world = await pod({ '/api/v1/namespaces/kube-system': 500 });
  expect(await detected('k8s_api', world, { resource_attributes: { 'k8s.cluster.uid': { enabled: false } } })).toEqual(
    node,
  );
});

test('without the right to see kube-system the node is known all the same; without that to see nodes it is said', async () => {
  const blind = detecting('k8s_api', await pod({ '/api/v1/namespaces/kube-system': 403 }));
  expect(Object.fromEntries((await blind.found).attributes)).toEqual(node);
  expect(blind.logger.warnings().join()).toContain('Allow the service account to get the namespace kube-system');
  const nodes = detecting('k8s_api', await pod({ '/api/v1/nodes/node-1': 403 }));
  await expect(nodes.found).rejects.toThrow('allow the service account to get nodes');
});

test.each<[string, Answer, string]>([
  ['garbage', garbage, 'no JSON object'],
  ['a flood', flood, 'more than 1048576 bytes'],
  ['404', 404, 'was answered 404'],
])('%s in place of the node is a failure', async (_, answer, message) => {
  await expect(detecting('k8s_api', await pod({ '/api/v1/nodes/node-1': answer })).found).rejects.toThrow(message);
});

test('a server with a certificate of somebody else is not given the token', async () => {
  const world = await pod();
  const { files, ...rest } = world;
  const strange = { ...rest, files: { [`${folder}/token`]: 'TOKEN' } };
  await expect(detecting('k8s_api', strange).found).rejects.toThrow(/certificate/);
  // That is what auth_type: none is for, which has no token either.
  await expect(detecting('k8s_api', world, { auth_type: 'none' }).found).rejects.toThrow('allow the service account');
});

test('outside of a cluster, and in a pod without a token, it is said what is missing', async () => {
  const env = { K8S_NODE_NAME: 'n' };
  await expect(detecting('k8s_api', { env }).found).rejects.toThrow('works in a pod only');
  const { env: inPod } = await pod();
  await expect(detecting('k8s_api', { env: inPod! }).found).rejects.toThrow('automountServiceAccountToken');
});

const eks = { 'cloud.provider': 'aws', 'cloud.platform': 'aws_eks' };

test('EKS is known by the files of its roles, its issuer or its version', async () => {
  const elsewhere = { '/.well-known/openid-configuration': { issuer: 'https://kubernetes.default.svc' } };
  const of = async (...given: Parameters<typeof pod>) => detected('eks', await pod(...given));
  expect(await detected('eks', {})).toEqual({});
  expect(await of()).toEqual(eks);
  expect(await of(elsewhere)).toEqual({});
  expect(await of({ ...elsewhere, '/version': { gitVersion: 'v1.29.1-eks-508b6b3' } })).toEqual(eks);
  expect(await of({ '/.well-known/openid-configuration': 403, '/version': { gitVersion: 'v1-eks-1' } })).toEqual(eks);
  const role = { AWS_WEB_IDENTITY_TOKEN_FILE: '/var/run/secrets/eks.amazonaws.com/serviceaccount/token' };
  expect(await of(elsewhere, role)).toEqual(eks);
});

const machine = ['cloud.region', 'cloud.availability_zone', 'cloud.account.id', 'host.id', 'host.type', 'host.name'];
const enabled = (...names: string[]) => ({
  resource_attributes: Object.fromEntries(names.map((name) => [name, { enabled: true }])),
});
const wanted = enabled(...machine);
const named = enabled('k8s.cluster.name', 'cloud.account.id', 'host.image.id');

test('the machine of EKS is known by the metadata service, or by the node where pods cannot reach that', async () => {
  const { url } = await serving(ec2);
  expect(await detected('eks', { ...(await pod()), linkLocal: url }, wanted)).toEqual({
    ...eks,
    'cloud.region': 'us-west-2',
    'cloud.availability_zone': 'us-west-2b',
    'cloud.account.id': '123456789012',
    'host.id': 'i-1234567890abcdef0',
    'host.type': 't2.micro',
    'host.name': 'ip-10-158-112-84.us-west-2.compute.internal',
  });
  const far = await pod();
  const nodeOnly = enabled(...machine.filter((name) => name !== 'cloud.account.id'));
  expect(await detected('eks', far, { ...nodeOnly, node_from_env_var: 'K8S_NODE_NAME' })).toEqual({
    ...eks,
    'cloud.region': 'us-west-2',
    'cloud.availability_zone': 'us-west-2a',
    'host.id': 'i-049ca2df511bec762',
    'host.type': 'm5.large',
    'host.name': 'node-1',
  });
  await expect(detecting('eks', far, wanted).found).rejects.toThrow('set node_from_env_var');
});

test('the name of an EKS cluster is in the tags of its machines, by the EC2 API', async () => {
  const { url } = await serving(ec2);
  const keys = {
    AWS_ACCESS_KEY_ID: 'AKID',
    AWS_SECRET_ACCESS_KEY: 's',
    AWS_ENDPOINT_URL_EC2: (await serving(ec2Api('AKID'))).url,
  };
  const near = { 'k8s.cluster.name': 'prod', 'cloud.account.id': '123456789012', 'host.image.id': 'ami-5fb8c835' };
  expect(await detected('eks', { ...(await pod({}, keys)), linkLocal: url }, named)).toEqual({ ...eks, ...near });
  const far = { 'k8s.cluster.name': 'prod', 'cloud.account.id': '111122223333', 'host.image.id': 'ami-1' };
  const section = { ...named, node_from_env_var: 'K8S_NODE_NAME' };
  expect(await detected('eks', await pod({}, keys), section)).toEqual({ ...eks, ...far });
  const refused = await pod({}, { ...keys, AWS_ACCESS_KEY_ID: 'other' });
  await expect(detecting('eks', refused, section).found).rejects.toThrow(
    'ec2:DescribeInstances was refused (AuthFailure)',
  );
});
