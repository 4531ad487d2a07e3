import { z } from 'zod';
import { enumeration, ignored, object, section } from '../config/fields.ts';
import { compileRegex, placed } from '../ottl/index.ts';

const texts = (what: string) => z.array(z.string()).default([]).describe(what);
const pairs = (what: string) =>
  z
    .array(object({ key: z.string().min(1), value: z.unknown().optional() }))
    .default([])
    .describe(what);

const fields = object({
  match_type: enumeration(['strict', 'regexp']).describe('How names, bodies and text values are compared.'),
  regexp: ignored('matches are fast enough without a cache'),
  services: texts('Values of the resource’s service.name. Spans only.'),
  span_names: texts('Spans only.'),
  span_kinds: texts('SPAN_KIND_SERVER and so on. Spans only.'),
  log_bodies: texts('Logs only.'),
  log_severity_texts: texts('Logs only.'),
  log_severity_number: object({
    min: z.number().int().min(0).max(24).default(0).describe('The lowest severity number that matches.'),
    match_undefined: z.boolean().default(false).describe('Whether records without a severity match.'),
  })
    .optional()
    .describe('Logs only.'),
  metric_names: texts('Metrics only.'),
  attributes: pairs('All must be there; with a value, equal to it. Spans and logs.'),
  resources: pairs('The same for the resource’s attributes.'),
  libraries: z
    .array(object({ name: z.string(), version: z.string().nullish() }))
    .default([])
    .describe('All must match the scope’s name, and its version where one is given.'),
});

/**
 * Which records a processor looks at: those that match each list that is given, and in a list at least one entry.
 * https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/attributesprocessor/README.md#includeexclude-filtering
 */
export const matchSchema = section(
  fields.superRefine((match, ctx) => {
    if (match.match_type !== 'regexp') {
      for (const [i, kind] of match.span_kinds.entries()) {
        if (/^SPAN_KIND_(INTERNAL|SERVER|CLIENT|PRODUCER|CONSUMER)$/.test(kind)) continue;
        const message = `expected SPAN_KIND_INTERNAL, _SERVER, _CLIENT, _PRODUCER or _CONSUMER, got ${JSON.stringify(kind)}`;
        ctx.addIssue({ code: 'custom', path: ['span_kinds', i], message });
      }
      return;
    }
    const check = (pattern: unknown, path: (string | number)[]) => {
      if (typeof pattern !== 'string') {
        ctx.addIssue({ code: 'custom', path, message: 'expected text: match_type regexp compares text only' });
        return;
      }
      const regex = compileRegex(pattern);
      if (!regex.ok) {
        ctx.addIssue({
          code: 'custom',
          path,
          message: placed(regex.problem),
        });
      }
    };
    for (const field of [
      'services',
      'span_names',
      'span_kinds',
      'log_bodies',
      'log_severity_texts',
      'metric_names',
    ] as const) {
      for (const [i, pattern] of match[field].entries()) check(pattern, [field, i]);
    }
    for (const field of ['attributes', 'resources'] as const) {
      for (const [i, { value }] of match[field].entries()) if (value !== undefined) check(value, [field, i, 'value']);
    }
    for (const [i, { name, version }] of match.libraries.entries()) {
      check(name, ['libraries', i, 'name']);
      if (version) check(version, ['libraries', i, 'version']);
    }
  }),
);

export type MatchConfig = NonNullable<z.output<typeof matchSchema>>;

const onlyFor = {
  services: ['traces'],
  span_names: ['traces'],
  span_kinds: ['traces'],
  log_bodies: ['logs'],
  log_severity_texts: ['logs'],
  log_severity_number: ['logs'],
  metric_names: ['metrics'],
  attributes: ['traces', 'logs'],
  resources: ['traces', 'logs', 'metrics'],
  libraries: ['traces', 'logs'],
} as const satisfies Partial<Record<keyof MatchConfig, readonly string[]>>;

/** @throws Error that names the field which says nothing about this signal, or that none is given, as upstream does at the start */
export function checkMatch(
  match: MatchConfig,
  where: 'include' | 'exclude',
  signal: 'traces' | 'logs' | 'metrics',
): void {
  let given = 0;
  for (const [field, signals] of Object.entries(onlyFor)) {
    const value = match[field as keyof typeof onlyFor];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    given++;
    if (!(signals as readonly string[]).includes(signal)) {
      throw new Error(
        `${where}.${field} is for ${signals.join(' and ')}, this pipeline has ${signal}: give it a processor of its own`,
      );
    }
  }
  if (given > 0) return;
  const usable = Object.keys(onlyFor).filter((field) =>
    (onlyFor as Record<string, readonly string[]>)[field]!.includes(signal),
  );
  throw new Error(`${where} matches on nothing: expected at least one of ${usable.join(', ')}`);
}
