import {
  type Component,
  defineExporter,
  defineProcessor,
  defineReceiver,
  type Outputs,
} from '../../../internal/core/component.ts';
import type { Consumer } from '../../../internal/core/consumer.ts';
import { acceptedPromise } from '../../../internal/core/outcome.ts';
import type { ResolvedComponent, ResolvedConfig, ResolvedPipeline } from '../../../internal/core/resolved.ts';
import type { Payload, Signal } from '../../../internal/otlp/payload.ts';

/** What the replay puts in the place of a configuration's edges. */
export interface Edges {
  /** Gets what leads into the pipelines, once they are built. */
  readonly inlet: (outputs: Outputs) => void;
  readonly arrived: (exporter: string, signal: Signal, batch: Payload) => void;
}

/** What a trace buffer takes on a machine of 4 GiB and more. */
const bufferMib = 1024;
const inletId = 'capture';
const shape = { signals: ['traces', 'metrics', 'logs'], stability: 'stable', summary: 'part of a replay' } as const;
const schema = { _zod: { output: undefined as unknown } };

/**
 * A configuration with its real processors and connectors between a capture and counting sinks. One receiver feeds every pipeline that has a receiver, since
 * a capture does not say through which one its batches came. `memory_limiter` lets everything through: what it refuses is up to the machine.
 * No extension starts: they are doors to the outside.
 */
export function candidate(config: ResolvedConfig, edges: Edges): ResolvedConfig {
  const pipelines = [...config.service.pipelines.values()].map((spec) => [spec.id, fed(spec, config)] as const);
  return {
    receivers: new Map([[inletId, part(inletId, 'receiver', inletFactory(edges))]]),
    processors: new Map([...config.processors].map(([id, one]) => [id, settled(one)])),
    exporters: new Map([...config.exporters.keys()].map((id) => [id, part(id, 'exporter', sinkFactory(edges))])),
    connectors: config.connectors,
    extensions: new Map(),
    service: { ...config.service, extensions: [], pipelines: new Map(pipelines) },
  };
}

function fed(spec: ResolvedPipeline, { connectors }: ResolvedConfig): ResolvedPipeline {
  const joined = spec.receivers.filter((id) => connectors.has(id));
  return { ...spec, receivers: joined.length === spec.receivers.length ? joined : [inletId, ...joined] };
}

function part(id: string, kind: 'receiver' | 'exporter', factory: ResolvedComponent['factory']): ResolvedComponent {
  return { id, kind, factory, config: undefined, fingerprint: id };
}

function inletFactory(edges: Edges) {
  return defineReceiver<unknown>({
    ...shape,
    type: inletId,
    schema,
    create(_settings, _config, outputs): Component {
      edges.inlet(outputs);
      return {};
    },
  });
}

function sinkFactory(edges: Edges) {
  return defineExporter<unknown>({
    ...shape,
    type: 'sink',
    schema,
    create: ({ id }): Component & Consumer => ({
      consume(batch, { account }) {
        edges.arrived(id, batch.signal, batch);
        account?.sent(batch.itemCount, false);
        return acceptedPromise;
      },
    }),
  });
}

/** Free of what depends on the machine, and of what a sampler has learnt or would leave behind on its disk. */
function settled(one: ResolvedComponent): ResolvedComponent {
  const { type } = one.factory;
  if (type === 'memory_limiter') return letThrough(one);
  if (type !== 'tail_sampling' && type !== 'error_biased_sampler') return one;
  const { storage_directory: _, ...config } = one.config as Readonly<Record<string, unknown>>;
  return { ...one, config: { ...config, max_buffer_mib: config.max_buffer_mib ?? bufferMib } };
}

function letThrough(one: ResolvedComponent): ResolvedComponent {
  const factory = defineProcessor<unknown>({
    ...shape,
    type: one.factory.type,
    schema,
    create: (_settings, _config, next) => ({ consume: (batch, ctx) => next.consume(batch, ctx) }),
  });
  return { ...one, factory };
}
