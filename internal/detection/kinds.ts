import { aks, azure } from './azure.ts';
import { container } from './container.ts';
import type { DetectorKind } from './detector.ts';
import { docker } from './docker.ts';
import { ec2 } from './ec2.ts';
import { ecs } from './ecs.ts';
import { eks } from './eks.ts';
import { env } from './env.ts';
import { gcp } from './gcp.ts';
import { heroku } from './heroku.ts';
import { k8sApi, k8sNode } from './k8s_api.ts';
import { lambda } from './lambda.ts';
import { k8s } from './pod.ts';
import { ownProcess } from './process.ts';
import { system } from './system.ts';

/** Every detector there is. `container`, `k8s` and `process` are ours, the others upstream's. */
export const detectorKinds: readonly DetectorKind[] = [
  env,
  system,
  container,
  ownProcess,
  docker,
  k8s,
  k8sApi,
  k8sNode,
  ec2,
  ecs,
  eks,
  gcp,
  azure,
  aks,
  heroku,
  lambda,
];

/** Upstream's that are not here. Each asks a service of its own that few have. */
export const missingDetectors: readonly string[] = [
  'akamai',
  'alibaba_ecs',
  'consul',
  'digitalocean',
  'dynatrace',
  'elastic_beanstalk',
  'elasticbeanstalk',
  'hetzner',
  'ibmcloud_classic',
  'ibmcloud_vpc',
  'kubeadm',
  'nova',
  'openshift',
  'oraclecloud',
  'scaleway',
  'tencent_cvm',
  'upcloud',
  'vultr',
];
