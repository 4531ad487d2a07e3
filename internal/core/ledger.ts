/**
 * Where the items of one branch of a pipeline (pipeline × exporter) or of one of its processors ended.
 * Only a component that says yes before the work is done calls `hold`; it then owes exactly one of
 * `passed`, `sent`, `dropped`, `filtered` or `moved` for each item. A refusal that travels back to the sender is nobody's to count
 * but the pipeline's, at its entry.
 */
export interface Account {
  /** We said yes to `items` and still have them. */
  hold(items: number): void;
  /** Held items were taken over by the next component, which now owes for them. */
  passed(items: number): void;
  /** Items reached the far end. `held`: they were counted by `hold` before. */
  sent(items: number, held: boolean): void;
  /** Items are lost, for a reason of a small fixed set (`retries_exhausted`, `shutdown`, `partial_success`, …). */
  dropped(items: number, reason: string, held: boolean): void;
  /** Items left out on purpose (filter, sampler). `held`: they were counted by `hold` before. */
  filtered(items: number, held?: boolean): void;
  /** After a reload the successor has the held items, and its account, which is another one, adopts them. */
  moved(items: number): void;
  /** Takes on items that a predecessor's account has `moved`: they are held here now. */
  adopt(items: number): void;
}

/** For a component that runs outside a pipeline, in a test for instance. */
export const noAccount: Account = {
  hold() {},
  passed() {},
  sent() {},
  dropped() {},
  filtered() {},
  moved() {},
  adopt() {},
};

/** `GET /ledger`: where the items are at this moment. */
export interface LedgerSnapshot {
  readonly balanced: boolean;
  readonly branches: readonly LedgerBranch[];
  /** Only connectors that keep, leave out or lose something themselves. */
  readonly connectors: readonly {
    readonly connector: string;
    readonly held: number;
    readonly filtered: number;
    readonly dropped: Readonly<Record<string, number>>;
  }[];
}

/** Items of a pipeline and one of its exporters: received + surplus = sent + filtered + refused + dropped + held. */
export interface LedgerBranch {
  readonly pipeline: string;
  readonly exporter: string;
  readonly received: number;
  readonly surplus: number;
  readonly sent: number;
  readonly filtered: number;
  readonly refused: number;
  /** Items by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly held: number;
  readonly balanced: boolean;
  /** Left side less right side: more than 0 are items nobody accounts for, less than 0 items counted twice. */
  readonly difference: number;
}
