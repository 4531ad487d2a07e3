import { parseDocument } from 'yaml';
import { FactMaker, type Facts, factsOf, parseJson, type Write } from './facts.ts';

export interface CatalogueOptions {
  readonly format: 'yaml' | 'json' | 'csv';
  readonly keyField: string;
  readonly write: Write;
  readonly maxEntries: number;
}

export interface Catalogue {
  readonly entries: ReadonlyMap<string, Facts>;
  /** About what the entries take in memory now. */
  readonly bytes: number;
  readonly skipped: number;
  /** Of the first entry that was skipped. */
  readonly trouble?: string;
}

/** A map of entries by key, or a list of entries with a key field. @throws Error where the text as a whole is broken */
export function readCatalogue(text: string, options: CatalogueOptions): Catalogue {
  const entries = new Map<string, Facts>();
  const maker = new FactMaker();
  let skipped = 0;
  let trouble: string | undefined;
  for (const { where, key, value } of rowsOf(text, options)) {
    const problem = add(entries, key, value, options, maker);
    if (problem === undefined) continue;
    skipped++;
    trouble ??= `${where}: ${problem}`;
  }
  const bytes = entriesBytes(entries);
  return {
    entries,
    skipped,
    get bytes() {
      return bytes + maker.encodedBytes;
    },
    ...(trouble !== undefined && { trouble }),
  };
}

/** About what entries take before their facts are encoded. */
export function entriesBytes(entries: ReadonlyMap<string, Facts>): number {
  let bytes = 0;
  for (const [key, facts] of entries) bytes += 64 + 2 * key.length + facts.bytes;
  return bytes;
}

function add(
  entries: Map<string, Facts>,
  key: unknown,
  value: unknown,
  { write, keyField, maxEntries }: CatalogueOptions,
  maker: FactMaker,
): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'expected fields with values';
  if (key === undefined || key === null || key === '' || typeof key === 'object')
    return `expected a key in ${keyField}`;
  if (entries.has(String(key))) return `the key ${JSON.stringify(String(key).slice(0, 100))} is there already`;
  if (entries.size >= maxEntries) return `more than max_entries (${maxEntries})`;
  try {
    entries.set(String(key), factsOf(value, write, keyField, maker));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** `value` is text where the row is broken: what is wrong with it. */
interface Row {
  readonly where: string;
  readonly key: unknown;
  readonly value: unknown;
}

function* rowsOf(text: string, options: CatalogueOptions): Generator<Row> {
  if (options.format === 'csv') {
    yield* csvRows(text, options.keyField);
    return;
  }
  const root = options.format === 'json' ? parseJson(text) : parseYaml(text);
  if (typeof root !== 'object' || root === null) throw new Error('expected entries by key, or a list of entries');
  if (!Array.isArray(root)) {
    for (const [key, value] of Object.entries(root)) {
      yield { where: `entry ${JSON.stringify(key.slice(0, 100))}`, key, value: asEntry(value) };
    }
    return;
  }
  for (const [index, value] of root.entries()) {
    const known = typeof value === 'object' && value !== null && Object.hasOwn(value, options.keyField);
    yield { where: `entry ${index + 1}`, key: known ? value[options.keyField] : undefined, value: asEntry(value) };
  }
}

function asEntry(value: unknown): unknown {
  return typeof value === 'string' ? 'expected fields with values' : value;
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text, { intAsBigInt: true, logLevel: 'silent' });
  const [error] = document.errors;
  if (error) throw new Error(error.message);
  return document.toJS({ maxAliasCount: 100 });
}

/** RFC 4180 with one row a line: a quote that does not end costs its line, not the rest of the file. */
function* csvRows(text: string, keyField: string): Generator<Row> {
  const lines = text.split(/\r?\n/);
  const names = cellsOf((lines[0] ?? '').replace(/^\ufeff/, ''));
  const keyAt = names?.indexOf(keyField) ?? -1;
  if (!names || keyAt < 0) throw new Error(`expected a first line with the column ${keyField}`);
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    if (line === '') continue;
    const cells = cellsOf(line);
    const where = `line ${i + 1}`;
    if (!cells) yield { where, key: undefined, value: 'a quote does not end, or ends within a cell' };
    else if (cells.length !== names.length)
      yield { where, key: undefined, value: `expected ${names.length} columns, got ${cells.length}` };
    else
      yield { where, key: cells[keyAt], value: Object.fromEntries(names.map((name, at) => [name, cells[at] || null])) };
  }
}

function cellsOf(line: string): string[] | undefined {
  const cells: string[] = [];
  for (let at = 0; ; ) {
    let end: number;
    if (line[at] === '"') {
      end = at + 1;
      while (end < line.length && (line[end] !== '"' || line[end + 1] === '"')) end += line[end] === '"' ? 2 : 1;
      if (line[end] !== '"') return undefined;
      cells.push(line.slice(at + 1, end).replaceAll('""', '"'));
      end++;
      if (end < line.length && line[end] !== ',') return undefined;
    } else {
      end = line.indexOf(',', at);
      if (end < 0) end = line.length;
      cells.push(line.slice(at, end));
    }
    if (end >= line.length) return cells;
    at = end + 1;
  }
}
