import { askJson, textIn } from './ask.ts';
import { detectorKind, elsewhere, found, noFields } from './detector.ts';

/** Amazon ECS, by its task metadata endpoint: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html */
export const ecs = detectorKind({
  name: 'ecs',
  attributes: {
    'aws.ecs.cluster.arn': true,
    'aws.ecs.launchtype': true,
    'aws.ecs.task.arn': true,
    'aws.ecs.task.family': true,
    'aws.ecs.task.id': true,
    'aws.ecs.task.revision': true,
    'aws.log.group.arns': true,
    'aws.log.group.names': true,
    'aws.log.stream.arns': true,
    'aws.log.stream.names': true,
    'cloud.account.id': true,
    'cloud.availability_zone': true,
    'cloud.platform': true,
    'cloud.provider': true,
    'cloud.region': true,
  },
  fields: noFields,
  async detect({ surroundings: { env }, abort }) {
    const base = [env.ECS_CONTAINER_METADATA_URI_V4, env.ECS_CONTAINER_METADATA_URI]
      .map((url) => url?.trim() ?? '')
      .find((url) => URL.canParse(url));
    if (!base) return elsewhere('ECS_CONTAINER_METADATA_URI_V4 is not set');
    const task = await askJson(`${base}/task`, abort);
    const own = await askJson(base, abort);
    const arn = textIn(task, 'TaskARN') ?? '';
    const [, , , region = '', account = '', resource = ''] = arn.split(':');
    const cluster = textIn(task, 'Cluster') ?? '';
    return found({
      'cloud.provider': 'aws',
      'cloud.platform': 'aws_ecs',
      'aws.ecs.task.arn': arn,
      'aws.ecs.task.family': textIn(task, 'Family'),
      'aws.ecs.task.revision': textIn(task, 'Revision'),
      'cloud.account.id': account,
      'cloud.region': region,
      // `task/id`, and since 2019 `task/cluster/id`.
      'aws.ecs.task.id': resource.split('/').at(-1),
      'aws.ecs.cluster.arn': cluster.includes(':') ? cluster : `arn:aws:ecs:${region}:${account}:cluster/${cluster}`,
      'cloud.availability_zone': textIn(task, 'AvailabilityZone'),
      'aws.ecs.launchtype': launchType(textIn(task, 'LaunchType')),
      ...logFacts(task.Containers, textIn(own, 'DockerId'), account),
    });
  },
});

function launchType(text = ''): string | undefined {
  const type = text.toLowerCase();
  return type === 'ec2' || type === 'fargate' ? type : undefined;
}

/** Where the other containers of the task write their logs: this one is taken for a sidecar. */
function logFacts(containers: unknown, ownId: string | undefined, account: string): Record<string, string[]> {
  const others = (Array.isArray(containers) ? containers.slice(0, 100) : []).filter((one: unknown) => {
    return (
      textIn(one, 'Type') === 'NORMAL' &&
      textIn(one, 'KnownStatus') === 'RUNNING' &&
      textIn(one, 'LogDriver') === 'awslogs' &&
      textIn(one, 'DockerId') !== ownId &&
      textIn(one, 'LogOptions', 'awslogs-group')
    );
  });
  if (others.length === 0) return {};
  const option = (one: unknown, name: string) => textIn(one, 'LogOptions', `awslogs-${name}`) ?? '';
  const groupArn = (one: unknown) =>
    `arn:aws:logs:${option(one, 'region')}:${account}:log-group:${option(one, 'group')}`;
  return {
    'aws.log.group.names': others.map((one) => option(one, 'group')),
    'aws.log.group.arns': others.map(groupArn),
    'aws.log.stream.names': others.map((one) => option(one, 'stream')),
    'aws.log.stream.arns': others.map((one) => `${groupArn(one)}:log-stream:${option(one, 'stream')}`),
  };
}
