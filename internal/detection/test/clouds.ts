import type { IncomingMessage } from 'node:http';
import type { Answer } from './service.ts';

/** Metadata services as they answer, by their documentation. */

const identity = {
  accountId: '123456789012',
  architecture: 'x86_64',
  availabilityZone: 'us-west-2b',
  billingProducts: null,
  imageId: 'ami-5fb8c835',
  instanceId: 'i-1234567890abcdef0',
  instanceType: 't2.micro',
  pendingTime: '2016-11-19T16:32:11Z',
  privateIp: '10.158.112.84',
  region: 'us-west-2',
  version: '2017-09-30',
};

const instance: Readonly<Record<string, Answer>> = {
  '/latest/meta-data/instance-id': identity.instanceId,
  '/latest/meta-data/hostname': 'ip-10-158-112-84.us-west-2.compute.internal',
  '/latest/meta-data/tags/instance': 'Name\nteam:owner\nother',
  '/latest/meta-data/tags/instance/Name': 'web 1',
  '/latest/meta-data/tags/instance/team:owner': 'gold',
  '/latest/meta-data/tags/instance/other': 'no',
  '/latest/dynamic/instance-identity/document': identity,
  '/latest/meta-data/iam/security-credentials/': 'my-role',
  '/latest/meta-data/iam/security-credentials/my-role': {
    Code: 'Success',
    LastUpdated: '2024-01-01T00:00:00Z',
    Type: 'AWS-HMAC',
    AccessKeyId: 'AKIDROLE',
    SecretAccessKey: 'secret',
    Token: 'session',
    Expiration: '2099-01-01T00:00:00Z',
  },
};

/** EC2: tokens by PUT, and nothing without one. */
export function ec2(request: IncomingMessage, path: string): Answer {
  if (path === '/latest/api/token') {
    if (request.method !== 'PUT') return 405;
    const ttl = request.headers['x-aws-ec2-metadata-token-ttl-seconds'];
    if (!ttl) return 400;
    return (_request, response) => response.setHeader('x-aws-ec2-metadata-token-ttl-seconds', ttl).end('TOKEN==');
  }
  if (request.headers['x-aws-ec2-metadata-token'] !== 'TOKEN==') return 401;
  return instance[decodeURIComponent(path)];
}

/** The same from before there were tokens. */
export function ec2WithoutTokens(request: IncomingMessage, path: string): Answer {
  return request.method === 'GET' ? instance[path] : 405;
}

const item = (key: string, value: string) => `<item><key>${key}</key><value>${value}</value></item>`;
const describedTags = ['Name', 'other'].map((key) => {
  return `<item><resourceId>i-1</resourceId><resourceType>instance</resourceType><key>${key}</key><value>a &amp; b</value></item>`;
});

/** EC2's query API, where each request is signed with one of these keys. */
export function ec2Api(...keys: string[]): (request: IncomingMessage, path: string) => Answer {
  return ({ headers, method }, path) =>
    (_request, response) => {
      response.setHeader('content-type', 'text/xml;charset=UTF-8');
      const isSigned = keys.some((key) => headers.authorization?.startsWith(`AWS4-HMAC-SHA256 Credential=${key}/`));
      if (!isSigned) {
        const error = '<Error><Code>AuthFailure</Code><Message>AWS was not able to validate</Message></Error>';
        response.writeHead(401).end(`<Response><Errors>${error}</Errors><RequestID>1</RequestID></Response>`);
        return;
      }
      const tags = `<tagSet>${describedTags.join('')}<item><key>empty</key><value/></item></tagSet>`;
      const set = `<instancesSet><item><instanceId>i-1</instanceId><imageId>ami-1</imageId><tagSet>${item('kubernetes.io/cluster/by-hand', 'owned')}${item('eks:cluster-name', 'prod')}</tagSet></item></instancesSet>`;
      const instances = `<reservationSet><item><ownerId>111122223333</ownerId>${set}</item></reservationSet>`;
      const name = method === 'GET' ? new URL(path, 'http://ec2').searchParams.get('Action') : 'DescribeTags';
      const body = name === 'DescribeInstances' ? instances : tags;
      response.end(`<?xml version="1.0"?><${name}Response><requestId>1</requestId>${body}</${name}Response>`);
    };
}

/** The token service, which takes one token. */
export function sts(_request: IncomingMessage, path: string): Answer {
  if (new URL(path, 'http://sts').searchParams.get('WebIdentityToken') !== 'WEB') return 400;
  const credentials =
    '<AccessKeyId>AKIDWEB</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>';
  return `<AssumeRoleWithWebIdentityResponse><Credentials>${credentials}</Credentials></AssumeRoleWithWebIdentityResponse>`;
}

const arn = 'arn:aws:ecs:us-west-2:111122223333:task/default/158d1c8083dd49d6b527399fd6414f5c';
const logs = (container: string) => ({
  'awslogs-group': '/ecs/metadata',
  'awslogs-region': 'us-west-2',
  'awslogs-stream': `ecs/${container}/8f03e41243824aea923aca126495f665`,
});
const containers = ['curl', 'nginx', 'agent'].map((name) => ({
  DockerId: `id-${name}`,
  Name: name,
  Type: 'NORMAL',
  KnownStatus: 'RUNNING',
  LogDriver: 'awslogs',
  LogOptions: logs(name),
}));

/** ECS, the task metadata endpoint version 4; the collector is the container `agent`. */
export function ecs(_request: IncomingMessage, path: string): Answer {
  if (path === '/v4/abc') return containers[2];
  if (path !== '/v4/abc/task') return undefined;
  const pause = { DockerId: 'p', Name: '~internal~ecs~pause', Type: 'CNI_PAUSE', KnownStatus: 'RESOURCES_PROVISIONED' };
  return {
    Cluster: 'default',
    TaskARN: arn,
    Family: 'curltest',
    ServiceName: 'MyService',
    Revision: '26',
    DesiredStatus: 'RUNNING',
    KnownStatus: 'RUNNING',
    AvailabilityZone: 'us-west-2d',
    LaunchType: 'FARGATE',
    Containers: [...containers, pause],
  };
}

const project = '/computeMetadata/v1/project/project-id';
const gceFacts: Readonly<Record<string, string>> = {
  [project]: 'my-project',
  '/computeMetadata/v1/instance/id': '1472385723456792345',
  '/computeMetadata/v1/instance/name': 'my-instance',
  '/computeMetadata/v1/instance/hostname': 'my-instance.c.my-project.internal',
  '/computeMetadata/v1/instance/zone': 'projects/233510669999/zones/us-central1-c',
  '/computeMetadata/v1/instance/region': 'projects/233510669999/regions/us-central1',
  '/computeMetadata/v1/instance/machine-type': 'projects/233510669999/machineTypes/n1-standard-1',
  '/computeMetadata/v1/instance/attributes/created-by':
    'projects/233510669999/zones/us-central1-c/instanceGroupManagers/my-group',
  '/computeMetadata/v1/instance/service-accounts/default/token':
    '{"access_token":"ya29.token","expires_in":3599,"token_type":"Bearer"}',
};

/** Google's Compute API. */
export function computeApi(request: IncomingMessage, path: string): Answer {
  if (request.headers.authorization !== 'Bearer ya29.token') return 401;
  if (path !== '/compute/v1/projects/my-project/zones/us-central1-c/instances/my-instance') return 404;
  return { name: 'my-instance', labels: { team: 'shop', 'team-lead': 'ann', other: 'x', odd: 7 } };
}

/** Google's metadata server: nothing without the header, and the header on each answer. */
export function gcp(
  facts: Readonly<Record<string, string>> = gceFacts,
): (request: IncomingMessage, path: string) => Answer {
  return (request, path) => {
    if (request.headers['metadata-flavor'] !== 'Google') return 403;
    return (_request, response) => {
      const fact = facts[path.replace(/\?.*/, '')];
      response.setHeader('metadata-flavor', 'Google').setHeader('content-type', 'application/text');
      response.writeHead(fact === undefined ? 404 : 200).end(fact ?? '');
    };
  };
}

/** A node of Kubernetes Engine. @param location of the cluster, a zone or a region */
export function gke(location: string) {
  return gcp({
    ...gceFacts,
    '/computeMetadata/v1/instance/attributes/cluster-name': 'my-cluster',
    '/computeMetadata/v1/instance/attributes/cluster-location': location,
  });
}

/** Azure: nothing without the header and a version. */
export function azure(request: IncomingMessage, path: string): Answer {
  const { pathname, searchParams } = new URL(path, 'http://azure');
  if (request.headers.metadata !== 'true' || !searchParams.has('api-version')) return 400;
  if (pathname !== '/metadata/instance/compute') return undefined;
  return {
    azEnvironment: 'AzurePublicCloud',
    location: 'westus',
    name: 'examplevmname',
    osProfile: { adminUsername: 'admin', computerName: 'examplevmhostname' },
    resourceGroupName: 'MC_aks_cluster_westus',
    subscriptionId: 'xxxxx-xxxxx-xxx-xxx-xxxx',
    tags: 'baz:bash;foo:bar',
    tagsList: [
      { name: 'baz', value: 'bash' },
      { name: 'foo', value: 'bar' },
    ],
    vmId: '02aab8a4-74ef-476e-8182-f6d2ba4166a6',
    vmScaleSetName: 'crpteste9vflji9',
    vmSize: 'Standard_A3',
    zone: '1',
  };
}

/** Docker's API, of which a container asks. */
export function docker(hostname: string) {
  return (_request: IncomingMessage, path: string): Answer => {
    // Go's client asks for the versions first, and puts one in front of each path.
    if (path.endsWith('/_ping')) return (_, response) => response.setHeader('api-version', '1.44').end('OK');
    if (path.endsWith('/info')) return { ID: 'x', Name: 'docker-host', OSType: 'linux', OperatingSystem: 'Debian' };
    if (!path.endsWith(`/containers/${hostname}/json`)) return 404;
    return { Id: 'c'.repeat(64), Name: '/sluice', Image: `sha256:${'0'.repeat(64)}`, Config: { Image: 'sluice:1' } };
  };
}

const node = {
  kind: 'Node',
  apiVersion: 'v1',
  metadata: {
    name: 'node-1',
    uid: '4b15c589-1a33-42cc-927a-b78ba9947095',
    labels: { 'node.kubernetes.io/instance-type': 'm5.large' },
  },
  spec: { providerID: 'aws:///us-west-2a/i-049ca2df511bec762' },
  status: {},
};

/** Kubernetes' API server. @param token that is asked for; undefined: anybody may */
export function apiServer(token?: string, over: Readonly<Record<string, Answer>> = {}) {
  const paths: Readonly<Record<string, Answer>> = {
    '/api/v1/nodes/node-1': node,
    '/api/v1/namespaces/kube-system': {
      kind: 'Namespace',
      apiVersion: 'v1',
      metadata: { name: 'kube-system', uid: 'a7b3c1d2-e4f5-6789-abcd-ef0123456789' },
    },
    '/.well-known/openid-configuration': { issuer: 'https://oidc.eks.us-west-2.amazonaws.com/id/ABC' },
    '/version': { gitVersion: 'v1.30.0' },
    ...over,
  };
  return (request: IncomingMessage, path: string): Answer => {
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) return 401;
    return paths[path];
  };
}
