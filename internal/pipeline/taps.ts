import type { TapPlace, Tappable } from '../core/tap.ts';
import type { Payload } from '../otlp/payload.ts';

/** What an edge asks on each batch. It outlives the edge: a reload's new edge has the same one. */
export class TapSlot {
  readonly place: TapPlace;
  /** Undefined while nobody taps here, which is all that an edge has to look at. */
  saw: ((batch: Payload) => void) | undefined;

  constructor(place: TapPlace) {
    this.place = place;
  }
}

interface Tap {
  readonly wanted: (place: TapPlace) => boolean;
  readonly saw: (place: TapPlace, batch: Payload) => void;
}

export class Taps implements Tappable {
  readonly #slots = new Map<string, TapSlot>();
  readonly #taps = new Set<Tap>();

  slot(place: TapPlace): TapSlot {
    const { kind, id, signal, pipeline = '' } = place;
    const key = [kind, pipeline, signal, id].join(' ');
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = new TapSlot(place);
      this.#slots.set(key, slot);
      this.#connect(slot);
    }
    return slot;
  }

  places(): readonly TapPlace[] {
    return [...this.#slots.values()].map(({ place }) => place);
  }

  tap(wanted: Tap['wanted'], saw: Tap['saw']): () => void {
    const tap: Tap = { wanted, saw };
    const connect = () => {
      for (const slot of this.#slots.values()) this.#connect(slot);
    };
    this.#taps.add(tap);
    connect();
    return () => {
      if (this.#taps.delete(tap)) connect();
    };
  }

  #connect(slot: TapSlot): void {
    const { place } = slot;
    const taps = [...this.#taps].filter(({ wanted }) => wanted(place));
    slot.saw =
      taps.length === 0
        ? undefined
        : (batch) => {
            for (const { saw } of taps) saw(place, batch);
          };
  }
}
