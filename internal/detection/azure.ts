import { AskError, askJson, textIn } from './ask.ts';
import { detectorKind, elsewhere, type Found, found, noFields, type Question } from './detector.ts';
import { tagMatcher, tagPatterns } from './tags.ts';

/** Azure's instance metadata service, https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service */
async function compute({ surroundings, abort }: Question): Promise<Record<string, unknown> | string> {
  const url = `${surroundings.linkLocal}/metadata/instance/compute?api-version=2020-09-01&format=json`;
  try {
    const answer = await askJson(url, abort, { headers: { Metadata: 'true' } });
    return textIn(answer, 'vmId') ? answer : `${url} says nothing of a machine`;
  } catch (error) {
    if (error instanceof AskError && error.isElsewhere) return error.message;
    throw error;
  }
}

/** A virtual machine. */
export const azure = detectorKind({
  name: 'azure',
  attributes: {
    'azure.resourcegroup.name': true,
    'azure.vm.name': true,
    'azure.vm.scaleset.name': true,
    'azure.vm.size': true,
    'cloud.account.id': true,
    'cloud.availability_zone': false,
    'cloud.platform': true,
    'cloud.provider': true,
    'cloud.region': true,
    'host.id': true,
    'host.name': true,
  },
  fields: { tags: tagPatterns('tags of the machine, as `azure.tag.NAME`,') },
  async detect(question, { tags }): Promise<Found> {
    const vm = await compute(question);
    if (typeof vm === 'string') return elsewhere(vm);
    const facts = found({
      'cloud.provider': 'azure',
      'cloud.platform': 'azure.vm',
      'host.name': textIn(vm, 'osProfile', 'computerName') || textIn(vm, 'name'),
      'cloud.region': textIn(vm, 'location'),
      'host.id': textIn(vm, 'vmId'),
      'cloud.account.id': textIn(vm, 'subscriptionId'),
      'cloud.availability_zone': textIn(vm, 'zone'),
      'azure.vm.name': textIn(vm, 'name'),
      'azure.vm.size': textIn(vm, 'vmSize'),
      'azure.vm.scaleset.name': textIn(vm, 'vmScaleSetName'),
      'azure.resourcegroup.name': textIn(vm, 'resourceGroupName'),
    });
    return { ...facts, attributes: new Map([...facts.attributes, ...tagsOf(vm.tagsList, tags)]) };
  },
});

function tagsOf(list: unknown, patterns: readonly string[]): [string, string][] {
  if (patterns.length === 0 || !Array.isArray(list)) return [];
  const fits = tagMatcher(patterns);
  return list.flatMap((tag: unknown): [string, string][] => {
    const name = textIn(tag, 'name');
    return name && fits(name) ? [[`azure.tag.${name}`, textIn(tag, 'value') ?? '']] : [];
  });
}

/** A cluster of Azure's Kubernetes service. */
export const aks = detectorKind({
  name: 'aks',
  attributes: { 'cloud.platform': true, 'cloud.provider': true, 'k8s.cluster.name': false },
  fields: noFields,
  async detect(question): Promise<Found> {
    if (!question.surroundings.env.KUBERNETES_SERVICE_HOST) return elsewhere('KUBERNETES_SERVICE_HOST is not set');
    const vm = await compute(question);
    if (typeof vm === 'string') return elsewhere(vm);
    return found({
      'cloud.provider': 'azure',
      'cloud.platform': 'azure.aks',
      'k8s.cluster.name': clusterName(textIn(vm, 'resourceGroupName') ?? ''),
    });
  },
});

/** Azure names a cluster's resource group `MC_GROUP_CLUSTER_LOCATION`; with underscores in the names nobody can tell. */
function clusterName(resourceGroup: string): string {
  const parts = resourceGroup.split('_');
  return parts.length === 4 && parts[0]!.toLowerCase() === 'mc' ? parts[2]! : resourceGroup;
}
