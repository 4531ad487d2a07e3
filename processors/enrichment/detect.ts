import type { Host, Settings } from '../../internal/core/component.ts';
import type { Held } from '../../internal/core/shared.ts';
import { type ConfiguredDetector, configuredDetectors, detectorSections } from '../../internal/detection/config.ts';
import { Detection } from '../../internal/detection/detection.ts';
import { type Surroundings, systemSurroundings } from '../../internal/detection/surroundings.ts';
import type { SourceConfig } from './config.ts';
import { type Facts, factsOf } from './facts.ts';
import type { Source } from './source.ts';

const timeoutMs = 5000;

/** Where this process runs, by the detectors that are named; else by those that ask nobody. */
export class DetectSource implements Source {
  readonly #settings: Settings;
  readonly #config: SourceConfig;
  readonly #surroundings: Surroundings;
  #held: Held<Detection> | undefined;
  #forget: (() => void) | undefined;
  #facts: Facts = factsOf({}, undefined);

  /** @param surroundings tests put another world in the place of this one */
  constructor(settings: Settings, config: SourceConfig, surroundings = systemSurroundings()) {
    this.#settings = settings;
    this.#config = config;
    this.#surroundings = surroundings;
  }

  find(): Facts {
    return this.#facts;
  }

  async start({ shared }: Host): Promise<void> {
    const { write, detectors } = this.#config;
    const key = `detect ${this.#settings.id} ${JSON.stringify(detectors)}`;
    const held = shared ? await shared.hold(key, () => this.#detect()) : alone(await this.#detect());
    const renew = () => {
      this.#facts = factsOf(Object.fromEntries(held.thing.place.attributes), write);
    };
    this.#held = held;
    this.#forget = held.thing.onChange(renew);
    renew();
  }

  async #detect(): Promise<Detection> {
    const { detectors: names } = this.#config;
    const detectors = names ? configuredDetectors(names, {}) : withoutQuestions();
    const detection = new Detection(this.#settings, this.#surroundings, { detectors, timeoutMs, refreshMs: 0 });
    await detection.start();
    return detection;
  }

  close(): void {
    this.#forget?.();
    this.#held?.release();
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

function alone(thing: Detection): Held<Detection> {
  return { thing, release: () => thing.close() };
}
