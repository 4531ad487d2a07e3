import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import { Keys } from '../../internal/otlp/attributes/keys.ts';
import type { AttributeList } from '../../internal/otlp/attributes/list.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import type { Range } from '../../internal/otlp/regroup.ts';
import { AnyValue, type Plain } from '../../internal/otlp/view/value.ts';
import { valueText } from '../../internal/otlp/view/value_text.ts';
import { VARINT, varintEnd } from '../../internal/otlp/wire.ts';
import type { RedactionConfig } from './config.ts';
import { DbSanitizer } from './db_sanitizer.ts';
import { type KeyVerdict, Masks } from './masks.ts';
import { Summary } from './summary.ts';
import { isFullyStarred, sanitizedUrl } from './url_sanitizer.ts';

const httpKeys = [
  ...['http.route', 'http.request.method', 'http.request.method_original', 'http.response.status_code', 'url.full'],
  ...['http.scheme', 'http.target', 'http.method', 'http.url'],
].map((key) => Buffer.from(key));
const systemKeys = ['db.system.name', 'db.system'].map((key) => Buffer.from(key));
/** AnyValue.string_value */
const STRING = 1;
/** Tag of AnyValue.int_value. */
const INT = (3 << 3) | VARINT;
const noText: Range = { buf: new Uint8Array(0), start: 0, end: 0 };
/** Span.SpanKind */
const INTERNAL = 1;
const SERVER = 2;
const CLIENT = 3;

/** Keys that are told by their bytes; others are decoded each time. */
const MAX_KEYS = 256;

/** Redacts attributes, and the bodies of log records. */
export class Redactor {
  readonly #config: RedactionConfig;
  readonly #masks: Masks;
  readonly #value = new AnyValue();
  /** Keys that were met, and what was said of them by their numbers. */
  readonly #keys = new Keys();
  readonly #verdicts: KeyVerdict[] = [];
  /** Reused from record to record. */
  readonly #summary: Summary;
  /** Attributes that hold URLs; undefined where no URL is sanitized. */
  readonly #urls: ReadonlySet<string> | undefined;
  readonly #databases: DbSanitizer | undefined;
  /** The database system that the attributes which are looked at tell of. */
  #system = '';

  constructor(config: RedactionConfig, signal: Signal) {
    this.#config = config;
    const { url_sanitizer: urls, db_sanitizer: databases } = config;
    this.#urls = urls?.enabled ? new Set(urls.attributes) : undefined;
    const sanitizer = databases && new DbSanitizer(databases, signal);
    this.#databases = sanitizer?.isNeeded ? sanitizer : undefined;
    this.#masks = new Masks(config);
    this.#summary = new Summary(config.summary);
  }

  /** URLs or queries are sanitized, in names of spans too. */
  get sanitizes(): boolean {
    return this.#urls !== undefined || this.#databases !== undefined;
  }

  /** The attributes in `field` of `message`, in which keys that were met before are known by their bytes. */
  read(list: AttributeList, message: Range, field: number): AttributeList {
    return list.read(message, field, this.#keys);
  }

  /** @param field number of the attributes of what `read` has read into `list` */
  attributes(list: AttributeList, field: number): void {
    const summary = this.#summary.reset();
    const { size } = list;
    if (this.#databases) this.#system = this.#systemOf(list);
    for (let i = 0; i < size; i++) {
      const verdict = this.#verdict(list, i);
      if (verdict === 'ignore') summary.ignored.push(list.keyText(i));
      else if (verdict === 'remove') {
        summary.redacted.push(list.keyText(i));
        list.remove(i);
      } else this.#look(list, i, verdict === 'mask', field);
    }
    summary.write(list, field, 'redaction');
  }

  #verdict(list: AttributeList, index: number): KeyVerdict {
    const id = list.idOf(index);
    if (id >= 0) return this.#verdicts[id]!;
    const verdict = this.#masks.key(list.keyText(index));
    if (this.#keys.size < MAX_KEYS) this.#verdicts[this.#keys.add(Buffer.from(list.keyBytes(index)))] = verdict;
    return verdict;
  }

  #look(list: AttributeList, index: number, maskWhole: boolean, field: number): void {
    if (!maskWhole && this.#passes(list, index)) return;
    const text = list.text(index) ?? this.#textOf(list, index);
    if (this.#masks.allows(text)) {
      this.#summary.allowed.push(list.keyText(index));
      return;
    }
    const after = maskWhole ? this.#masks.maskWhole(text) : this.#sanitized(list, index, this.#masks.masked(text));
    if (after === text && !maskWhole) return;
    this.#summary.masked.push(list.keyText(index));
    list.replace(index, encodeField(field, list.keyBytes(index), encodeValue(after)));
  }

  /** Nothing is to be done about the value, which its bytes may tell. */
  #passes(list: AttributeList, index: number): boolean {
    if (this.sanitizes) return false;
    const range = list.textRange(index);
    if (range) return this.#masks.passes(range);
    return !this.#config.redact_all_types && isInt(list.value(index)) && this.#masks.passes(noText);
  }

  #sanitized(list: AttributeList, index: number, text: string): string {
    if (!this.sanitizes) return text;
    const key = list.keyText(index);
    const url = this.#urls?.has(key) ? sanitizedUrl(text) : text;
    return this.#databases ? this.#databases.attribute(url, key, this.#system) : url;
  }

  /**
   * A span's name where `sanitizes`, after its attributes: without what is no word in a URL, and without a query's values.
   * @returns the name itself where it stays
   */
  spanName(name: string, kind: number, list: AttributeList): string {
    const { url_sanitizer: urls, db_sanitizer: databases } = this.#config;
    if (this.#masks.allows(name)) return name;
    const mayBeUrl = kind === CLIENT || kind === SERVER;
    if (this.#urls && urls!.sanitize_span_name && mayBeUrl) {
      const isUrl = name.includes('/') || httpKeys.some((key) => list.find(key) >= 0);
      const sanitized = isUrl ? sanitizedUrl(name) : name;
      // Of a name that nothing is left of we learn nothing.
      if (sanitized !== name && !isFullyStarred(sanitized)) return usable(sanitized) ? sanitized : name;
    }
    if (!this.#databases || !databases!.sanitize_span_name || !(mayBeUrl || kind === INTERNAL)) return name;
    const system = this.#systemOf(list);
    const sanitized = system === '' ? name : this.#databases.spanName(name, system);
    return usable(sanitized) ? sanitized : name;
  }

  #systemOf(list: AttributeList): string {
    for (const key of systemKeys) {
      const at = list.find(key);
      if (at < 0) continue;
      const { buf, start, end } = list.value(at);
      const value = this.#value.reset(buf, start, end);
      if (value.kind === 'string' && value.stringValue !== '') return value.stringValue.toLowerCase();
    }
    return '';
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
    if (this.#bodyPasses(body)) return undefined;
    const summary = this.#summary.reset();
    const before = body.plain();
    const after = this.#redacted(undefined, before);
    // Of a body that is allowed as a whole upstream says nothing.
    if (typeof before !== 'object' || before instanceof Uint8Array) summary.allowed.length = 0;
    summary.write(list, field, 'redaction.body');
    return after === before ? undefined : encodeValue(after);
  }

  #bodyPasses(body: AnyValue): boolean {
    if (this.sanitizes || body.kind !== 'string') return false;
    return this.#masks.passes({ buf: body.buf, start: body.valueStart(STRING), end: body.valueEnd(STRING) });
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
    const url = this.#urls ? sanitizedUrl(this.#masks.masked(text)) : this.#masks.masked(text);
    const masked = this.#databases ? this.#databases.body(url) : url;
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

/** Plainly an int, of which nothing is said unless `redact_all_types`. */
function isInt({ buf, start, end }: Range): boolean {
  return end > start && buf[start] === INT && varintEnd(buf, start + 1, end) === end;
}

const usable = (name: string) => name !== '' && name !== '...';

const below = (path: string | undefined, name: string) => (path === undefined ? name : `${path}.${name}`);
