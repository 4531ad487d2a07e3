import { z } from 'zod';
import { duration, ignored, object } from '../../internal/config/fields.ts';

const ownCollector = 'Node collects garbage by itself';
const count = () => z.number().int().min(0).default(0);
const percentage = () => z.number().min(0).max(100).default(0);

/** https://github.com/open-telemetry/opentelemetry-collector/blob/main/processor/memorylimiterprocessor/README.md */
export const schema = object({
  check_interval: duration('1s').describe('Time between two looks at the memory in use.'),
  limit_mib: count().describe('Hard limit of the process, MiB.'),
  spike_limit_mib: count().describe('Refusing begins this far below the hard limit, MiB; 0: 20% of the limit.'),
  limit_percentage: percentage().describe('Hard limit as a share of the memory of the container or machine, percent.'),
  spike_limit_percentage: percentage().describe('The same for the distance below it, percent; 0: 20% of the limit.'),
  min_gc_interval_when_soft_limited: ignored(ownCollector),
  min_gc_interval_when_hard_limited: ignored(ownCollector),
  max_gc_interval_when_soft_limited: ignored(ownCollector),
  max_gc_interval_when_hard_limited: ignored(ownCollector),
})
  .refine((config) => config.check_interval > 0, {
    path: ['check_interval'],
    message: 'must be more than 0: 1s is good',
  })
  .refine((config) => config.limit_mib > 0 || config.limit_percentage > 0, {
    path: ['limit_mib'],
    message: 'limit_mib or limit_percentage must be set',
  })
  .refine((config) => config.limit_mib === 0 || config.spike_limit_mib < config.limit_mib, {
    path: ['spike_limit_mib'],
    message: 'must be less than limit_mib',
  })
  .refine((config) => config.limit_percentage === 0 || config.spike_limit_percentage < config.limit_percentage, {
    path: ['spike_limit_percentage'],
    message: 'must be less than limit_percentage',
  });

export type LimiterConfig = z.output<typeof schema>;

/** Bytes in use at which refusing begins, and at which garbage is collected too. */
export interface Limits {
  readonly soft: number;
  readonly hard: number;
}

const mib = 2 ** 20;

/** @param total bytes that the process may use: the container's, or the machine's */
export function limitsOf(config: LimiterConfig, total: number): Limits {
  const fixed = config.limit_mib > 0;
  const hard = fixed ? config.limit_mib * mib : (total * config.limit_percentage) / 100;
  const spike = fixed ? config.spike_limit_mib * mib : (total * config.spike_limit_percentage) / 100;
  return { hard, soft: hard - (spike || hard / 5) };
}
