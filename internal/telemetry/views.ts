/** The part of the pipeline's ledger that the pages and the closing lines read. */
export interface LedgerView {
  readonly balanced: boolean;
  readonly branches: readonly LedgerBranch[];
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
  /** Items nobody accounts for; 0 when the branch balances. */
  readonly difference: number;
}
