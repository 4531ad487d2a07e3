import type { JsonBytes } from './json.ts';

const BRACE = 0x7b;
const BRACE_END = 0x7d;
const COMMA = 0x2c;

/** A dotted name, taken apart once. */
interface Path {
  /** Dots as zero bytes, so that a path sorts right before the paths that go on from it. */
  readonly order: string;
  readonly parts: readonly string[];
  /** Each part as JSON with a colon behind it. */
  readonly heads: readonly Buffer[];
  /** The whole name likewise. */
  readonly head: Buffer;
}

/** Paths that are kept; a sender who names everything anew must not fill the memory. */
const MAX_PATHS = 10_000;

interface Field {
  readonly path: Path;
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
  readonly #paths = new Map<string, Path>();
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
    this.#fields.push({ path: this.#pathOf(path), order: this.#fields.length, from, to: this.#values.pos });
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
    for (const { path, from, to } of this.#settled()) {
      out.byte(mark);
      mark = COMMA;
      out.raw(path.head);
      out.range(this.#values.buf, from, to);
    }
    if (mark === BRACE) out.byte(BRACE);
    out.byte(BRACE_END);
  }

  /** An object for each part of a path. */
  writeNested(out: JsonBytes): void {
    let open: readonly string[] = [];
    let depth = 0;
    let first = true;
    out.byte(BRACE);
    for (const { path, from, to } of this.#settled()) {
      const { parts, heads } = path;
      const last = parts.length - 1;
      let shared = 0;
      while (shared < depth && shared < last && open[shared] === parts[shared]) shared++;
      for (; depth > shared; depth--) out.byte(BRACE_END);
      if (!first) out.byte(COMMA);
      first = false;
      for (; depth < last; depth++) {
        out.raw(heads[depth]!);
        out.byte(BRACE);
      }
      out.raw(heads[last]!);
      out.range(this.#values.buf, from, to);
      open = parts;
    }
    for (; depth >= 0; depth--) out.byte(BRACE_END);
  }

  #pathOf(name: string): Path {
    const known = this.#paths.get(name);
    if (known) return known;
    if (this.#paths.size >= MAX_PATHS) this.#paths.clear();
    const path = pathOf(name.split('.').map((part) => (part.trim() === '' ? '_' : part)));
    this.#paths.set(name, path);
    return path;
  }

  /** Sorted by path, each path once, no path inside another. */
  #settled(): Field[] {
    const sorted = last(this.#fields.toSorted(byPath));
    if (!sorted.some((field, i) => isInside(field, sorted[i + 1]))) return sorted;
    // A field that is there under the new name already counts: the order of one that moves is lowest.
    const moved = sorted.map((field, i) =>
      isInside(field, sorted[i + 1]) ? { ...field, path: pathOf([...field.path.parts, 'value']), order: -1 } : field,
    );
    const again = last(moved.toSorted(byPath));
    return again.filter((field, i) => !isInside(field, again[i + 1]));
  }
}

function pathOf(parts: readonly string[]): Path {
  const head = (name: string) => Buffer.from(`${JSON.stringify(name.toWellFormed())}:`);
  return { order: parts.join('\0'), parts, heads: parts.map(head), head: head(parts.join('.')) };
}

function byPath(a: Field, b: Field): number {
  const [left, right] = [a.path.order, b.path.order];
  return left < right ? -1 : left > right ? 1 : a.order - b.order;
}

function last(sorted: readonly Field[]): Field[] {
  return sorted.filter((field, i) => field.path.order !== sorted[i + 1]?.path.order);
}

function isInside(field: Field, next: Field | undefined): boolean {
  if (next === undefined || next.path.parts.length <= field.path.parts.length) return false;
  return next.path.order.startsWith(`${field.path.order}\0`);
}
