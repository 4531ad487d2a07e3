import type { BuildInfo } from '../core/component.ts';
import type { TelemetryConfig } from '../core/resolved.ts';
import { type Labels, type Meter, type MetricSpec, noMeter } from '../core/telemetry.ts';
import { type Family, HistogramSeries, NumberSeries, ObservedSeries, Registry, type Series } from './series.ts';

export interface MeterHandle {
  readonly meter: Meter;
  readonly registry: Registry;
  /** Attributes of the process itself: `service.name`, `service.version`, `service.instance.id` and what the configuration says. */
  readonly resource: Labels;
  /** Prometheus text, version 0.0.4. */
  scrape(): Promise<string>;
}

/** @param instanceId unique to this process */
export function createMeter(
  telemetry: Pick<TelemetryConfig, 'metrics' | 'resource'>,
  build: BuildInfo,
  instanceId: string,
): MeterHandle {
  const registry = new Registry();
  const resource = ownResource(telemetry.resource, build, instanceId);
  const { level } = telemetry.metrics;
  return {
    meter: level === 'none' ? noMeter : meterOf(registry, level),
    registry,
    resource,
    async scrape() {
      // Loaded when somebody asks: most of a start's time is loading code.
      const { exposition } = await import('./exposition.ts');
      return exposition(registry.read(), resource);
    },
  };
}

/** Upstream's defaults under what is configured; a null takes a default away. */
function ownResource(configured: TelemetryConfig['resource'], build: BuildInfo, instanceId: string): Labels {
  const defaults = { 'service.name': build.name, 'service.version': build.version, 'service.instance.id': instanceId };
  const resource: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...defaults, ...configured })) {
    if (value !== null) resource[name] = value;
  }
  return resource;
}

const ranks = { basic: 0, normal: 1, detailed: 2 };

/** Series of one metric; further label values share one series, as OpenTelemetry's cardinality limit has it. */
const maxSeries = 2000;
const overflowLabels: Labels = { otel_metric_overflow: 'true' };

function meterOf(registry: Registry, level: keyof typeof ranks): Meter {
  const enabled = (spec: MetricSpec) => ranks[spec.level ?? 'basic'] <= ranks[level];
  return {
    counter(spec) {
      if (!enabled(spec)) return noMeter.counter(spec);
      return series(family(registry, spec, 'counter'), spec, (labels) => new NumberSeries(labels)) as NumberSeries;
    },
    gauge(spec) {
      if (!enabled(spec)) return noMeter.gauge(spec);
      return series(family(registry, spec, 'gauge'), spec, (labels) => new NumberSeries(labels)) as NumberSeries;
    },
    histogram(spec) {
      if (!enabled(spec)) return noMeter.histogram(spec);
      const { buckets } = spec;
      const owner = family(registry, spec, 'histogram', buckets);
      return series(owner, spec, (labels) => new HistogramSeries(labels, owner.bounds)) as HistogramSeries;
    },
    observe(spec, read) {
      if (!enabled(spec)) return () => {};
      const owner = family(registry, spec, spec.monotonic ? 'counter' : 'gauge');
      const key = keyOf(owner, spec.labels);
      const observed = new ObservedSeries(spec.labels ?? {}, read);
      if (owner.series.size < maxSeries || owner.series.has(key)) owner.series.set(key, observed);
      return () => {
        // After a reload the name may already be another's.
        if (owner.series.get(key) === observed) owner.series.delete(key);
      };
    },
  };
}

function series(owner: Family, spec: MetricSpec, make: (labels: Labels) => Series): Series {
  const key = keyOf(owner, spec.labels);
  const known = owner.series.get(key);
  if (known instanceof ObservedSeries) {
    throw new Error(
      `metric ${spec.name}: ${label(spec.labels)} is observed already; a series is counted or observed, not both`,
    );
  }
  if (known) return known;
  const full = owner.series.size >= maxSeries;
  const overflow = full ? owner.series.get(overflowKey) : undefined;
  if (overflow) return overflow;
  const created = make(full ? overflowLabels : { ...spec.labels });
  owner.series.set(full ? overflowKey : key, created);
  return created;
}

/** No label value's key begins with it. */
const overflowKey = 'overflow';

function keyOf(owner: Family, labels: Labels = {}): string {
  return `:${owner.labelNames.map((name) => JSON.stringify(labels[name])).join()}`;
}

function family(registry: Registry, spec: MetricSpec, type: Family['type'], bounds: readonly number[] = []): Family {
  const labelNames = Object.keys(spec.labels ?? {}).sort();
  const known = registry.get(spec.name);
  if (known) {
    agree(spec.name, 'type', known.type, type);
    agree(spec.name, 'label names', known.labelNames.join(), labelNames.join());
    agree(spec.name, 'buckets', known.bounds.join(), bounds.join());
    return known;
  }
  // Dots are OpenTelemetry's; Prometheus gets underscores for them.
  if (!/^[a-zA-Z_][a-zA-Z0-9_.]*$/.test(spec.name))
    throw new Error(`metric ${JSON.stringify(spec.name)}: not a metric name`);
  for (const name of labelNames) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_.]*$/.test(name))
      throw new Error(`metric ${spec.name}: ${JSON.stringify(name)} is not a label name`);
  }
  if (bounds.some((bound, i) => i > 0 && bound <= bounds[i - 1]!)) {
    throw new Error(`metric ${spec.name}: buckets must ascend, got ${bounds.join()}`);
  }
  const created: Family = {
    name: spec.name,
    help: spec.help,
    type,
    labelNames,
    bounds: [...bounds],
    series: new Map(),
  };
  registry.add(created);
  return created;
}

function agree(name: string, what: string, first: string, now: string): void {
  if (first === now) return;
  throw new Error(
    `metric ${name}: registered first with ${what} {${first}}, asked for now with {${now}}; every call must name the same`,
  );
}

function label(labels: Labels = {}): string {
  return JSON.stringify(labels);
}
