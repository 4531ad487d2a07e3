import { z } from 'zod';
import { ignored, unsupported } from '../config/fields.ts';
import { AskError, type Asking, askJson, textIn } from './ask.ts';
import { type DetectorKind, detectorKind, type Found, found, type Question } from './detector.ts';

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The API server of the cluster that this process runs in. */
export class ApiServer {
  readonly #base: string;
  readonly #abort: AbortSignal;
  readonly #asking: Asking;

  private constructor(base: string, abort: AbortSignal, asking: Asking) {
    this.#base = base;
    this.#abort = abort;
    this.#asking = asking;
  }

  /** @param anonymous without the service account, and without looking at the server's certificate @throws Error outside a cluster */
  static async connect({ surroundings, abort }: Question, anonymous = false): Promise<ApiServer> {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = surroundings.env;
    if (!host || !port) {
      throw new Error(
        'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: the detector works in a pod only',
      );
    }
    const base = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
    if (anonymous) return new ApiServer(base, abort, { tls: { rejectUnauthorized: false } });
    const token = (await surroundings.read(`${accountFolder}/token`))?.trim();
    if (!token)
      throw new Error(
        `cannot read ${accountFolder}/token: let the pod have its service account's token (automountServiceAccountToken)`,
      );
    const ca = await surroundings.read(`${accountFolder}/ca.crt`);
    return new ApiServer(base, abort, { headers: { authorization: `Bearer ${token}` }, ...(ca && { tls: { ca } }) });
  }

  /** @throws AskError */
  get(path: string): Promise<Record<string, unknown>> {
    return askJson(this.#base + path, this.#abort, this.#asking);
  }

  /** @throws Error that says which right is missing */
  async node(name: string): Promise<Record<string, unknown>> {
    try {
      return await this.get(`/api/v1/nodes/${encodeURIComponent(name)}`);
    } catch (error) {
      if (!isForbidden(error)) throw error;
      throw new Error(`${error.message}: allow the service account to get nodes`, { cause: error });
    }
  }
}

export function isForbidden(error: unknown): error is AskError {
  return error instanceof AskError && (error.status === 401 || error.status === 403);
}

const authTypes = ['serviceAccount', 'none'];

const fields = {
  auth_type: z
    .string()
    .refine((type) => authTypes.includes(type), {
      error: ({ input }) =>
        `expected serviceAccount or none, got ${JSON.stringify(input)}: run in the cluster, with a service account`,
    })
    .default('serviceAccount')
    .describe('Who asks the API server. none: nobody in particular, and its certificate is not looked at.'),
  node_from_env_var: z
    .string()
    .default('')
    .describe('Variable that holds the node’s name (downward API, spec.nodeName). Empty: K8S_NODE_NAME.'),
  context: unsupported('run in the cluster with auth_type: serviceAccount', ['']),
  kube_api_qps: ignored('two requests are sent'),
  kube_api_burst: ignored('two requests are sent'),
};

interface Config {
  readonly auth_type: string;
  readonly node_from_env_var: string;
}

function nodeKind(name: string): DetectorKind {
  return detectorKind({
    name,
    attributes: { 'k8s.cluster.uid': true, 'k8s.node.name': true, 'k8s.node.uid': true },
    fields,
    detect: (question, config) => detect(question, config),
  });
}

/** The node, and the cluster by the uid of its namespace `kube-system`. */
async function detect(question: Question, config: Config): Promise<Found> {
  const { surroundings, wants } = question;
  const variable = config.node_from_env_var || 'K8S_NODE_NAME';
  const name = surroundings.env[variable];
  if (!name)
    throw new Error(`${variable} is not set: hand the node's name in by the downward API (fieldPath: spec.nodeName)`);
  const server = await ApiServer.connect(question, config.auth_type === 'none');
  const wantsNode = wants('k8s.node.uid') || wants('k8s.node.name');
  const [node, cluster] = await Promise.all([
    wantsNode ? server.node(name) : undefined,
    wants('k8s.cluster.uid') ? clusterUid(question, server) : undefined,
  ]);
  return found({
    'k8s.node.uid': textIn(node, 'metadata', 'uid'),
    'k8s.node.name': textIn(node, 'metadata', 'name'),
    'k8s.cluster.uid': cluster,
  });
}

async function clusterUid({ logger }: Question, server: ApiServer): Promise<string | undefined> {
  try {
    return textIn(await server.get('/api/v1/namespaces/kube-system'), 'metadata', 'uid');
  } catch (error) {
    // Set-ups from before the attribute lack the right.
    if (!isForbidden(error)) throw error;
    logger.warn(
      `no k8s.cluster.uid: ${error.message}. Allow the service account to get the namespace kube-system, or switch the attribute off`,
    );
    return undefined;
  }
}

export const k8sApi = nodeKind('k8s_api');
/** The name from before. */
export const k8sNode = nodeKind('k8snode');
