/** The names follow pino's; fields come after the message because most lines have none. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger that adds `fields` to each of its lines. */
  with(fields: Fields): Logger;
}

export type Fields = Readonly<Record<string, unknown>>;
export type Labels = Readonly<Record<string, string>>;

/** `service.telemetry.metrics.level`: a metric is recorded at its own level and the finer ones. */
export type MetricLevel = 'basic' | 'normal' | 'detailed';

export interface MetricSpec {
  /** The whole name as scraped, for instance `otelcol_exporter_sent_spans`. */
  readonly name: string;
  readonly help: string;
  /** Default `basic`. */
  readonly level?: MetricLevel;
  /** Label values of this one series; a metric's label names must be the same in each call. */
  readonly labels?: Labels;
}

/**
 * Hands out series by name and labels: asking twice gives the same series, so that totals survive a reload.
 * Adding to one is a number's addition, cheap enough for each request.
 */
export interface Meter {
  counter(spec: MetricSpec): Counter;
  gauge(spec: MetricSpec): Gauge;
  /** A gauge, or with `monotonic` a counter, read when scraped. Returns a function that ends it. */
  observe(spec: MetricSpec & { readonly monotonic?: boolean }, read: () => number): () => void;
  histogram(spec: MetricSpec & { readonly buckets: readonly number[] }): Histogram;
}

export interface Counter {
  add(value: number): void;
}
export interface Gauge {
  set(value: number): void;
}
export interface Histogram {
  record(value: number): void;
}

export const noLogger: Logger = { debug() {}, info() {}, warn() {}, error() {}, with: () => noLogger };

const nothing = { add() {}, set() {}, record() {} };
export const noMeter: Meter = {
  counter: () => nothing,
  gauge: () => nothing,
  observe: () => () => {},
  histogram: () => nothing,
};
