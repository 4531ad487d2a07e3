import type { Metric } from '../../internal/otlp/view/metric.ts';
import { regexOf } from '../../internal/ottl/index.ts';
import type { CumulativetodeltaConfig, MatchConfig } from './config.ts';

const fieldOf = { sum: 7, histogram: 9, exponentialhistogram: 10 } as const;

/** Which metrics are converted: monotonic sums and histograms, as include and exclude have it. */
export function selection({ include, exclude }: CumulativetodeltaConfig): (metric: Metric) => boolean {
  const wanted = { name: nameMatch(include), types: typesOf(include) };
  const unwanted = { name: nameMatch(exclude), types: typesOf(exclude) };
  return (metric) => {
    const { dataField } = metric;
    if (dataField === 7 && !metric.sum.isMonotonic) return false;
    if (wanted.types.size > 0 && !wanted.types.has(dataField)) return false;
    if (unwanted.types.has(dataField)) return false;
    if (!wanted.name && !unwanted.name) return true;
    const { name } = metric;
    return (!wanted.name || wanted.name(name)) && !unwanted.name?.(name);
  };
}

function typesOf({ metric_types }: MatchConfig): ReadonlySet<number> {
  return new Set(metric_types.map((type) => fieldOf[type]));
}

/** Undefined where no names are given. */
function nameMatch({ match_type, metrics }: MatchConfig): ((name: string) => boolean) | undefined {
  if (metrics.length === 0) return undefined;
  if (match_type === 'strict') {
    const all = new Set(metrics);
    return (name) => all.has(name);
  }
  const regexes = metrics.map(regexOf);
  return (name) => regexes.some((regex) => regex.test(name));
}
