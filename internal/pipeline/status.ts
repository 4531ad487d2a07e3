import type { Clock } from '../core/clock.ts';
import type { ComponentStatus, Status, System } from '../core/component.ts';

/** What a status belongs to: a component instance. */
export type Described = Pick<ComponentStatus, 'id' | 'kind' | 'pipelines'>;

export class Statuses implements System {
  readonly #clock: Clock;
  readonly #rows = new Map<Described, ComponentStatus>();
  readonly #listeners = new Set<(status: ComponentStatus) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  statuses(): readonly ComponentStatus[] {
    return [...this.#rows.values()];
  }

  onStatus(changed: (status: ComponentStatus) => void): () => void {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  }

  of(owner: Described): Status | undefined {
    return this.#rows.get(owner)?.status;
  }

  set(owner: Described, status: Status, error?: string): void {
    const before = this.#rows.get(owner);
    if (before?.status === status && before.pipelines === owner.pipelines) return;
    const { id, kind, pipelines } = owner;
    const since = before?.status === status ? before.since : this.#clock.now();
    const row: ComponentStatus = { id, kind, pipelines, status, ...(error === undefined ? {} : { error }), since };
    this.#rows.set(owner, row);
    for (const tell of this.#listeners) tell(row);
  }

  /** A reload has replaced or removed it. */
  forget(owner: Described): void {
    this.#rows.delete(owner);
  }
}
