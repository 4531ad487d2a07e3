import type { Rows } from './rows.ts';

interface Before<M> {
  readonly row: number;
  readonly created: boolean;
  readonly start: bigint;
  readonly time: bigint;
  readonly value: bigint;
  readonly isDouble: number;
  readonly touched: number;
  readonly more: M | undefined;
  readonly moreBytes: number;
}

/** What one batch changes in the rows, so that it can be taken back when the next component refuses the batch. */
export class Journal<M> {
  readonly rows: Rows<M>;
  readonly #before: Before<M>[] = [];
  readonly #ended: number[] = [];

  constructor(rows: Rows<M>) {
    this.rows = rows;
  }

  /** The row is about to change. @param created it was not there before this batch */
  note(row: number, created = false): void {
    const { rows } = this;
    rows.pinned[row] = 1;
    this.#before.push({
      row,
      created,
      start: rows.start[row]!,
      time: rows.time[row]!,
      value: rows.value[row]!,
      isDouble: rows.isDouble[row]!,
      touched: rows.touched[row]!,
      more: rows.more[row],
      moreBytes: rows.bytesOfMore(row),
    });
  }

  /** The series is to be forgotten with this batch. */
  end(row: number): void {
    this.rows.pinned[row] = 1;
    this.#ended.push(row);
  }

  commit(): void {
    for (const { row } of this.#before) this.rows.pinned[row] = 0;
    for (const row of this.#ended) this.rows.remove(row);
  }

  rollback(): void {
    const { rows } = this;
    for (const row of this.#ended) rows.pinned[row] = 0;
    for (let before = this.#before.pop(); before; before = this.#before.pop()) {
      const { row } = before;
      rows.pinned[row] = 0;
      if (before.created) {
        rows.remove(row);
        continue;
      }
      rows.start[row] = before.start;
      rows.time[row] = before.time;
      rows.value[row] = before.value;
      rows.isDouble[row] = before.isDouble;
      rows.touched[row] = before.touched;
      rows.setMore(row, before.more, before.moreBytes);
    }
  }
}
