import { z } from 'zod';
import { AskError, textIn } from './ask.ts';
import { detectorKind, elsewhere, type Found, found, type Question } from './detector.ts';
import { Imds } from './imds.ts';
import { ApiServer } from './k8s_api.ts';

const machine = [
  'cloud.account.id',
  'cloud.availability_zone',
  'cloud.region',
  'host.id',
  'host.image.id',
  'host.name',
  'host.type',
];

/** A cluster of Amazon's Kubernetes service, and the machine by the metadata service or, where pods cannot reach that, by the node. */
export const eks = detectorKind({
  name: 'eks',
  attributes: {
    'cloud.platform': true,
    'cloud.provider': true,
    ...Object.fromEntries(machine.map((name) => [name, false])),
  },
  missing: {
    'k8s.cluster.name':
      'it would have to be asked of the EC2 API: set it through OTEL_RESOURCE_ATTRIBUTES and the env detector',
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

async function machineFacts(question: Question, variable: string): Promise<Record<string, string | undefined>> {
  const imds = new Imds(question);
  try {
    const identity = await imds.identity();
    return { ...identity, 'host.name': await imds.text('meta-data/hostname') };
  } catch (error) {
    if (!(error instanceof AskError && error.isElsewhere)) throw error;
  }
  const node = question.surroundings.env[variable];
  if (!node) {
    throw new Error(
      'the metadata service cannot be reached: set node_from_env_var to a variable that holds the node’s name (fieldPath: spec.nodeName)',
    );
  }
  return nodeFacts(await (await ApiServer.connect(question)).node(node));
}

/** `spec.providerID` is `aws:///us-west-2a/i-049ca2df511bec762`. */
function nodeFacts(node: Record<string, unknown>): Record<string, string | undefined> {
  const [, zone, id] = /^aws:\/\/[^/]*\/([^/]+)\/([^/]+)$/.exec(textIn(node, 'spec', 'providerID') ?? '') ?? [];
  return {
    'host.id': id,
    'cloud.availability_zone': zone,
    'cloud.region': zone?.replace(/[a-z]$/, ''),
    'host.type': textIn(node, 'metadata', 'labels', 'node.kubernetes.io/instance-type'),
    'host.name': textIn(node, 'metadata', 'name'),
  };
}
