export interface TableOptions {
  readonly indent?: string;
  /** Columns of numbers, by index: they end in line. */
  readonly right?: readonly number[];
}

/** Rows as text with columns in line; the first row is the head. */
export function table(rows: readonly (readonly string[])[], { indent = '', right = [] }: TableOptions = {}): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)));
  return rows.map((row) => `${indent}${line(row).join('  ').trimEnd()}\n`).join('');
}
