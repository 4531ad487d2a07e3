import type { Consumer } from '../core/consumer.ts';

/** A step around the next one. */
export type Layer = (next: Consumer) => Consumer;

/** How far an exporter's shutdown has got; shared by its layers. */
export class Life {
  readonly #stopping = new AbortController();
  readonly #cancels = new Set<() => void>();
  readonly #ends: (() => void)[] = [];
  #killed = false;

  /** Fires when no wait for another try may begin or go on. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** The deadline has passed: every send is cancelled. */
  get killed(): boolean {
    return this.#killed;
  }

  stop(): void {
    this.#stopping.abort();
  }

  kill(): void {
    this.stop();
    this.#killed = true;
    for (const cancel of [...this.#cancels]) cancel();
  }

  /** `end` runs when the exporter is shut down: what a reload replaces must not be scraped any more. */
  onEnd(end: () => void): void {
    this.#ends.push(end);
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  /** `cancel` runs at `kill`, unless taken back. Cheaper than a signal's listener for each send. */
  onKill(cancel: () => void): void {
    this.#cancels.add(cancel);
  }

  offKill(cancel: () => void): void {
    this.#cancels.delete(cancel);
  }
}
