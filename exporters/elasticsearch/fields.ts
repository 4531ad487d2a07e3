import type { JsonBytes } from './json.ts';

const BRACE = 0x7b;
const BRACE_END = 0x7d;
const COMMA = 0x2c;
const COLON = 0x3a;

interface Field {
  /** Dots as zero bytes, so that a path sorts right before the paths that go on from it. */
  readonly path: string;
  /** Of several with one path the highest counts. */
  readonly order: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The fields of one document by dotted path, for the mapping modes that join several sources into one level. Values are
 * JSON already, kept in a buffer beside. Each path is written once, and none is both a value and an object: where `a` and
 * `a.b` meet, the value of `a` goes to `a.value`.
 */
export class FieldList {
  readonly #values: JsonBytes;
  #fields: Field[] = [];

  /** @param values scratch space of this list alone */
  constructor(values: JsonBytes) {
    this.#values = values;
  }

  /** For `back`: what is added from here on belongs to one record, all before it to its scope. */
  get mark(): { readonly fields: number; readonly pos: number } {
    return { fields: this.#fields.length, pos: this.#values.pos };
  }

  back(mark: { readonly fields: number; readonly pos: number }): void {
    this.#fields.length = mark.fields;
    this.#values.pos = mark.pos;
  }

  /**
   * @param path the server takes no empty or blank names between dots: `_` stands for them
   * @param write writes the value, or nothing for no field
   */
  add(path: string, write: (out: JsonBytes) => void): void {
    const from = this.#values.pos;
    write(this.#values);
    if (this.#values.pos === from) return;
    this.#fields.push({
      path: path
        .split('.')
        .map((part) => (part.trim() === '' ? '_' : part))
        .join('\0'),
      order: this.#fields.length,
      from,
      to: this.#values.pos,
    });
  }

  text(path: string, value: string): void {
    if (value !== '') this.add(path, (out) => out.string(value));
  }

  int(path: string, value: number): void {
    this.add(path, (out) => out.int(value));
  }

  /** Dotted keys on one level. */
  writeFlat(out: JsonBytes): void {
    let mark = BRACE;
    for (const field of this.#settled()) {
      out.byte(mark);
      mark = COMMA;
      out.string(field.path.replaceAll('\0', '.'));
      out.byte(COLON);
      this.#value(out, field);
    }
    if (mark === BRACE) out.byte(BRACE);
    out.byte(BRACE_END);
  }

  /** An object for each part of a path. */
  writeNested(out: JsonBytes): void {
    let open: readonly string[] = [];
    let first = true;
    out.byte(BRACE);
    for (const field of this.#settled()) {
      const parts = field.path.split('\0');
      let shared = 0;
      while (shared < open.length && shared < parts.length - 1 && open[shared] === parts[shared]) shared++;
      for (let depth = open.length; depth > shared; depth--) out.byte(BRACE_END);
      if (!first) out.byte(COMMA);
      first = false;
      for (const part of parts.slice(shared, -1)) {
        out.string(part);
        out.byte(COLON);
        out.byte(BRACE);
      }
      out.string(parts.at(-1)!);
      out.byte(COLON);
      this.#value(out, field);
      open = parts.slice(0, -1);
    }
    for (let depth = open.length; depth >= 0; depth--) out.byte(BRACE_END);
  }

  #value(out: JsonBytes, { from, to }: Field): void {
    out.raw(this.#values.buf.subarray(from, to));
  }

  /** Sorted by path, each path once, no path inside another. */
  #settled(): Field[] {
    const sorted = last(this.#fields.toSorted(byPath));
    if (!sorted.some((field, i) => isInside(field, sorted[i + 1]))) return sorted;
    // A field that is there under the new name already counts: the order of one that moves is lowest.
    const moved = sorted.map((field, i) =>
      isInside(field, sorted[i + 1]) ? { ...field, path: `${field.path}\0value`, order: -1 } : field,
    );
    const again = last(moved.toSorted(byPath));
    return again.filter((field, i) => !isInside(field, again[i + 1]));
  }
}

function byPath(a: Field, b: Field): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : a.order - b.order;
}

function last(sorted: readonly Field[]): Field[] {
  return sorted.filter((field, i) => field.path !== sorted[i + 1]?.path);
}

function isInside(field: Field, next: Field | undefined): boolean {
  return next !== undefined && next.path.length > field.path.length && next.path.startsWith(`${field.path}\0`);
}
