import type { Signal } from '../otlp/payload.ts';
import type { Factory, Kind } from './component.ts';
import type { MetricLevel } from './telemetry.ts';

/** A configuration that is complete and right: every reference resolved, every component's part parsed. */
export interface ResolvedConfig {
  readonly receivers: ReadonlyMap<string, ResolvedComponent>;
  readonly processors: ReadonlyMap<string, ResolvedComponent>;
  readonly exporters: ReadonlyMap<string, ResolvedComponent>;
  readonly connectors: ReadonlyMap<string, ResolvedComponent>;
  readonly extensions: ReadonlyMap<string, ResolvedComponent>;
  readonly service: ResolvedService;
}

export interface ResolvedComponent {
  /** `type[/name]` as written. */
  readonly id: string;
  readonly kind: Kind;
  readonly factory: Factory;
  /** The output of the factory's schema. */
  readonly config: unknown;
  /** The part as written, after substitution: equal text means an unchanged component at a reload. */
  readonly fingerprint: string;
}

export interface ResolvedService {
  /** In start order. */
  readonly extensions: readonly string[];
  readonly pipelines: ReadonlyMap<string, ResolvedPipeline>;
  readonly telemetry: TelemetryConfig;
  /** Bytes of telemetry the process may hold; undefined: min(128 MiB, a quarter of the container's memory). */
  readonly memoryBudgetBytes?: number | undefined;
  /** Milliseconds from SIGTERM to the end. */
  readonly shutdownTimeoutMs: number;
}

export interface ResolvedPipeline {
  /** `traces`, `logs/audit`, … */
  readonly id: string;
  readonly signal: Signal;
  /** Receivers, or connectors by their id. */
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  /** Exporters, or connectors by their id. */
  readonly exporters: readonly string[];
}

/** How repeated lines are thinned out. */
export interface LogSampling {
  /** Milliseconds of one round. */
  readonly tickMs: number;
  /** Lines of the same text written in each round before thinning begins. */
  readonly initial: number;
  /** From then on every n-th is written; 0: none. */
  readonly thereafter: number;
}

/** `service.telemetry`, by upstream's field names. */
export interface TelemetryConfig {
  readonly logs: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly encoding: 'console' | 'json';
    /** `stderr`, `stdout` or file paths. */
    readonly outputPaths: readonly string[];
    readonly initialFields: Readonly<Record<string, unknown>>;
    /** Lines of the JSON encoding name the resource. */
    readonly resource: boolean;
    /** Absent: every line is written. */
    readonly sampling?: LogSampling | undefined;
  };
  readonly metrics: {
    readonly level: 'none' | MetricLevel;
    /** Where Prometheus text is served; none: no server. Default localhost:8888. */
    readonly prometheus: readonly { readonly host: string; readonly port: number }[];
    /** Periodic OTLP/HTTP export of our own metrics. */
    readonly otlp: readonly {
      readonly endpoint: string;
      readonly intervalMs: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly protocol: 'http/protobuf' | 'grpc';
    }[];
  };
  /** Attributes of our own telemetry; null removes a default one. */
  readonly resource: Readonly<Record<string, string | null>>;
}
