import { z } from 'zod';
import { byteSize, defaulted, duration, enumeration, ignored, object } from '../../internal/config/fields.ts';
import { compileRegex, placed } from '../../internal/ottl/index.ts';

const types = ['sum', 'histogram', 'exponentialhistogram'] as const;

const metricType = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(enumeration(types));

const match = (what: string) =>
  defaulted(
    object({
      match_type: enumeration(['strict', 'regexp']).optional().describe('How `metrics` are compared with names.'),
      regexp: ignored('matches are fast enough without a cache'),
      metrics: z.array(z.string()).default([]).describe('Names, or patterns that match a part of a name.'),
      metric_types: z
        .array(metricType)
        .default([])
        .describe(`Of ${types.join(', ')}.`),
    }).superRefine(({ match_type, metrics }, ctx) => {
      if (metrics.length > 0 && match_type === undefined) {
        ctx.addIssue({ code: 'custom', path: ['match_type'], message: 'expected strict or regexp beside metrics' });
      }
      if (metrics.length === 0 && match_type !== undefined) {
        ctx.addIssue({ code: 'custom', path: ['metrics'], message: 'expected names beside match_type' });
      }
      if (match_type !== 'regexp') return;
      for (const [i, pattern] of metrics.entries()) {
        const regex = compileRegex(pattern);
        if (!regex.ok) ctx.addIssue({ code: 'custom', path: ['metrics', i], message: placed(regex.problem) });
      }
    }),
  ).describe(what);

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/cumulativetodeltaprocessor/README.md */
export const schema = object({
  include: match('Only these metrics are converted. Default: all.'),
  exclude: match('These are not, also where `include` names them.'),
  max_staleness: duration('1h').describe('A series without a point for so long is forgotten. 0: never.'),
  initial_value: enumeration(['auto', 'keep', 'drop'])
    .default('auto')
    .describe(
      'The first point of a series: `keep` passes it as a delta, `drop` only remembers it, `auto` passes it if the series began after the collector.',
    ),
  max_bytes: byteSize()
    .min(1024)
    .default(134_217_728)
    .describe(
      'Bytes of all series: about 220 for a number, 520 for a histogram of 12 buckets. Points of further series are dropped and counted.',
    ),
});

export type CumulativetodeltaConfig = z.output<typeof schema>;
export type MatchConfig = CumulativetodeltaConfig['include'];
