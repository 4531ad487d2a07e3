import { AttributeList } from '../../internal/attributes/list.ts';
import type { Component, Host, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import type { Held } from '../../internal/core/shared.ts';
import { configuredDetectors } from '../../internal/detection/config.ts';
import { Detection } from '../../internal/detection/detection.ts';
import { type Surroundings, systemSurroundings } from '../../internal/detection/surroundings.ts';
import type { Patch } from '../../internal/otlp/patch.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { rewriteLogs, rewriteMetrics, rewriteSpans } from '../../internal/otlp/rewrite.ts';
import type { ResourceGroup } from '../../internal/otlp/view/resource.ts';
import type { ResourceDetectionConfig } from './config.ts';
import { type Encoded, encodePlace, nothing, resourceAttributes, writePlace } from './write.ts';

/**
 * Writes what detectors find into each resource. The pipelines that a processor serves in share one detection, and so
 * do the instances from before and after a reload.
 */
export class ResourceDetection implements Component, Consumer {
  readonly #settings: Settings;
  readonly #config: ResourceDetectionConfig;
  readonly #next: Consumer;
  readonly #surroundings: Surroundings;
  readonly #list = new AttributeList();
  readonly #rewrite: (batch: Payload) => Payload;
  #held: Held<Detection> | undefined;
  #forget: (() => void) | undefined;
  #place: Encoded = nothing;

  /** @param surroundings tests put another world in the place of this one */
  constructor(
    settings: Settings,
    config: ResourceDetectionConfig,
    next: Consumer,
    surroundings = systemSurroundings(),
  ) {
    this.#settings = settings;
    this.#config = config;
    this.#next = next;
    this.#surroundings = surroundings;
    const visitor = { resource: (group: ResourceGroup, patch: Patch) => this.#edit(group, patch) };
    const rewrite = { traces: rewriteSpans, logs: rewriteLogs, metrics: rewriteMetrics }[settings.signal ?? 'traces'];
    this.#rewrite = (batch) => rewrite(batch, visitor);
  }

  async start({ shared }: Host): Promise<void> {
    const key = `resourcedetection ${this.#settings.id} ${JSON.stringify(this.#config)}`;
    const held = shared ? await shared.hold(key, () => this.#detect()) : alone(await this.#detect());
    this.#held = held;
    const renew = () => {
      this.#place = encodePlace(held.thing.place);
    };
    this.#forget = held.thing.onChange(renew);
    renew();
  }

  async #detect(): Promise<Detection> {
    const { detectors, timeout, refresh_interval: refreshMs } = this.#config;
    const chosen = configuredDetectors(detectors, this.#config);
    const detection = new Detection(this.#settings, this.#surroundings, {
      detectors: chosen,
      timeoutMs: timeout,
      refreshMs,
    });
    await detection.start();
    return detection;
  }

  async shutdown(): Promise<void> {
    this.#forget?.();
    this.#held?.release();
  }

  consume(batch: Payload, ctx: BatchContext): Promise<Outcome> {
    return this.#next.consume(this.#place === nothing ? batch : this.#rewrite(batch), ctx);
  }

  #edit(group: ResourceGroup, patch: Patch): void {
    const list = this.#list.read(group.resource, resourceAttributes);
    writePlace(this.#place, list, this.#config.override);
    if (list.changed) list.write(patch);
    if (this.#place.schemaUrl && group.schemaUrl === '') patch.appendBeside(this.#place.schemaUrl);
  }
}

function alone(thing: Detection): Held<Detection> {
  return { thing, release: () => thing.close() };
}
