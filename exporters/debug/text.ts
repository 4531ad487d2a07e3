import type { Scope } from '../../internal/otlp/view/resource.ts';
import type { AnyValue, Attributes, KeyValue } from '../../internal/otlp/view/value.ts';
import { valueText } from '../../internal/otlp/view/value_text.ts';

/** The most that one batch may print: beyond it a terminal is of no use, and the program would wait for it. */
const maxChars = 1024 * 1024;

/** Collects the lines of one batch, up to a limit. */
export class Text {
  readonly #lines: string[] = [];
  #chars = 0;
  #records = 0;
  #cut = false;

  line(line: string): void {
    if (this.#chars > maxChars) {
      this.#cut = true;
      return;
    }
    this.#lines.push(line);
    this.#chars += line.length + 1;
  }

  /** False when no further record will be printed. */
  record(): boolean {
    if (this.#chars > maxChars) {
      this.#cut = true;
      return false;
    }
    this.#records += 1;
    return true;
  }

  attributes(header: string, attributes: Attributes, indent = ''): void {
    let any = false;
    for (let pair: KeyValue | undefined; (pair = attributes.next()); ) {
      if (!any) this.line(`${indent}${header}:`);
      any = true;
      this.line(`${indent}     -> ${pair.key}: ${typed(pair.value)}`);
    }
  }

  toString(): string {
    const lines = this.#cut
      ? [...this.#lines, `... cut after ${this.#records} records: more than 1 MiB of text`]
      : this.#lines;
    return printable(lines.join('\n'));
  }
}

/** What others wrote must not move the cursor of the terminal it is shown in. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (it) => `\\x${it.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** `key=value` for each, after a space each. */
export function brief(attributes: Attributes): string {
  return pairs(attributes)
    .map((pair) => ` ${pair}`)
    .join('');
}

export function pairs(attributes: Attributes): string[] {
  const found: string[] = [];
  for (let pair: KeyValue | undefined; (pair = attributes.next()); ) found.push(`${pair.key}=${plainText(pair.value)}`);
  return found;
}

export function scopeTitle(scope: Scope, schemaUrl: string): string {
  const name = scope.version ? `${scope.name}@${scope.version}` : scope.name;
  return [name, schemaUrl && `[${schemaUrl}]`]
    .filter(Boolean)
    .map((part) => ` ${part}`)
    .join('');
}

const typeNames = {
  empty: 'Empty',
  string: 'Str',
  bool: 'Bool',
  int: 'Int',
  double: 'Double',
  array: 'Slice',
  kvlist: 'Map',
  bytes: 'Bytes',
  strindex: 'Str',
} as const;

/** `Str(GET)`, as upstream. */
export function typed(value: AnyValue): string {
  return `${typeNames[value.kind]}(${plainText(value)})`;
}

export function plainText(value: AnyValue): string {
  return value.kind === 'string' ? value.stringValue : valueText(value.plain());
}

/** A trace or span id; all zeros mean none. */
export function hex(bytes: Uint8Array): string {
  if (bytes.every((byte) => byte === 0)) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** Nanoseconds since 1970 as Go prints a time: `2020-02-11 20:26:12.000000321 +0000 UTC`. */
export function time(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000_000n) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const fraction = String(nanoseconds % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${seconds}${fraction && `.${fraction}`} +0000 UTC`;
}

/** The name of an enum's value, or its number where this program knows no name. */
export function named(names: readonly string[], value: number): string {
  return names[value] ?? String(value);
}

export const temporalities = ['Unspecified', 'Delta', 'Cumulative'] as const;
