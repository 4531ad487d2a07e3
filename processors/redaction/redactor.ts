import { encodeField, encodeValue } from '../../internal/attributes/encode.ts';
import type { AttributeList } from '../../internal/attributes/list.ts';
import { AnyValue, type Plain } from '../../internal/otlp/view/value.ts';
import { valueText } from '../../internal/otlp/view/value_text.ts';
import type { RedactionConfig } from './config.ts';
import { Masks } from './masks.ts';
import { Summary } from './summary.ts';

/** Redacts attributes, and the bodies of log records. */
export class Redactor {
  readonly #config: RedactionConfig;
  readonly #masks: Masks;
  readonly #value = new AnyValue();
  /** Reused from record to record. */
  readonly #summary: Summary;

  constructor(config: RedactionConfig) {
    this.#config = config;
    this.#masks = new Masks(config);
    this.#summary = new Summary(config.summary);
  }

  /** @param field number of the attributes of what was read into `list` */
  attributes(list: AttributeList, field: number): void {
    const summary = this.#summary.reset();
    const { size } = list;
    for (let i = 0; i < size; i++) {
      const key = list.keyText(i);
      const verdict = this.#masks.key(key);
      if (verdict === 'ignore') summary.ignored.push(key);
      else if (verdict === 'remove') {
        list.remove(i);
        summary.redacted.push(key);
      } else this.#look(list, i, key, verdict === 'mask', field);
    }
    summary.write(list, field, 'redaction');
  }

  #look(list: AttributeList, index: number, key: string, maskWhole: boolean, field: number): void {
    const text = list.text(index) ?? this.#textOf(list, index);
    if (this.#masks.allows(text)) {
      this.#summary.allowed.push(key);
      return;
    }
    const after = maskWhole ? this.#masks.maskWhole(text) : this.#masks.masked(text);
    if (after === text && !maskWhole) return;
    this.#summary.masked.push(key);
    list.replace(index, encodeField(field, list.keyBytes(index), encodeValue(after)));
  }

  #textOf(list: AttributeList, index: number): string {
    const { buf, start, end } = list.value(index);
    const value = this.#value.reset(buf, start, end);
    if (value.kind === 'string') return value.stringValue;
    // An index into a dictionary that only profiles have says nothing here.
    return this.#config.redact_all_types && value.kind !== 'strindex' ? valueText(value.plain()) : '';
  }

  /**
   * A log record's body, after its attributes: what was found in it is told by them.
   * @returns the body's AnyValue anew; undefined where it stays
   */
  body(body: AnyValue, list: AttributeList, field: number): Uint8Array | undefined {
    const summary = this.#summary.reset();
    const before = body.plain();
    const after = this.#redacted(undefined, before);
    // Of a body that is allowed as a whole upstream says nothing.
    if (typeof before !== 'object' || before instanceof Uint8Array) summary.allowed.length = 0;
    summary.write(list, field, 'redaction.body');
    return after === before ? undefined : encodeValue(after);
  }

  /** The value itself where nothing in it changes. @param path of keys and indices; none for the body as a whole */
  #redacted(path: string | undefined, value: Plain): Plain {
    if (Array.isArray(value)) {
      const after = value.map((each, i) => this.#redacted(below(path, `[${i}]`), each));
      return after.every((each, i) => each === value[i]) ? value : after;
    }
    if (typeof value === 'object' && !(value instanceof Uint8Array)) return this.#redactedPairs(path, value);
    const text = valueText(value);
    const name = path ?? 'body';
    if (this.#masks.allows(text)) {
      this.#summary.allowed.push(name);
      return value;
    }
    const masked = this.#masks.masked(text);
    if (masked === text) return value;
    this.#summary.masked.push(name);
    return masked;
  }

  #redactedPairs(path: string | undefined, value: Extract<Plain, { pairs: unknown }>): Plain {
    const pairs: [string, Plain][] = [];
    let same = true;
    for (const [key, each] of value.pairs) {
      const name = below(path, key);
      const verdict = this.#masks.key(key);
      let after: Plain = each;
      if (verdict === 'ignore') this.#summary.ignored.push(name);
      else if (verdict === 'remove') {
        this.#summary.redacted.push(name);
        same = false;
        continue;
      } else if (verdict === 'mask') {
        this.#summary.masked.push(name);
        after = this.#masks.maskWhole(typeof each === 'string' ? each : '');
      } else after = this.#redacted(name, each);
      if (after !== each) same = false;
      pairs.push([key, after]);
    }
    return same ? value : { pairs };
  }
}

const below = (path: string | undefined, name: string) => (path === undefined ? name : `${path}.${name}`);
