import type { Settings } from '../../internal/core/component.ts';
import { accepted, type Outcome, permanent } from '../../internal/core/outcome.ts';
import type { Sender } from '../../internal/exporterhelper/index.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import { walkLogs, walkMetrics, walkSpans } from '../../internal/otlp/view/walk.ts';
import type { DebugConfig } from './config.ts';
import { detailedLogs, normalLogs } from './logs.ts';
import { detailedMetrics, normalMetrics } from './metrics.ts';
import { type Output, openOutput } from './output.ts';
import { BatchSampling } from './sampling.ts';
import { detailedTraces, normalTraces } from './traces.ts';

type Render = Readonly<Record<Signal, (batch: Payload) => string>>;

const normal: Render = { traces: normalTraces, metrics: normalMetrics, logs: normalLogs };
const detailed: Render = { traces: detailedTraces, metrics: detailedMetrics, logs: detailedLogs };

/** Prints batches. Never keeps one: what cannot be printed is the reader's loss and not the sender's. */
export class DebugSender implements Sender {
  readonly #settings: Settings;
  readonly #config: DebugConfig;
  readonly #sampling: BatchSampling;
  #output: Output | undefined;

  constructor(settings: Settings, config: DebugConfig) {
    this.#settings = settings;
    this.#config = config;
    this.#sampling = new BatchSampling(settings.clock, config.sampling_initial, config.sampling_thereafter);
  }

  async start(): Promise<void> {
    const { use_internal_logger, output_paths = ['stdout'] } = this.#config;
    this.#output = await openOutput(use_internal_logger ? this.#settings.logger : output_paths);
  }

  async send(batch: Payload): Promise<Outcome> {
    if (!this.#output) return permanent('shutdown', 'the exporter is not running');
    if (!this.#sampling.take()) return accepted;
    await this.#output.line(titles[batch.signal], counts(batch));
    const { verbosity } = this.#config;
    if (verbosity !== 'basic') {
      const render = verbosity === 'normal' ? normal : detailed;
      await this.#output.text(render[batch.signal](batch));
    }
    return accepted;
  }

  async shutdown(): Promise<void> {
    const output = this.#output;
    this.#output = undefined;
    await output?.close();
  }
}

const titles = { traces: 'Traces', metrics: 'Metrics', logs: 'Logs' } as const;

function counts(batch: Payload): Record<string, number> {
  if (batch.signal === 'traces') return { 'resource spans': resources(walkSpans(batch)), spans: batch.itemCount };
  if (batch.signal === 'logs') return { 'resource logs': resources(walkLogs(batch)), 'log records': batch.itemCount };
  const walk = walkMetrics(batch);
  let groups = 0;
  let metrics = 0;
  for (; walk.nextResource(); groups++) while (walk.nextScope()) while (walk.nextRecord()) metrics++;
  return { 'resource metrics': groups, metrics, 'data points': batch.itemCount };
}

function resources(walk: { nextResource(): boolean }): number {
  let groups = 0;
  while (walk.nextResource()) groups++;
  return groups;
}
