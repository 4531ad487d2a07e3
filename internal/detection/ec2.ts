import { z } from 'zod';
import { duration, integer } from '../config/fields.ts';
import { AskError } from './ask.ts';
import { detectorKind, elsewhere, found, type Question } from './detector.ts';
import { Imds } from './imds.ts';
import { tagMatcher, tagPatterns } from './tags.ts';

const maxTags = 100;
const tagAdvice = 'allow tags in instance metadata (InstanceMetadataTags: enabled)';

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
      .describe(
        'Needed for `tags`: they are read from the metadata service, which the instance has to allow (InstanceMetadataTags).',
      ),
    max_attempts: integer().min(0).default(3).describe('Times that a request to the metadata service is tried.'),
    max_backoff: duration('20s').describe('Longest pause between two of them.'),
    fail_on_missing_metadata: z
      .boolean()
      .default(false)
      .describe('Outside EC2 the collector does not start; else nothing is set.'),
  },
  problem: ({ tags, tags_from_imds: fromImds }) =>
    tags.length > 0 && !fromImds
      ? {
          field: 'tags',
          message: `tags by the EC2 API are not there: set tags_from_imds: true, and ${tagAdvice}`,
        }
      : undefined,
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
    return { ...facts, attributes: new Map([...facts.attributes, ...(await tagsOf(question, imds, config.tags))]) };
  },
});

function adviceOn(error: AskError): string {
  if (!error.connected || error.status > 401) return error.message;
  return `${error.message}. In a container on EC2, allow the metadata service two hops (HttpPutResponseHopLimit: 2)`;
}

/** Tags are an extra: without them the instance is known all the same. */
async function tagsOf(question: Question, imds: Imds, patterns: readonly string[]): Promise<[string, string][]> {
  const fits = tagMatcher(patterns);
  const tags: [string, string][] = [];
  try {
    const keys = (await imds.text('meta-data/tags/instance')).split('\n').map((key) => key.trim());
    for (const key of keys.slice(0, maxTags)) {
      if (key && fits(key))
        tags.push([`ec2.tag.${key}`, await imds.text(`meta-data/tags/instance/${encodeURIComponent(key)}`)]);
    }
  } catch (error) {
    question.logger.warn(
      `the ec2 detector could not read all tags: ${(error as Error).message}. To have them, ${tagAdvice}`,
    );
  }
  return tags;
}
