import { proxyFor } from '../net/http/proxy.ts';
import type { Plain } from '../otlp/view/value.ts';
import { AskError, ask, askJson, refusal } from './ask.ts';
import { detectorKind, elsewhere, type Found, found, type Question } from './detector.ts';
import { tagMatcher, tagPatterns } from './tags.ts';

type Facts = Record<string, Plain>;

/** Google Cloud: Compute Engine, Kubernetes Engine, Cloud Run, Cloud Functions, App Engine, Bare Metal. */
export const gcp = detectorKind({
  name: 'gcp',
  attributes: {
    'cloud.account.id': true,
    'cloud.availability_zone': true,
    'cloud.platform': true,
    'cloud.provider': true,
    'cloud.region': true,
    'faas.instance': true,
    'faas.name': true,
    'faas.version': true,
    'gcp.cloud_run.job.execution': true,
    'gcp.cloud_run.job.task_index': true,
    'gcp.gce.instance.hostname': false,
    'gcp.gce.instance.name': false,
    'gcp.gce.instance_group_manager.name': true,
    'gcp.gce.instance_group_manager.region': true,
    'gcp.gce.instance_group_manager.zone': true,
    'host.id': true,
    'host.name': true,
    'host.type': true,
    'k8s.cluster.name': true,
  },
  fields: { labels: tagPatterns('labels of a machine of Compute Engine, as `gcp.gce.instance.labels.KEY`,') },
  async detect(question, { labels }) {
    const { env } = question.surroundings;
    if (env.BMS_PROJECT_ID && env.BMS_REGION && env.BMS_INSTANCE_ID) return found(bareMetal(env));
    const service = new MetadataServer(question);
    const project = await service.project();
    if (project === undefined) return elsewhere(service.trouble);
    const facts = found({ 'cloud.provider': 'gcp', 'cloud.account.id': project, ...(await platform(service, env)) });
    if (labels.length === 0 || facts.attributes.get('cloud.platform') !== computePlatform) return facts;
    return {
      ...facts,
      attributes: new Map([...facts.attributes, ...(await labelsOf(question, service, facts, labels))]),
    };
  },
});

const computePlatform = 'gcp_compute_engine';

/** Labels are an extra, of the Compute API: without them the machine is known all the same. */
async function labelsOf(
  question: Question,
  service: MetadataServer,
  { attributes }: Found,
  patterns: readonly string[],
): Promise<[string, Plain][]> {
  const { surroundings, abort, logger } = question;
  const part = (name: string) => encodeURIComponent(`${attributes.get(name)}`);
  const place = `projects/${part('cloud.account.id')}/zones/${part('cloud.availability_zone')}`;
  const url = new URL(`/compute/v1/${place}/instances/${part('gcp.gce.instance.name')}`, surroundings.googleCompute);
  const proxyEnv = proxyFor(url, undefined, surroundings.env);
  try {
    const token = await service.token();
    const headers = { authorization: `Bearer ${token}` };
    const answer = await askJson(url.href, abort, { headers, silenceMs: 3000, ...(proxyEnv && { proxyEnv }) });
    const fits = tagMatcher(patterns);
    const labels = Object.entries(answer.labels ?? {}).filter(([key, value]) => typeof value === 'string' && fits(key));
    return labels.map(([key, value]) => [`gcp.gce.instance.labels.${key}`, value as string]);
  } catch (error) {
    const advice = "let the machine's service account view it (compute.instances.get)";
    logger.warn(`the gcp detector cannot read the labels: ${(error as Error).message}. To have them, ${advice}`);
    return [];
  }
}

type Env = Question['surroundings']['env'];

function bareMetal(env: Env): Facts {
  return {
    'cloud.provider': 'gcp',
    'cloud.account.id': env.BMS_PROJECT_ID,
    'cloud.platform': 'gcp_bare_metal_solution',
    'host.name': env.BMS_INSTANCE_ID,
    'cloud.region': env.BMS_REGION,
  };
}

/** The first that fits, in the order of Google's own detector. */
async function platform(service: MetadataServer, env: Env): Promise<Facts> {
  if (env.KUBERNETES_SERVICE_HOST !== undefined) {
    const location = await service.optional('instance/attributes/cluster-location');
    if (location !== undefined) return kubernetes(service, location);
  }
  if (env.FUNCTION_TARGET !== undefined)
    return { 'cloud.platform': 'gcp_cloud_functions', ...(await faas(service, env)) };
  const onCloudRun = ['K_CONFIGURATION', 'CLOUD_RUN_JOB', 'CLOUD_RUN_WORKER_POOL'].some(
    (name) => env[name] !== undefined,
  );
  if (onCloudRun) return { 'cloud.platform': 'gcp_cloud_run', ...(await faas(service, env)) };
  if (env.GAE_ENV === 'standard' || env.GAE_SERVICE !== undefined) return appEngine(service, env);
  const type = await service.optional('instance/machine-type');
  return type === undefined ? {} : computeEngine(service, type);
}

async function kubernetes(service: MetadataServer, location: string): Promise<Facts> {
  const isZone = location.split('-').length > 2;
  return {
    'cloud.platform': 'gcp_kubernetes_engine',
    [isZone ? 'cloud.availability_zone' : 'cloud.region']: location,
    'k8s.cluster.name': await service.text('instance/attributes/cluster-name'),
    'host.id': await service.text('instance/id'),
    // Not there with workload identity.
    'host.name': await service.optional('instance/name'),
  };
}

async function faas(service: MetadataServer, env: Env): Promise<Facts> {
  const isJob = env.K_CONFIGURATION === undefined && env.CLOUD_RUN_JOB !== undefined;
  return {
    'faas.name': env.K_SERVICE ?? env.CLOUD_RUN_JOB ?? env.CLOUD_RUN_WORKER_POOL,
    'faas.instance': await service.text('instance/id'),
    'cloud.region': lastPart(await service.text('instance/region')),
    ...(isJob
      ? {
          'gcp.cloud_run.job.execution': env.CLOUD_RUN_EXECUTION,
          'gcp.cloud_run.job.task_index': env.CLOUD_RUN_TASK_INDEX,
        }
      : { 'faas.version': env.CLOUD_RUN_REVISION ?? env.K_REVISION }),
  };
}

async function appEngine(service: MetadataServer, env: Env): Promise<Facts> {
  const zone = lastPart(await service.text('instance/zone'));
  const isStandard = env.GAE_ENV === 'standard';
  return {
    'cloud.platform': 'gcp_app_engine',
    'faas.name': env.GAE_SERVICE,
    'faas.version': env.GAE_VERSION,
    'faas.instance': env.GAE_INSTANCE,
    'cloud.availability_zone': zone,
    'cloud.region': isStandard ? lastPart(await service.text('instance/region')) : regionOf(zone),
  };
}

async function computeEngine(service: MetadataServer, type: string): Promise<Facts> {
  const zone = lastPart(await service.text('instance/zone'));
  const name = await service.text('instance/name');
  return {
    'cloud.platform': computePlatform,
    'cloud.availability_zone': zone,
    'cloud.region': regionOf(zone),
    'host.type': type,
    'host.id': await service.text('instance/id'),
    'host.name': name,
    'gcp.gce.instance.hostname': await service.optional('instance/hostname'),
    'gcp.gce.instance.name': name,
    ...instanceGroup(await service.optional('instance/attributes/created-by')),
  };
}

function instanceGroup(createdBy = ''): Facts {
  const match = /^projects\/[^/]+\/(zone|region)s\/([^/]+)\/instanceGroupManagers\/([^/]+)$/.exec(createdBy);
  if (!match) return {};
  const [, kind, place, name] = match;
  return {
    'gcp.gce.instance_group_manager.name': name,
    [`gcp.gce.instance_group_manager.${kind}`]: place,
  };
}

/** `europe-west1` of `europe-west1-b`. */
function regionOf(zone: string): string {
  return zone.split('-').slice(0, 2).join('-');
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** https://cloud.google.com/compute/docs/metadata/querying-metadata */
class MetadataServer {
  readonly #base: string;
  readonly #isNamed: boolean;
  readonly #abort: AbortSignal;
  /** Why there was no project. */
  trouble = '';

  constructor({ surroundings: { env, linkLocal }, abort }: Question) {
    this.#isNamed = Boolean(env.GCE_METADATA_HOST);
    this.#base = `${env.GCE_METADATA_HOST ? `http://${env.GCE_METADATA_HOST}` : linkLocal}/computeMetadata/v1/`;
    this.#abort = abort;
  }

  /** @returns undefined outside Google Cloud */
  async project(): Promise<string | undefined> {
    try {
      return await this.text('project/project-id');
    } catch (error) {
      // Who names the server says that there is one.
      if (!(error instanceof AskError && error.isElsewhere) || this.#isNamed) throw error;
      this.trouble = error.message;
      return undefined;
    }
  }

  /** @throws AskError */
  async text(path: string): Promise<string> {
    const url = this.#base + path;
    const reply = await ask(url, this.#abort, { headers: { 'Metadata-Flavor': 'Google' } });
    if (reply.status !== 200) throw refusal(url, reply);
    // Another cloud's service at the same address, or a captive portal.
    if (reply.header('metadata-flavor') !== 'Google')
      throw new AskError(`${url} is no metadata server of Google`, 404, true);
    return reply.text.trim();
  }

  /** Of the machine's service account. @throws Error */
  async token(): Promise<string> {
    const answer = await this.text('instance/service-accounts/default/token');
    const token = /"access_token"\s*:\s*"([^"\s]+)"/.exec(answer)?.[1];
    if (!token) throw new Error('the metadata server has no token of a service account');
    return token;
  }

  /** @returns undefined where the server does not know it @throws AskError where it does not answer */
  async optional(path: string): Promise<string | undefined> {
    try {
      return await this.text(path);
    } catch (error) {
      if (error instanceof AskError && (error.status === 404 || error.status === 403)) return undefined;
      throw error;
    }
  }
}
