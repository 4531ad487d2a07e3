import { z } from 'zod';
import { defaulted, duration, object } from '../config/fields.ts';
import { type Strategy, strategies } from './names.ts';

/** What decides how metrics become series; the exporters to Prometheus have it in common. */
export function seriesFields() {
  return {
    namespace: z.string().default('').describe('Goes in front of each metric name.'),
    translation_strategy: z
      .enum(strategies)
      .optional()
      .describe('How names become those of Prometheus. Default: UnderscoreEscapingWithSuffixes.'),
    add_metric_suffixes: z
      .boolean()
      .default(true)
      .describe('Off: no unit and type suffixes. Deprecated, use `translation_strategy`.'),
    resource_to_telemetry_conversion: defaulted(
      object({
        enabled: z.boolean().default(false).describe('Every resource attribute becomes a label of each series.'),
        exclude_service_attributes: z
          .boolean()
          .default(false)
          .describe(
            'But for service.name, service.namespace and service.instance.id, which are in `job` and `instance`.',
          ),
      }),
    ),
    delta_to_cumulative: defaulted(
      object({
        max_streams: z
          .int()
          .min(0)
          .default(100_000)
          .describe('Delta series that are added up at the same time; points of further ones are dropped and counted.'),
        max_stale: duration('1h').describe('A delta series without a point for so long is forgotten, and begins anew.'),
      }),
    ),
  };
}

type SeriesConfig = z.output<z.ZodObject<Omit<ReturnType<typeof seriesFields>, 'delta_to_cumulative'>>>;

/** The part of a translation's settings that these fields decide. */
export function seriesSettings(config: SeriesConfig) {
  const suffixes = config.add_metric_suffixes ? 'With' : 'Without';
  const { enabled, exclude_service_attributes } = config.resource_to_telemetry_conversion;
  const strategy: Strategy = config.translation_strategy ?? `UnderscoreEscaping${suffixes}Suffixes`;
  return {
    strategy,
    namespace: config.namespace,
    resourceToLabels: enabled,
    excludeService: exclude_service_attributes,
  };
}
