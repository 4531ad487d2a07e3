import type { Payload, Signal } from '../otlp/payload.ts';
import type { Kind } from './component.ts';

/** Where batches can be looked at: on their way into a component, or out of a receiver. */
export interface TapPlace {
  readonly kind: Kind;
  /** `type[/name]`. */
  readonly id: string;
  readonly signal: Signal;
  /** Absent for a receiver, which may feed several. */
  readonly pipeline?: string;
}

export interface Tappable {
  /** All places of the configurations that ran so far. */
  places(): readonly TapPlace[];
  /**
   * Calls `saw` with each batch that passes one of the wanted places, also of those that a reload brings. It is called
   * on the batch's way: it must return soon, and cannot change anything.
   *
   * @returns what ends it
   */
  tap(wanted: (place: TapPlace) => boolean, saw: (place: TapPlace, batch: Payload) => void): () => void;
}
