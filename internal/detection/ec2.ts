import { z } from 'zod';
import { duration, integer } from '../config/fields.ts';
import { AskError } from './ask.ts';
import { ec2Api, tagsIn } from './aws_api.ts';
import { detectorKind, elsewhere, type Found, found, type Question } from './detector.ts';
import { Imds } from './imds.ts';
import { tagMatcher, tagPatterns } from './tags.ts';

const maxTags = 100;

interface TagConfig {
  readonly tags: readonly string[];
  readonly tags_from_imds: boolean;
}

/** An instance of Amazon EC2, by its metadata service. */
export const ec2 = detectorKind({
  name: 'ec2',
  attributes: {
    'cloud.account.id': true,
    'cloud.availability_zone': true,
    'cloud.platform': true,
    'cloud.provider': true,
    'cloud.region': true,
    'host.id': true,
    'host.image.id': true,
    'host.name': true,
    'host.type': true,
  },
  fields: {
    tags: tagPatterns('tags of the instance, as `ec2.tag.KEY`,'),
    tags_from_imds: z
      .boolean()
      .default(false)
      .describe('Reads tags from the metadata service, where the instance allows it; else by ec2:DescribeTags.'),
    max_attempts: integer().min(0).default(3).describe('Times that a request to the metadata service is tried.'),
    max_backoff: duration('20s').describe('Longest pause between two of them.'),
    fail_on_missing_metadata: z
      .boolean()
      .default(false)
      .describe('Outside EC2 the collector does not start; else nothing is set.'),
  },
  async detect(question, config) {
    const { env } = question.surroundings;
    if (env.AWS_EC2_METADATA_DISABLED?.toLowerCase() === 'true') return elsewhere('AWS_EC2_METADATA_DISABLED is true');
    const imds = new Imds(question, config.max_attempts, config.max_backoff);
    try {
      await imds.text('meta-data/instance-id');
    } catch (error) {
      if (error instanceof AskError && error.isElsewhere) return elsewhere(adviceOn(error));
      throw error;
    }
    const facts = found({
      'cloud.provider': 'aws',
      'cloud.platform': 'aws_ec2',
      ...(await imds.identity()),
      'host.name': await imds.text('meta-data/hostname'),
    });
    if (config.tags.length === 0) return facts;
    return { ...facts, attributes: new Map([...facts.attributes, ...(await tagsOf(question, imds, facts, config))]) };
  },
});

function adviceOn(error: AskError): string {
  if (!error.connected || error.status > 401) return error.message;
  return `${error.message}. In a container on EC2, allow the metadata service two hops (HttpPutResponseHopLimit: 2)`;
}

/** Tags are an extra: without them the instance is known all the same. */
async function tagsOf(question: Question, imds: Imds, facts: Found, config: TagConfig): Promise<[string, string][]> {
  const fits = tagMatcher(config.tags);
  try {
    const all = config.tags_from_imds ? await tagsFromImds(imds, fits) : await tagsFromApi(question, imds, facts);
    return all.filter(([key]) => fits(key)).map(([key, value]) => [`ec2.tag.${key}`, value]);
  } catch (error) {
    const advice = config.tags_from_imds
      ? 'Allow tags in instance metadata (InstanceMetadataTags: enabled)'
      : 'Or set tags_from_imds: true, which needs no role';
    question.logger.warn(`the ec2 detector cannot read the tags: ${(error as Error).message}. ${advice}`);
    return [];
  }
}

async function tagsFromImds(imds: Imds, fits: (key: string) => boolean): Promise<[string, string][]> {
  const keys = (await imds.text('meta-data/tags/instance')).split('\n').map((key) => key.trim());
  const tags: [string, string][] = [];
  for (const key of keys.slice(0, maxTags)) {
    if (fits(key)) tags.push([key, await imds.text(`meta-data/tags/instance/${encodeURIComponent(key)}`)]);
  }
  return tags;
}

async function tagsFromApi(question: Question, imds: Imds, { attributes }: Found): Promise<[string, string][]> {
  const filter = { 'Filter.1.Name': 'resource-id', 'Filter.1.Value.1': `${attributes.get('host.id')}` };
  const region = `${attributes.get('cloud.region')}`;
  return [...tagsIn(await ec2Api(question, imds, region, { Action: 'DescribeTags', ...filter }))];
}
