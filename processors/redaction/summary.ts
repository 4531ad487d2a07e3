import { encodeField, encodeValue } from '../../internal/otlp/attributes/encode.ts';
import type { AttributeList } from '../../internal/otlp/attributes/list.ts';
import { AnyValue, type Plain } from '../../internal/otlp/view/value.ts';
import type { RedactionConfig } from './config.ts';

/** Which attributes of a record were removed, masked, let through by their value, or not looked at. */
export class Summary {
  readonly redacted: string[] = [];
  readonly masked: string[] = [];
  readonly allowed: string[] = [];
  readonly ignored: string[] = [];
  readonly #detail: RedactionConfig['summary'];

  constructor(detail: RedactionConfig['summary']) {
    this.#detail = detail;
  }

  reset(): this {
    empty(this.redacted);
    empty(this.masked);
    empty(this.allowed);
    empty(this.ignored);
    return this;
  }

  /** As attributes of the record, added to those of a redaction before this one. @param about what they begin with */
  write(list: AttributeList, field: number, about: string): void {
    if (this.#detail !== 'info' && this.#detail !== 'debug') return;
    this.#tell(list, field, `${about}.redacted`, this.redacted);
    this.#tell(list, field, `${about}.masked`, this.masked);
    this.#tell(list, field, `${about}.allowed`, this.allowed);
    this.#tell(list, field, `${about}.ignored`, this.ignored);
  }

  #tell(list: AttributeList, field: number, name: string, keys: readonly string[]): void {
    if (keys.length === 0) return;
    if (this.#detail === 'debug' && !name.endsWith('ignored')) {
      const before = read(list, `${name}.keys`);
      const all = typeof before === 'string' && before !== '' ? [...keys, ...before.split(',')] : [...keys];
      put(list, field, `${name}.keys`, all.sort(byBytes).join(','));
    }
    const before = read(list, `${name}.count`);
    put(list, field, `${name}.count`, BigInt(keys.length) + (typeof before === 'bigint' ? before : 0n));
  }
}

/** Nearly all are empty, and to have their length set costs more than to be asked for it. */
function empty(keys: string[]): void {
  if (keys.length > 0) keys.length = 0;
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function read(list: AttributeList, key: string): Plain {
  const at = list.find(Buffer.from(key));
  if (at < 0) return undefined;
  const { buf, start, end } = list.value(at);
  return new AnyValue().reset(buf, start, end).plain();
}

function put(list: AttributeList, field: number, key: string, value: Plain): void {
  const name = Buffer.from(key);
  const made = encodeField(field, name, encodeValue(value));
  const at = list.find(name);
  if (at >= 0) list.replace(at, made);
  else list.add(made);
}
