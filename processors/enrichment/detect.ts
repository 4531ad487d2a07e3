import type { Host, Settings } from '../../internal/core/component.ts';
import { type ConfiguredDetector, configuredDetectors, detectorSections } from '../../internal/detection/config.ts';
import { Detection } from '../../internal/detection/detection.ts';
import { DetectionHold } from '../../internal/detection/hold.ts';
import { systemSurroundings } from '../../internal/detection/surroundings.ts';
import type { SourceConfig } from './config.ts';
import { type Facts, factsOf } from './facts.ts';
import type { Source } from './source.ts';

const timeoutMs = 5000;

/** Where this process runs, by the detectors that are named; else by those that ask nobody. */
export class DetectSource implements Source {
  readonly #config: SourceConfig;
  readonly #detection: DetectionHold;
  #facts: Facts = factsOf({}, undefined);

  /** @param surroundings tests put another world in the place of this one */
  constructor(settings: Settings, config: SourceConfig, surroundings = systemSurroundings()) {
    this.#config = config;
    const key = `enrichment ${settings.id} detect ${JSON.stringify(config.detectors)}`;
    this.#detection = new DetectionHold(key, () => {
      const detectors = config.detectors ? configuredDetectors(config.detectors, {}) : withoutQuestions();
      return new Detection(settings, surroundings, { detectors, timeoutMs, refreshMs: 0 });
    });
  }

  find(): Facts {
    return this.#facts;
  }

  start(host: Host): Promise<void> {
    return this.#detection.start(host, ({ attributes }) => {
      this.#facts = factsOf(Object.fromEntries(attributes), this.#config.write);
    });
  }

  close(): void {
    this.#detection.close();
  }
}

/** Host, operating system, container and pod: at once, and not by DNS. */
function withoutQuestions(): ConfiguredDetector[] {
  const system = detectorSections().system!.parse({
    hostname_sources: ['os'],
    resource_attributes: { 'host.arch': { enabled: true } },
  });
  return configuredDetectors(['system', 'container', 'k8s'], { system });
}
