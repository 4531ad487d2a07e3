import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { peer } from '../../bench/peers/peer.ts';
import { throughOtelcol } from '../../bench/peers/through_otelcol.ts';
import type { Host } from '../../internal/core/component.ts';
import { noContext } from '../../internal/core/consumer.ts';
import { apiServer, docker, ec2, ec2Api, ecs, gcp, gke } from '../../internal/detection/test/clouds.ts';
import { type Service, serve } from '../../internal/detection/test/service.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { canonical, firstDifference } from '../../internal/testkit/canonical.ts';
import { makeCertificates } from '../../internal/testkit/certs.ts';
import { asPayload, generateRequest } from '../../internal/testkit/generate.ts';
import { loadOracle } from '../../internal/testkit/oracle.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import resourcedetection from './index.ts';

/*
 * The Go collector's detectors and ours in the same world: the same environment variables, and the same servers that
 * answer like metadata services. What comes out must be equal but for the order of attributes. Azure's address is fixed
 * in the Go collector, and EKS wants the files of a service account: these two are not compared. Skipped where that
 * collector can neither be found nor built.
 */

const options = { peer: 'otelcol_detecting' } as const;
const collector = await peer(options.peer, { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in collector) process.stderr.write(`skipped: ${collector.missing}\n`);
const interop = test.skipIf('missing' in collector);

const oracle = await loadOracle();
const type = 'resourcedetection';
const signals: readonly Signal[] = ['traces', 'metrics', 'logs'];
const groups = { traces: 'resourceSpans', metrics: 'resourceMetrics', logs: 'resourceLogs' } as const;
const host: Host = {
  extension: () => undefined,
  fatal() {},
  system: { statuses: () => [], onStatus: () => () => {} },
};

const services: Service[] = [];
afterEach(() => vi.unstubAllEnvs());
afterAll(() => Promise.all(services.map((service) => service.close())));

async function serving(...given: Parameters<typeof serve>): Promise<Service> {
  const service = await serve(...given);
  services.push(service);
  return service;
}

const switchedOn = (...names: string[]) => ({
  resource_attributes: Object.fromEntries(names.map((name) => [name, { enabled: true }])),
});
const texts = (attributes: Record<string, string>) =>
  Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));

/** Resources with nothing, with what is detected too, and with a schema of their own. */
function requests(signal: Signal): Uint8Array[] {
  const request = oracle.request(signal);
  const own = { 'host.name': 'sender', 'cloud.provider': 'moon', 'service.name': 'shop', team: 'tin' };
  const resources = [
    {},
    { resource: { attributes: texts(own) }, schemaUrl: 'https://opentelemetry.io/schemas/1.9.0' },
    { resource: { attributes: [...texts(own), { key: 'os.type', value: { intValue: 7 } }] } },
  ];
  const tree = request.encode(request.fromObject({ [groups[signal]]: resources })).finish();
  return [tree, generateRequest(signal, { seed: 1, items: 20 })];
}

/** @returns a paragraph for each configuration by which the two differ */
async function differences(signal: Signal, configs: readonly object[], env: Record<string, string>): Promise<string> {
  // The Go collector normalizes what it decodes: only then are both fed the same.
  const [plain] = await throughOtelcol(signal, type, [{ detectors: ['env'] }], requests(signal), options);
  const theirs = await throughOtelcol(signal, type, configs, plain!, { ...options, env });
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const line = (bytes: Uint8Array) => canonical(oracle, signal, bytes);
  const found: string[] = [];
  for (const [i, config] of configs.entries()) {
    const ours = await throughSluice(signal, config, plain!);
    const difference = firstDifference(ours.map(line).join('\n'), theirs[i]!.map(line).join('\n'));
    if (difference) found.push(`${JSON.stringify(config)}\n${difference}`);
  }
  return found.join('\n\n');
}

async function throughSluice(signal: Signal, config: object, batches: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const next = new RecordingConsumer();
  const settings = testSettings({ id: type, kind: 'processor', signal });
  const { parse } = resourcedetection.schema as unknown as { parse(config: object): never };
  const processor = resourcedetection.create(settings, parse(config), next);
  await processor.start?.(host);
  for (const batch of batches) await processor.consume(asPayload(signal, batch), noContext);
  await processor.shutdown?.(AbortSignal.timeout(1000));
  return next.taken.map((batch) => Buffer.concat(batch.chunks));
}

const machine = switchedOn(
  ...['host.arch', 'host.id', 'host.interface', 'host.ip', 'host.mac'],
  ...['host.cpu.cache.l2.size', 'host.cpu.family', 'host.cpu.model.id', 'host.cpu.model.name'],
  ...['host.cpu.stepping', 'host.cpu.vendor.id'],
  ...['os.build.id', 'os.description', 'os.name', 'os.version'],
);
const noProvider = { resource_attributes: { 'cloud.provider': { enabled: false } } };

interop.each(signals)('%s: environment, machine and the services of clouds', async (signal) => {
  const env = {
    OTEL_RESOURCE_ATTRIBUTES: ' team = gold , note=a%2Cb+c%C3%A9,empty=,cloud.region=here ',
    HEROKU_APP_ID: 'app',
    HEROKU_APP_NAME: 'name',
    HEROKU_DYNO_ID: 'dyno',
    HEROKU_RELEASE_CREATED_AT: '2015-04-02T18:00:42Z',
    HEROKU_RELEASE_VERSION: 'v7',
    HEROKU_SLUG_COMMIT: 'abc',
    AWS_LAMBDA_FUNCTION_NAME: 'fn',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/fn',
    AWS_LAMBDA_LOG_STREAM_NAME: '2020/[$LATEST]1',
    AWS_REGION: 'eu-west-1',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: (await serving(ec2)).url,
    // The Go collector's client takes no other authority into its own HTTP client, and fails.
    AWS_CA_BUNDLE: '',
    AWS_ENDPOINT_URL_EC2: (await serving(ec2Api('AKIDROLE'))).url,
    ECS_CONTAINER_METADATA_URI_V4: `${(await serving(ecs)).url}/v4/abc`,
    DOCKER_HOST: `tcp://127.0.0.1:${(await serving(docker(hostname()))).port}`,
    GCE_METADATA_HOST: `127.0.0.1:${(await serving(gcp())).port}`,
  };
  const gceNames = switchedOn('gcp.gce.instance.hostname', 'gcp.gce.instance.name');
  const configs = [
    {},
    { override: false },
    { detectors: ['env', 'system'] },
    { detectors: [' system ', 'env', 'heroku'], override: false },
    { detectors: ['system'], system: machine },
    { detectors: ['system'], system: { hostname_sources: ['os'], ...switchedOn('os.description') } },
    { detectors: ['system'], system: { hostname_sources: ['lookup', 'cname', 'os'] } },
    { detectors: ['heroku', 'lambda', 'env'] },
    { detectors: ['lambda', 'heroku'], lambda: noProvider },
    { detectors: ['ecs'] },
    { detectors: ['ec2'], ec2: { tags: ['^Name$', 'team'], tags_from_imds: true } },
    { detectors: ['ec2'], ec2: { tags: ['^Name$', 'empty'] } },
    { detectors: ['ec2', 'system', 'env'], ec2: noProvider },
    { detectors: ['docker'], docker: switchedOn('container.name', 'container.image.name') },
    { detectors: ['gcp'], gcp: gceNames },
    { detectors: ['aks', 'env'] },
    { detectors: ['env', 'ecs', 'ec2', 'gcp', 'docker', 'heroku', 'lambda', 'system'], override: false, timeout: '2s' },
  ];
  expect(await differences(signal, configs, env)).toBe('');
});

const platforms: [string, Record<string, string>][] = [
  ['functions', { FUNCTION_TARGET: 'f', K_SERVICE: 'svc', K_REVISION: 'rev' }],
  ['run', { K_CONFIGURATION: 'c', K_SERVICE: 'svc', K_REVISION: 'rev' }],
  ['job', { CLOUD_RUN_JOB: 'job', CLOUD_RUN_EXECUTION: 'job-1', CLOUD_RUN_TASK_INDEX: '0' }],
  ['worker pool', { CLOUD_RUN_WORKER_POOL: 'pool', CLOUD_RUN_REVISION: 'rev' }],
  ['app engine', { GAE_ENV: 'standard', GAE_SERVICE: 's', GAE_VERSION: 'v', GAE_INSTANCE: 'i' }],
  ['flexible app engine', { GAE_SERVICE: 's', GAE_VERSION: 'v', GAE_INSTANCE: 'i' }],
  ['bare metal', { BMS_PROJECT_ID: 'p', BMS_REGION: 'r', BMS_INSTANCE_ID: 'i' }],
];

interop.each(platforms)('Google Cloud: %s', async (_, env) => {
  const named = { ...env, GCE_METADATA_HOST: `127.0.0.1:${(await serving(gcp())).port}` };
  expect(await differences('traces', [{ detectors: ['gcp'] }], named)).toBe('');
});

const made = await makeCertificates();
afterAll(() => made?.remove());

test.skipIf('missing' in collector || !made)(
  'Kubernetes: a node by the API server, and Kubernetes Engine in a zone and in a region',
  async () => {
    const { cert, key } = made!.server;
    const tls = { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
    for (const location of ['us-central1-c', 'us-central1']) {
      const env = {
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: `${(await serving(apiServer(), tls)).port}`,
        K8S_NODE_NAME: 'node-1',
        MY_NODE: 'node-1',
        GCE_METADATA_HOST: `127.0.0.1:${(await serving(gke(location))).port}`,
      };
      const configs = [
        { detectors: ['k8s_api'], k8s_api: { auth_type: 'none' } },
        {
          detectors: ['k8snode'],
          k8snode: {
            auth_type: 'none',
            node_from_env_var: 'MY_NODE',
            resource_attributes: { 'k8s.node.uid': { enabled: false } },
          },
        },
        { detectors: ['gcp'] },
      ];
      expect(await differences('logs', configs, env), location).toBe('');
    }
  },
);
