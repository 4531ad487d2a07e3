import { z } from 'zod';
import { defaulted, ignored, object } from '../config/fields.ts';
import { didYouMean } from '../config/suggest.ts';
import type { DetectorKind } from './detector.ts';
import { detectorKinds, missingDetectors } from './kinds.ts';

/** A detector, and what the configuration says of it. */
export interface ConfiguredDetector {
  readonly kind: DetectorKind;
  readonly config: DetectorConfig;
}

interface DetectorConfig {
  readonly resource_attributes: Readonly<Record<string, { readonly enabled?: boolean | undefined } | null>>;
  /** Of ec2. */
  readonly fail_on_missing_metadata?: boolean;
}

type Sections = Readonly<Record<string, unknown>>;

/** The name of a detector; upstream leaves out spaces around it. */
export function detectorName() {
  const names = detectorKinds.map(({ name }) => name);
  return z
    .string()
    .trim()
    .superRefine((name, ctx) => {
      if (names.includes(name)) return;
      const message = missingDetectors.includes(name)
        ? `the Go collector's detector ${JSON.stringify(name)} is not there: remove it, and set its attributes through OTEL_RESOURCE_ATTRIBUTES and the env detector`
        : `expected the name of a detector, got ${JSON.stringify(name)}${didYouMean(name, names)}`;
      ctx.addIssue({ code: 'custom', message });
    })
    .meta({ examples: names });
}

/** The sections of the detectors that are there, and of upstream's others. */
export function detectorSections() {
  const missing = missingDetectors.map((name) => [name, ignored('this detector is not there')] as const);
  const known = detectorKinds.map((kind) => [kind.name, sectionOf(kind)] as const);
  return Object.fromEntries<z.ZodType>([...known, ...missing].filter(([name]) => name !== 'env'));
}

function sectionOf(kind: DetectorKind) {
  return defaulted(object({ ...kind.fields, resource_attributes: switches(kind) }));
}

/** Which of its attributes a detector sets. */
function switches({ name, attributes }: DetectorKind) {
  const names = Object.keys(attributes);
  const key = z.string().superRefine((text, ctx) => {
    const message = `the ${name} detector has no attribute ${JSON.stringify(text)}${didYouMean(text, names)}`;
    if (!names.includes(text)) ctx.addIssue({ code: 'custom', message });
  });
  const entry = object({ enabled: z.boolean().optional().describe('Sets it, or does not.') }).nullable();
  const listed = (word: string, on: boolean) => {
    const some = names.filter((one) => attributes[one] === on);
    return some.length > 0 ? ` ${word}: ${some.join(', ')}.` : '';
  };
  const told = `By attribute: \`{ enabled: true }\` or false.${listed('On', true)}${listed('Off', false)}`;
  return defaulted(z.record(key, entry)).describe(told);
}

/** @param names in the order in which they count @param sections of the configuration, as parsed */
export function configuredDetectors(names: readonly string[], sections: Sections): ConfiguredDetector[] {
  return names.flatMap((name) => {
    const kind = detectorKinds.find((one) => one.name === name);
    if (!kind) return [];
    const config = sections[name] ?? sectionOf(kind).parse(undefined);
    return [{ kind, config: config as DetectorConfig }];
  });
}

/** Whether this attribute is to be set; those that nobody could list beforehand, such as tags, are. */
export function isWanted({ kind, config }: ConfiguredDetector, name: string): boolean {
  return config.resource_attributes[name]?.enabled ?? kind.attributes[name] ?? true;
}
