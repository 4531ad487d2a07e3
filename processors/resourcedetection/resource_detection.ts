import type { Component, Host, Settings } from '../../internal/core/component.ts';
import type { BatchContext, Consumer } from '../../internal/core/consumer.ts';
import type { Outcome } from '../../internal/core/outcome.ts';
import { configuredDetectors } from '../../internal/detection/config.ts';
import { Detection } from '../../internal/detection/detection.ts';
import { DetectionHold } from '../../internal/detection/hold.ts';
import { systemSurroundings } from '../../internal/detection/surroundings.ts';
import { AttributeList } from '../../internal/otlp/attributes/list.ts';
import type { Patch } from '../../internal/otlp/patch.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { rewriteLogs, rewriteMetrics, rewriteSpans, Tools } from '../../internal/otlp/rewrite.ts';
import type { ResourceGroup } from '../../internal/otlp/view/resource.ts';
import type { ResourceDetectionConfig } from './config.ts';
import { type Encoded, encodePlace, nothing, resourceAttributes, writePlace } from './write.ts';

/** Writes what detectors find into each resource. The pipelines that a processor serves in share one detection. */
export class ResourceDetection implements Component, Consumer {
  readonly #config: ResourceDetectionConfig;
  readonly #next: Consumer;
  readonly #detection: DetectionHold;
  readonly #list = new AttributeList();
  readonly #rewrite: (batch: Payload) => Payload;
  #place: Encoded = nothing;

  /** @param surroundings tests put another world in the place of this one */
  constructor(
    settings: Settings,
    config: ResourceDetectionConfig,
    next: Consumer,
    surroundings = systemSurroundings(),
  ) {
    this.#config = config;
    this.#next = next;
    const { detectors, timeout: timeoutMs, refresh_interval: refreshMs } = config;
    this.#detection = new DetectionHold(`resourcedetection ${settings.id} ${JSON.stringify(config)}`, () => {
      const chosen = configuredDetectors(detectors, config);
      return new Detection(settings, surroundings, { detectors: chosen, timeoutMs, refreshMs });
    });
    const visitor = { resource: (group: ResourceGroup, patch: Patch) => this.#edit(group, patch) };
    const rewrite = { traces: rewriteSpans, logs: rewriteLogs, metrics: rewriteMetrics }[settings.signal ?? 'traces'];
    const options = { tools: new Tools() };
    this.#rewrite = (batch) => rewrite(batch, visitor, options);
  }

  start(host: Host): Promise<void> {
    return this.#detection.start(host, (place) => {
      this.#place = encodePlace(place);
    });
  }

  async shutdown(): Promise<void> {
    this.#detection.close();
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
