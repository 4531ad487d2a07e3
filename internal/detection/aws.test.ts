import { expect, test } from 'vitest';
import { signedHeaders } from './aws_sign.ts';
import { ec2, ec2Api, ec2WithoutTokens, ecs, sts } from './test/clouds.ts';
import { type Answer, flood, garbage, hang, redirect } from './test/service.ts';
import { detected, detecting, servers } from './test/world.ts';

const serving = servers();

const instance = {
  'cloud.provider': 'aws',
  'cloud.platform': 'aws_ec2',
  'cloud.region': 'us-west-2',
  'cloud.account.id': '123456789012',
  'cloud.availability_zone': 'us-west-2b',
  'host.id': 'i-1234567890abcdef0',
  'host.image.id': 'ami-5fb8c835',
  'host.type': 't2.micro',
  'host.name': 'ip-10-158-112-84.us-west-2.compute.internal',
};

test('an instance is asked with a token, which is fetched once', async () => {
  const { url, asked } = await serving(ec2);
  expect(await detected('ec2', { linkLocal: url })).toEqual(instance);
  expect(asked.filter((one) => one.startsWith('PUT'))).toEqual(['PUT /latest/api/token']);
});

test('the endpoint of the environment is asked, and an instance without tokens is known too', async () => {
  const { url } = await serving(ec2WithoutTokens);
  expect(await detected('ec2', { env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: `${url}/` } })).toEqual(instance);
});

test('tags that fit become attributes; where the instance does not allow them, the rest is known all the same', async () => {
  const section = { tags: ['^Name$', 'team'], tags_from_imds: true };
  const { url } = await serving(ec2);
  const read = { 'ec2.tag.Name': 'web 1', 'ec2.tag.team:owner': 'gold' };
  expect(await detected('ec2', { linkLocal: url }, section)).toEqual({ ...instance, ...read });
  const bare = await serving((request, path) => (path.includes('/tags/') ? 404 : ec2(request, path)));
  const { found, logger } = detecting('ec2', { linkLocal: bare.url }, section);
  expect(Object.fromEntries((await found).attributes)).toEqual(instance);
  expect(logger.warnings().join()).toContain('Allow tags in instance metadata');
});

const tags = { 'ec2.tag.Name': 'a & b', 'ec2.tag.empty': '' };
const byApi = { tags: ['^Name$', 'empty'] };

test('tags by the EC2 API, with the keys of the environment, of the instance’s role, of a container or of a web identity', async () => {
  const { url: linkLocal } = await serving(ec2);
  const api = (await serving(ec2Api('AKIDENV', 'AKIDROLE', 'AKIDBOX', 'AKIDWEB'))).url;
  const box = await serving(({ headers }) =>
    headers.authorization === 'box' ? { AccessKeyId: 'AKIDBOX', SecretAccessKey: 's', Token: 't' } : 401,
  );
  const files = { '/token': 'WEB\n', '/box': 'box\n' };
  const of = (env: Record<string, string>) =>
    detected('ec2', { linkLocal, files, env: { AWS_ENDPOINT_URL_EC2: api, ...env } }, byApi);
  const all = { ...instance, ...tags };
  expect(await of({})).toEqual(all);
  expect(await of({ AWS_ACCESS_KEY_ID: 'AKIDENV', AWS_SECRET_ACCESS_KEY: 'secret' })).toEqual(all);
  const container = { AWS_CONTAINER_CREDENTIALS_FULL_URI: box.url, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/box' };
  expect(await of(container)).toEqual(all);
  const web = { AWS_WEB_IDENTITY_TOKEN_FILE: '/token', AWS_ROLE_ARN: 'arn:aws:iam::1:role/r' };
  expect(await of({ ...web, AWS_ENDPOINT_URL_STS: (await serving(sts)).url })).toEqual(all);
});

test.each<[string, Answer, string]>([
  [
    'without the right',
    undefined,
    'ec2:DescribeTags was refused (AuthFailure): allow it to the role of the collector. Or set tags_from_imds: true',
  ],
  ['without an answer', hang, 'no answer within 3000 ms'],
  ['with a flood', flood, 'more than 1048576 bytes'],
])('%s the instance is known, but for its tags', async (_, answer, message) => {
  const { url: linkLocal } = await serving(ec2);
  const { url } = await serving(answer === undefined ? ec2Api() : () => answer);
  const { found, logger } = detecting('ec2', { linkLocal, env: { AWS_ENDPOINT_URL_EC2: url } }, byApi);
  expect(Object.fromEntries((await found).attributes)).toEqual(instance);
  expect(logger.warnings().join()).toContain(message);
});

test('an instance without a role is told to get one', async () => {
  const { url: linkLocal } = await serving((request, path) => (path.includes('/iam/') ? 404 : ec2(request, path)));
  const { found, logger } = detecting('ec2', { linkLocal }, byApi);
  expect(Object.fromEntries((await found).attributes)).toEqual(instance);
  expect(logger.warnings().join()).toContain('the instance has no role: attach one');
});

/** From AWS's own documentation and test suite of Signature Version 4. */
test.each([
  ['https://example.amazonaws.com/', 'service', {}, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  [
    'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08',
    'iam',
    { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  ],
])('%s is signed as AWS signs it', (url, service, headers, signature) => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
  const scope = { region: 'us-east-1', service, now: Date.parse('2015-08-30T12:36:00Z') };
  expect(signedHeaders(new URL(url), credentials, scope, headers).authorization).toContain(`Signature=${signature}`);
});

test('attributes that are switched off are not set', async () => {
  const { url } = await serving(ec2);
  const section = { resource_attributes: { 'host.name': { enabled: false }, 'host.id': null } };
  const { 'host.name': _, ...rest } = instance;
  expect(await detected('ec2', { linkLocal: url }, section)).toEqual(rest);
});

test('elsewhere nothing is set: nobody listens, or another service does', async () => {
  const reasonFor = async (linkLocal: string) => (await detecting('ec2', { linkLocal }).found).reason;
  expect(await reasonFor('http://127.0.0.1:9')).toContain('ECONNREFUSED');
  expect(await reasonFor((await serving(() => 404)).url)).toContain('was answered 404');
  expect(await reasonFor((await serving(() => redirect('http://127.0.0.1:9'))).url)).toContain('was answered 302');
  const { found } = detecting('ec2', { env: { AWS_EC2_METADATA_DISABLED: 'true' } });
  expect((await found).reason).toContain('AWS_EC2_METADATA_DISABLED');
});

test('a token that never arrives, as in a container one hop too far, is told with what to do', async () => {
  const { url } = await serving((request) => (request.method === 'PUT' ? hang : 401));
  const { found } = detecting('ec2', { linkLocal: url });
  expect((await found).reason).toContain('HttpPutResponseHopLimit: 2');
});

test('a service that fails now and then is asked again, as often as max_attempts says', async () => {
  let failures = 2;
  const answer = (...[request, path]: Parameters<typeof ec2>): Answer =>
    path.endsWith('instance-id') && failures-- > 0 ? 500 : ec2(request, path);
  const patient = detecting('ec2', { linkLocal: (await serving(answer)).url });
  const done = patient.found.then((found) => Object.fromEntries(found.attributes));
  let isDone = false;
  void done.then(() => (isDone = true));
  while (!isDone) await patient.clock.advance(100);
  expect(await done).toEqual(instance);
  failures = 1;
  const hasty = detecting('ec2', { linkLocal: (await serving(answer)).url }, { max_attempts: 1 });
  await expect(hasty.found).rejects.toThrow('was answered 500');
});

test.each<[string, Answer, string]>([
  ['garbage', garbage, 'the instance identity document is none'],
  ['a flood', flood, 'more than 1048576 bytes'],
  ['a list', [], 'the instance identity document is none'],
  ['numbers', { instanceId: 7 }, 'the instance identity document is none'],
])('of %s as identity the detector says that it failed', async (_, answer, message) => {
  const { url } = await serving((request, path) => (path.endsWith('/document') ? answer : ec2(request, path)));
  await expect(detecting('ec2', { linkLocal: url }).found).rejects.toThrow(message);
});

const task = {
  'cloud.provider': 'aws',
  'cloud.platform': 'aws_ecs',
  'cloud.account.id': '111122223333',
  'cloud.region': 'us-west-2',
  'cloud.availability_zone': 'us-west-2d',
  'aws.ecs.cluster.arn': 'arn:aws:ecs:us-west-2:111122223333:cluster/default',
  'aws.ecs.launchtype': 'fargate',
  'aws.ecs.task.arn': 'arn:aws:ecs:us-west-2:111122223333:task/default/158d1c8083dd49d6b527399fd6414f5c',
  'aws.ecs.task.family': 'curltest',
  'aws.ecs.task.id': '158d1c8083dd49d6b527399fd6414f5c',
  'aws.ecs.task.revision': '26',
};

test('a task of ECS, with the logs of its other containers', async () => {
  const { url } = await serving(ecs);
  const facts = await detected('ecs', { env: { ECS_CONTAINER_METADATA_URI_V4: `${url}/v4/abc` } });
  const group = 'arn:aws:logs:us-west-2:111122223333:log-group:/ecs/metadata';
  const streams = ['curl', 'nginx'].map((name) => `ecs/${name}/8f03e41243824aea923aca126495f665`);
  expect(facts).toEqual({
    ...task,
    'aws.log.group.names': ['/ecs/metadata', '/ecs/metadata'],
    'aws.log.group.arns': [group, group],
    'aws.log.stream.names': streams,
    'aws.log.stream.arns': streams.map((stream) => `${group}:log-stream:${stream}`),
  });
  expect(await detected('ecs', { env: { ECS_CONTAINER_METADATA_URI: `${url}/v4/abc` } })).toEqual(facts);
});

test('outside of ECS nothing is asked; what a broken endpoint says is a failure', async () => {
  expect((await detecting('ecs', {}).found).reason).toContain('ECS_CONTAINER_METADATA_URI_V4 is not set');
  const at = async (answer: Answer) => {
    const { url } = await serving(() => answer);
    return detecting('ecs', { env: { ECS_CONTAINER_METADATA_URI_V4: url } }).found;
  };
  await expect(at(garbage)).rejects.toThrow('no JSON object');
  await expect(at(404)).rejects.toThrow('was answered 404');
  await expect(at(flood)).rejects.toThrow('more than 1048576 bytes');
  const strange = { TaskARN: 'x', Containers: [null, 3, { Type: 'NORMAL', LogOptions: [] }], Cluster: 7 };
  expect((await at(strange)).attributes.get('aws.ecs.task.arn')).toBe('x');
});

test('a function of Lambda', async () => {
  expect((await detecting('lambda', {}).found).attributes.size).toBe(0);
  const env = { AWS_LAMBDA_FUNCTION_NAME: 'fn', AWS_REGION: 'eu', AWS_LAMBDA_LOG_GROUP_NAME: 'g' };
  expect(await detected('lambda', { env })).toEqual({
    'cloud.provider': 'aws',
    'cloud.platform': 'aws_lambda',
    'cloud.region': 'eu',
    'faas.name': 'fn',
    'aws.log.group.names': ['g'],
  });
});
