import { z } from 'zod';
import { AskError, textIn } from './ask.ts';
import { ec2Api, elementIn, tagsIn } from './aws_api.ts';
import { detectorKind, elsewhere, type Found, found, type Question } from './detector.ts';
import { Imds } from './imds.ts';
import { ApiServer } from './k8s_api.ts';

/** What only EC2's API says where the metadata service cannot be reached. */
const ofApi = ['cloud.account.id', 'host.image.id', 'k8s.cluster.name'];
const machine = ['cloud.availability_zone', 'cloud.region', 'host.id', 'host.name', 'host.type', ...ofApi];

/** A cluster of Amazon's Kubernetes service, and the machine by the metadata service or, where pods cannot reach that, by the node. */
export const eks = detectorKind({
  name: 'eks',
  attributes: {
    'cloud.platform': true,
    'cloud.provider': true,
    ...Object.fromEntries(machine.map((name) => [name, false])),
  },
  fields: {
    node_from_env_var: z
      .string()
      .default('')
      .describe('Variable that holds the node’s name: asked for where the metadata service cannot be reached.'),
  },
  async detect(question, { node_from_env_var: variable }): Promise<Found> {
    if (!question.surroundings.env.KUBERNETES_SERVICE_HOST) return elsewhere('KUBERNETES_SERVICE_HOST is not set');
    if (!(await isEks(question))) return elsewhere('the cluster is not one of EKS');
    const facts = machine.some(question.wants) ? await machineFacts(question, variable) : {};
    return found({ 'cloud.provider': 'aws', 'cloud.platform': 'aws_eks', ...facts });
  },
});

/** By the files of its roles, by its issuer of tokens, or by the version of the cluster. */
async function isEks(question: Question): Promise<boolean> {
  const { env } = question.surroundings;
  if (env.AWS_WEB_IDENTITY_TOKEN_FILE?.includes('eks.amazonaws.com')) return true;
  if (env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE?.includes('eks-pod-identity')) return true;
  const server = await ApiServer.connect(question);
  const issuer = await server.get('/.well-known/openid-configuration').catch(() => undefined);
  if (textIn(issuer, 'issuer')?.includes('oidc.eks.')) return true;
  return textIn(await server.get('/version'), 'gitVersion')?.includes('-eks-') ?? false;
}

type Facts = Record<string, string | undefined>;

async function machineFacts(question: Question, variable: string): Promise<Facts> {
  const imds = new Imds(question);
  const near = await instance(imds);
  const facts = near ?? nodeFacts(await nodeOf(question, variable));
  const lacks = near ? ['k8s.cluster.name'] : ofApi;
  if (!lacks.some(question.wants)) return facts;
  const text = await describe(question, imds, facts);
  return {
    'cloud.account.id': elementIn(text, 'ownerId'),
    'host.image.id': elementIn(text, 'imageId'),
    ...facts,
    'k8s.cluster.name': clusterIn(text),
  };
}

/** @returns undefined where the metadata service cannot be reached, as in many pods */
async function instance(imds: Imds): Promise<Facts | undefined> {
  try {
    return { ...(await imds.identity()), 'host.name': await imds.text('meta-data/hostname') };
  } catch (error) {
    if (error instanceof AskError && error.isElsewhere) return undefined;
    throw error;
  }
}

async function nodeOf(question: Question, variable: string): Promise<Record<string, unknown>> {
  const name = question.surroundings.env[variable];
  const wanted = 'set node_from_env_var to a variable that holds the node’s name (fieldPath: spec.nodeName)';
  if (!name) throw new Error(`the metadata service cannot be reached: ${wanted}`);
  return (await ApiServer.connect(question)).node(name);
}

/** @throws Error that says which right is missing */
function describe(question: Question, imds: Imds, facts: Facts): Promise<string> {
  const { 'cloud.region': region = '', 'host.id': id = '' } = facts;
  return ec2Api(question, imds, region, { Action: 'DescribeInstances', 'InstanceId.1': id });
}

/** By the tags that EKS, and those who build clusters by hand, put on its machines. */
function clusterIn(text: string): string | undefined {
  const prefix = 'kubernetes.io/cluster/';
  const tags = tagsIn(text);
  const named = tags.get('aws:eks:cluster-name') ?? tags.get('eks:cluster-name');
  return named ?? [...tags.keys()].find((key) => key.startsWith(prefix))?.slice(prefix.length);
}

/** `spec.providerID` is `aws:///us-west-2a/i-049ca2df511bec762`. */
function nodeFacts(node: Record<string, unknown>): Facts {
  const [, zone, id] = /^aws:\/\/[^/]*\/([^/]+)\/([^/]+)$/.exec(textIn(node, 'spec', 'providerID') ?? '') ?? [];
  if (!zone || !id)
    throw new Error(`the node is no machine of EC2: its spec.providerID is ${textIn(node, 'spec', 'providerID')}`);
  return {
    'host.id': id,
    'cloud.availability_zone': zone,
    // Local zones have their city in between: us-west-2-lax-1a.
    'cloud.region': /^[a-z]+(?:-[a-z]+)+-\d+/.exec(zone)?.[0],
    'host.type': textIn(node, 'metadata', 'labels', 'node.kubernetes.io/instance-type'),
    'host.name': textIn(node, 'metadata', 'name'),
  };
}
