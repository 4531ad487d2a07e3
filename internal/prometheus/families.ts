import type { Metric, MetricKind } from '../otlp/view/metric.ts';
import { type FixedLabel, fixedLabel, plainName } from './labels.ts';
import { type MetricNaming, metricName, type NamedKind, unitName } from './names.ts';

/** MetricMetadata.MetricType of prometheus.WriteRequest, and the same numbers in io.prometheus.write.v2.Metadata. */
export type MetricType =
  | 'unknown'
  | 'counter'
  | 'gauge'
  | 'histogram'
  | 'gaugehistogram'
  | 'summary'
  | 'info'
  | 'stateset';

/** A metric by its Prometheus name. */
export interface Family {
  readonly name: string;
  readonly type: MetricType;
  readonly unit: string;
  /** May change from batch to batch. */
  help: string;
  /** `__name__` of its series: of plain samples, and of the parts of a histogram or summary. */
  readonly plain: FixedLabel;
  readonly sum: FixedLabel;
  readonly count: FixedLabel;
  readonly bucket: FixedLabel;
}

export const metricNameLabel = plainName('__name__');

export function family(name: string, type: MetricType, unit = '', help = ''): Family {
  const of = (suffix: string) => fixedLabel(metricNameLabel, name + suffix);
  return { name, type, unit, help, plain: of(''), sum: of('_sum'), count: of('_count'), bucket: of('_bucket') };
}

const maxFamilies = 10_000;
const longestKept = 1000;
const typeKey = Buffer.from('prometheus.type');

/** Families by the metrics they come from, each built once. */
export class Families {
  readonly #naming: MetricNaming;
  readonly #known = new Map<string, Family | undefined>();

  constructor(naming: MetricNaming) {
    this.#naming = naming;
  }

  /** @returns undefined for a metric of whose name nothing is left */
  of(metric: Metric, kind: MetricKind): Family | undefined {
    const { name, unit } = metric;
    const monotonic = kind === 'sum' && metric.sum.isMonotonic;
    const said = metric.has(12) ? metric.metadata.find(typeKey)?.value.stringValue : '';
    const key = `${kind}${monotonic}\n${said}\n${unit}\n${name}`;
    let known = this.#known.get(key);
    if (!known) {
      if (this.#known.has(key)) return undefined;
      known = this.#build(name, unit, kind, monotonic, said ?? '');
      if (this.#known.size >= maxFamilies) this.#known.clear();
      if (key.length <= longestKept) this.#known.set(key, known);
    }
    if (known && metric.has(2)) known.help = metric.description;
    return known;
  }

  #build(name: string, unit: string, kind: MetricKind, monotonic: boolean, said: string): Family | undefined {
    const built = metricName(name, unit, namedKind(kind, monotonic), this.#naming);
    if (built === undefined) return undefined;
    return family(built, typeOf(kind, monotonic, said), unitName(unit, this.#naming.strategy));
  }
}

function namedKind(kind: MetricKind, monotonic: boolean): NamedKind {
  if (kind === 'exponentialHistogram') return 'histogram';
  return kind === 'sum' && monotonic ? 'counter' : kind;
}

/** @param said `prometheus.type` of the metric's metadata, for what OpenTelemetry has no type of its own */
function typeOf(kind: MetricKind, monotonic: boolean, said: string): MetricType {
  switch (kind) {
    case 'gauge':
      return said === 'unknown' ? 'unknown' : 'gauge';
    case 'sum':
      return monotonic ? 'counter' : said === 'info' || said === 'stateset' ? said : 'gauge';
    case 'summary':
      return 'summary';
    default:
      return 'histogram';
  }
}
