import type { Host } from '../core/component.ts';
import { type Held, Shared } from '../core/shared.ts';
import type { Detection, Place } from './detection.ts';

/** A component's hold on a detection: those of one key share it, and so do the components from before and after a reload. */
export class DetectionHold {
  readonly #key: string;
  readonly #make: () => Detection;
  #begun: Detection | undefined;
  #held: Held<Detection> | undefined;
  #forget: (() => void) | undefined;
  #closed = false;

  /** @param key says all that the detection depends on, and begins with the name of its maker */
  constructor(key: string, make: () => Detection) {
    this.#key = key;
    this.#make = make;
  }

  /** @param tell is told the place now, and after each change of it @throws as `Detection.start` does */
  async start({ shared = new Shared() }: Host, tell: (place: Place) => void): Promise<void> {
    const held = await shared.hold(this.#key, () => this.#begin());
    if (this.#closed) return held.release();
    this.#held = held;
    this.#forget = held.thing.onChange(() => tell(held.thing.place));
    tell(held.thing.place);
  }

  async #begin(): Promise<Detection> {
    const detection = this.#make();
    this.#begun = detection;
    await detection.start();
    this.#begun = undefined;
    return detection;
  }

  /** Ends a start that is under way, too. Safe twice. */
  close(): void {
    this.#closed = true;
    this.#begun?.close();
    this.#forget?.();
    this.#held?.release();
  }
}
