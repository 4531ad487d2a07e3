import {
  type Component,
  type ConnectorFactory,
  defineConnector,
  defineExporter,
  defineExtension,
  defineProcessor,
  defineReceiver,
  type ExporterFactory,
  type ExtensionFactory,
  type Factory,
  type Host,
  type Kind,
  type Outputs,
  type ProcessorFactory,
  type ReceiverFactory,
  type Settings,
} from '../core/component.ts';
import { type BatchContext, type Consumer, noContext } from '../core/consumer.ts';
import type { Outcome } from '../core/outcome.ts';
import type { ResolvedComponent, ResolvedConfig, ResolvedPipeline } from '../core/resolved.ts';
import { Payload, type Signal } from '../otlp/payload.ts';
import { buildCollector } from '../pipeline/collector.ts';
import { type Answer, RecordingConsumer, testSettings } from './settings.ts';

/** A component of a test configuration: its factory and the output of its schema. */
export interface Part {
  readonly factory: Factory;
  readonly config?: unknown;
}

export interface TestConfig {
  readonly receivers?: Readonly<Record<string, Part>>;
  readonly processors?: Readonly<Record<string, Part>>;
  readonly exporters?: Readonly<Record<string, Part>>;
  readonly connectors?: Readonly<Record<string, Part>>;
  readonly extensions?: Readonly<Record<string, Part>>;
  /** By id; the signal is what stands before the slash. */
  readonly pipelines: Readonly<
    Record<string, { readonly receivers: string[]; readonly processors?: string[]; readonly exporters: string[] }>
  >;
}

/** A configuration as if it had been read from a file, without one. */
export function resolvedConfig(config: TestConfig): ResolvedConfig {
  const pipelines = Object.entries(config.pipelines).map(([id, { receivers, processors = [], exporters }]) => {
    const pipeline: ResolvedPipeline = { id, signal: id.split('/')[0] as Signal, receivers, processors, exporters };
    return [id, pipeline] as const;
  });
  return {
    receivers: parts('receiver', config.receivers),
    processors: parts('processor', config.processors),
    exporters: parts('exporter', config.exporters),
    connectors: parts('connector', config.connectors),
    extensions: parts('extension', config.extensions),
    service: {
      extensions: Object.keys(config.extensions ?? {}),
      pipelines: new Map(pipelines),
      telemetry: {
        logs: { level: 'info', encoding: 'console', outputPaths: [], initialFields: {}, resource: true },
        metrics: { level: 'detailed', prometheus: [], otlp: [] },
        resource: {},
      },
      shutdownTimeoutMs: 10_000,
    },
  };
}

function parts(kind: Kind, of: Readonly<Record<string, Part>> = {}): Map<string, ResolvedComponent> {
  return new Map(
    Object.entries(of).map(([id, { factory, config }]) => {
      const fingerprint = `${factory.type} ${JSON.stringify(config ?? null)}`;
      return [id, { id, kind, factory, config, fingerprint }];
    }),
  );
}

/** What the instances made by a probe have lived through, in order, over all reloads. */
export interface Life {
  /** `create`, `start`, `shutdown`, each followed by the instance's number. */
  readonly events: string[];
  /** Set to make the next starts fail. */
  failStart?: string | undefined;
}

const shape = { signals: ['traces', 'metrics', 'logs'], stability: 'development', summary: 'a probe' } as const;
const schema = { _zod: { output: undefined as unknown } };

function lived(life: Life): Component {
  const number = life.events.filter((event) => event.startsWith('create')).length + 1;
  life.events.push(`create ${number}`);
  return {
    async start() {
      life.events.push(`start ${number}`);
      if (life.failStart) throw new Error(life.failStart);
    },
    async shutdown() {
      life.events.push(`shutdown ${number}`);
    },
  };
}

/** A receiver through which the test sends. */
export class Inlet implements Life {
  readonly events: string[] = [];
  failStart: string | undefined;
  /** Of the newest instance. */
  outputs: Outputs = {};
  readonly factory: ReceiverFactory;

  constructor() {
    this.factory = defineReceiver<unknown>({
      ...shape,
      type: 'inlet',
      schema,
      create: (_settings, _config, outputs) => {
        this.outputs = outputs;
        return lived(this);
      },
    });
  }

  send(batch: Payload, ctx: BatchContext = noContext): Promise<Outcome> {
    const consumer = this.outputs[batch.signal];
    if (!consumer) throw new Error(`no pipeline for ${batch.signal}`);
    return consumer.consume(batch, ctx);
  }
}

/** An exporter that keeps what it accepts. One for all its ids and instances. */
export class Outlet extends RecordingConsumer implements Life {
  readonly events: string[] = [];
  failStart: string | undefined;
  readonly factory: ExporterFactory;

  constructor(answer?: Answer) {
    super(answer);
    this.factory = defineExporter<unknown>({
      ...shape,
      type: 'outlet',
      schema,
      create: () => ({ ...lived(this), consume: (batch, ctx) => this.consume(batch, ctx) }),
    });
  }
}

/** An exporter made of the real stack or whatever else `create` builds. */
export function exporterOf(create: (settings: Settings, config: any) => Component & Consumer): ExporterFactory {
  return defineExporter<any>({ ...shape, type: 'made', schema, create });
}

/** A processor whose `consume` is given. */
export class Middle implements Life {
  readonly events: string[] = [];
  failStart: string | undefined;
  readonly factory: ProcessorFactory;

  constructor(consume: (batch: Payload, ctx: BatchContext, next: Consumer, settings: Settings) => Promise<Outcome>) {
    this.factory = defineProcessor<unknown>({
      ...shape,
      type: 'middle',
      schema,
      create: (settings, _config, next) => ({
        ...lived(this),
        consume: (batch, ctx) => consume(batch, ctx, next, settings),
      }),
    });
  }
}

/** A connector that turns each batch into one of another signal, unchanged in number of items. */
export function turning(into: Signal): ConnectorFactory {
  return defineConnector<unknown>({
    ...shape,
    type: 'turning',
    schema,
    create: (_settings, _config, { all }) => ({
      consume: (batch, ctx) =>
        all[into]!.consume(new Payload(into, batch.chunks, batch.itemCount, batch.byteLength), ctx),
    }),
  });
}

/** An extension, and what its instances were asked. */
export class Addon implements Life {
  readonly events: string[] = [];
  failStart: string | undefined;
  readonly factory: ExtensionFactory;

  constructor(start?: (host: Host) => void) {
    this.factory = defineExtension<unknown>({
      ...shape,
      type: 'addon',
      schema,
      create: () => {
        const component = lived(this);
        return {
          ...component,
          async start(host) {
            start?.(host);
            await component.start?.(host);
          },
        };
      },
    });
  }
}

/** A collector on virtual time, not started. */
export function testCollector(config: TestConfig) {
  const env = testSettings();
  const fatal: Error[] = [];
  const collector = buildCollector(resolvedConfig(config), { ...env, fatal: (error) => void fatal.push(error) });
  const reload = (next: TestConfig) => collector.reload(resolvedConfig(next));
  return { ...env, collector, reload, fatal };
}

/** The same, started. */
export async function runningCollector(config: TestConfig) {
  const made = testCollector(config);
  await made.collector.start();
  return made;
}
