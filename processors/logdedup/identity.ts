import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import type { Range } from '../../internal/otlp/regroup.ts';
import { Fields } from '../../internal/otlp/view/fields.ts';
import { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { Plain } from '../../internal/otlp/view/value.ts';
import { valueJson } from '../../internal/otlp/view/value_text.ts';
import { LEN } from '../../internal/otlp/wire.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import type { LogdedupConfig } from './config.ts';
import { Digest } from './digest.ts';
import { splitPath, valueAt, without } from './paths.ts';

const bodyField = 5;
const attributesField = 6;
const BODY = (bodyField << 3) | LEN;
const ATTRIBUTE = (attributesField << 3) | LEN;
/** severity_number, severity_text, body, event_name; attributes besides. Upstream does not look at the event's name. */
const compared: ReadonlySet<number> = new Set([2, 3, bodyField, 12]);

/** Which log records are the same, and what is left of one. */
export class Identity {
  /** Both halves of what `read` came to. */
  a = 0;
  b = 0;
  /** The same text where the same records are the same. */
  readonly compares: string;
  readonly #digest: Digest;
  readonly #fields = new Fields();
  readonly #log = new LogRecord();
  /** Keys below `body` and `attributes`. */
  readonly #excludedBody: readonly (readonly string[])[];
  readonly #excludedAttributes: readonly (readonly string[])[];
  readonly #included: readonly (readonly string[])[];

  constructor({ exclude_fields, include_fields }: LogdedupConfig, random: () => number) {
    const excluded = exclude_fields.map(splitPath);
    this.compares = JSON.stringify([exclude_fields, include_fields]);
    this.#digest = new Digest(random);
    this.#excludedBody = excluded.filter(([root]) => root === 'body').map(([, ...keys]) => keys);
    this.#excludedAttributes = excluded.filter(([root]) => root === 'attributes').map(([, ...keys]) => keys);
    this.#included = include_fields.map(splitPath);
  }

  /** The record without the fields that are excluded: itself where none are. */
  strip(record: Range): Range {
    if (this.#excludedBody.length + this.#excludedAttributes.length === 0) return record;
    const { buf, start, end } = record;
    const log = this.#log.reset(buf, start, end);
    const out = new Writer(end - start + 16);
    const fields = this.#fields.reset(buf, start, end);
    while (fields.next()) {
      if (fields.tag !== BODY && fields.tag !== ATTRIBUTE) out.range(buf, fields.at, fields.to);
    }
    if (log.has(bodyField)) {
      const body = this.#excludedBody.reduce(without, log.body.plain());
      out.bytes(bodyField, encodeValue(body));
    }
    const { attributes } = log;
    for (let pair = attributes.next(); pair; pair = attributes.next()) {
      const { key } = pair;
      const paths = this.#excludedAttributes.filter((path) => path.length === 0 || path[0] === key);
      if (paths.some((path) => path.length < 2)) continue;
      if (paths.length === 0) out.range(buf, attributes.at, pair.end);
      else {
        const value = paths.reduce((left, [, ...deeper]) => without(left, deeper), pair.value.plain());
        out.raw(encodeField(attributesField, Buffer.from(key), encodeValue(value)).bytes);
      }
    }
    return { buf: out.buffer, start: 0, end: out.length };
  }

  /** Sets `a` and `b` by what is compared, and by the number of the record's group. Attributes count in any order. */
  read(record: Range, group: number): void {
    this.a = Math.imul(group, 0x9e3779b1);
    this.b = Math.imul(group, 0x85ebca6b);
    if (this.#included.length > 0 && this.#readIncluded(record)) return;
    const { buf, start, end } = record;
    const fields = this.#fields.reset(buf, start, end);
    while (fields.next()) {
      if (fields.tag === ATTRIBUTE) this.#add(buf, fields.from, fields.to, attributesField);
      else if (compared.has(fields.tag >>> 3)) this.#add(buf, fields.at, fields.to, 0);
    }
  }

  /** @returns whether the record has any of the fields that alone are compared */
  #readIncluded({ buf, start, end }: Range): boolean {
    const log = this.#log.reset(buf, start, end);
    let found = false;
    for (const [index, [root, ...keys]] of this.#included.entries()) {
      let value: Plain;
      if (root === 'body') value = valueAt(log.body.plain(), keys);
      else {
        const [key = '', ...deeper] = keys;
        value = valueAt(log.attributes.find(Buffer.from(key))?.value.plain(), deeper);
      }
      if (value === undefined) continue;
      const text = Buffer.from(`${typeof value}${valueJson(value)}`);
      this.#add(text, 0, text.length, index + 1);
      found = true;
    }
    return found;
  }

  #add(buf: Uint8Array, start: number, end: number, salt: number): void {
    const { a, b } = this.#digest.of(buf, start, end, salt);
    this.a = (this.a + a) >>> 0;
    this.b = (this.b + b) >>> 0;
  }
}
