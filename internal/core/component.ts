import type { Signal } from '../otlp/payload.ts';
import type { Clock } from './clock.ts';
import type { Consumer } from './consumer.ts';
import type { Explanation } from './explain.ts';
import type { Account } from './ledger.ts';
import type { MemoryBudget } from './memory.ts';
import type { QualityReport } from './quality.ts';
import type { Shared } from './shared.ts';
import type { Logger, Meter } from './telemetry.ts';

export type Kind = 'receiver' | 'processor' | 'exporter' | 'connector' | 'extension';
export type Stability = 'development' | 'alpha' | 'beta' | 'stable';

export interface Component {
  /** Resolves when ready to work; rejects with an Error that says what to do. */
  start?(host: Host): Promise<void>;
  /** Safe twice, and safe without `start`. Finishes what it can until `abort` fires, then counts and logs the rest. */
  shutdown?(abort: AbortSignal): Promise<void>;
  /**
   * A reload has put `successor`, which runs, in this component's place. Gives it what can wait for another try, if
   * both can do that; `shutdown` follows.
   *
   * @returns false where nothing was given: then this component keeps what it has until it is done with it
   */
  handOver?(successor: Component): boolean;
  /** What became of a trace here, for `sluice explain`; undefined where it is not known. @param traceId 32 hex digits */
  explain?(traceId: string): Explanation | undefined;
  /** Wall time, milliseconds since 1970, since when `explain` knows every trace; undefined where nothing has been forgotten yet. */
  explainsSince?(): number | undefined;
  /** What it thinks of the telemetry so far, for `GET /quality`. */
  quality?(): QualityReport;
}

/** A component instance and its place, as an operator's question finds it. */
export interface RunningComponent {
  readonly kind: Kind;
  /** `type[/name]`. */
  readonly id: string;
  /** Pipelines it serves in; empty for an extension. */
  readonly pipelines: readonly string[];
  readonly component: Component;
}

/** What a component may ask of the process that runs it. */
export interface Host {
  /** The running extension with this id (`type[/name]`), if the service uses one. */
  extension(id: string): Component | undefined;
  /** Ends the process in an orderly way, with this error: only for what cannot be repaired while running. */
  fatal(error: Error): void;
  readonly system: System;
  /** What components hold in common; absent where one runs alone. */
  readonly shared?: Shared;
}

/** The running collector as seen by health checks and pages. */
export interface System {
  /** One row per component and pipeline it serves in. */
  statuses(): readonly ComponentStatus[];
  /** Calls back after each change of a status; returns a function that ends it. */
  onStatus(changed: (status: ComponentStatus) => void): () => void;
}

/** Upstream's component status, see component/componentstatus of the OpenTelemetry Collector. */
export type Status =
  | 'starting'
  | 'ok'
  | 'recoverable_error'
  | 'permanent_error'
  | 'fatal_error'
  | 'stopping'
  | 'stopped';

export interface ComponentStatus {
  readonly id: string;
  readonly kind: Kind;
  /** Pipeline ids (`traces/backend`); empty for an extension. */
  readonly pipelines: readonly string[];
  readonly status: Status;
  readonly error?: string;
  /** Wall time of the change, milliseconds. */
  readonly since: number;
}

/** All that a component gets from outside. Nothing else may be reached for. */
export interface Settings {
  /** `type[/name]`, as the configuration spells it. */
  readonly id: string;
  readonly kind: Kind;
  /** What the component handles: set for processors, exporters and connectors (their input). */
  readonly signal?: Signal | undefined;
  /** The pipeline a processor belongs to. */
  readonly pipeline?: string | undefined;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly memory: MemoryBudget;
  /** A processor's or connector's own account; an exporter's comes with each batch's context. */
  readonly account: Account;
  readonly build: BuildInfo;
  /** Tells a lasting change of health; repeated calls with the same status cost nothing. */
  report(status: Status, error?: string): void;
}

export interface BuildInfo {
  readonly name: string;
  readonly version: string;
}

/** Where a receiver sends each signal; a signal without a pipeline has no consumer. */
export type Outputs = Readonly<Partial<Record<Signal, Consumer>>>;

/** Where a connector may send: everything of a signal at once, or some pipelines by their ids. */
export interface ConnectorOutputs {
  readonly all: Outputs;
  pipeline(id: string): Consumer | undefined;
  /** Those of the pipelines it feeds whose ids fit, joined as in `all`. */
  select(fits: (id: string) => boolean): Outputs;
}

/** A zod schema, named by shape so that this folder needs no package. */
export interface ConfigSchema<C> {
  readonly _zod: { readonly output: C };
}

interface Described<K extends Kind, C> {
  readonly kind: K;
  /** The YAML key, and the folder's name. */
  readonly type: string;
  /** Older names that users still write. */
  readonly aliases?: readonly string[];
  readonly signals: readonly Signal[];
  readonly stability: Stability;
  /** One line for `sluice components` and the reference page. */
  readonly summary: string;
  readonly schema: ConfigSchema<C>;
}

export interface ReceiverFactory<C = any> extends Described<'receiver', C> {
  create(settings: Settings, config: C, outputs: Outputs): Component;
}
export interface ProcessorFactory<C = any> extends Described<'processor', C> {
  create(settings: Settings, config: C, next: Consumer): Component & Consumer;
}
export interface ExporterFactory<C = any> extends Described<'exporter', C> {
  create(settings: Settings, config: C): Component & Consumer;
}
export interface ConnectorFactory<C = any> extends Described<'connector', C> {
  /** What each signal of `signals` may become. Default: itself. */
  readonly outputs?: Readonly<Partial<Record<Signal, readonly Signal[]>>>;
  create(settings: Settings, config: C, outputs: ConnectorOutputs): Component & Consumer;
}
export interface ExtensionFactory<C = any> extends Described<'extension', C> {
  create(settings: Settings, config: C): Component;
}
export type Factory = ReceiverFactory | ProcessorFactory | ExporterFactory | ConnectorFactory | ExtensionFactory;

/** Checks a factory against its schema's type; does nothing at run time. */
export function defineReceiver<C>(factory: Omit<ReceiverFactory<C>, 'kind'>): ReceiverFactory<C> {
  return { kind: 'receiver', ...factory };
}
export function defineProcessor<C>(factory: Omit<ProcessorFactory<C>, 'kind'>): ProcessorFactory<C> {
  return { kind: 'processor', ...factory };
}
export function defineExporter<C>(factory: Omit<ExporterFactory<C>, 'kind'>): ExporterFactory<C> {
  return { kind: 'exporter', ...factory };
}
export function defineConnector<C>(factory: Omit<ConnectorFactory<C>, 'kind'>): ConnectorFactory<C> {
  return { kind: 'connector', ...factory };
}
export function defineExtension<C>(factory: Omit<ExtensionFactory<C>, 'kind'>): ExtensionFactory<C> {
  return { kind: 'extension', ...factory };
}

/** A row of `cmd/sluice/components.ts`: what is known of a component before its code is loaded. */
export interface ComponentEntry {
  readonly kind: Kind;
  readonly type: string;
  readonly aliases: readonly string[];
  load(): Promise<Factory>;
}
