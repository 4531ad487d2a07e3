import { createHash } from 'node:crypto';
import type { BatchContext } from '../core/consumer.ts';
import { encodeField, encodeValue, KeptField, plainOf, Workbench } from '../otlp/attributes/encode.ts';
import { Keys } from '../otlp/attributes/keys.ts';
import type { AttributeList, EncodedField } from '../otlp/attributes/list.ts';
import type { Range } from '../otlp/regroup.ts';
import { AnyValue, type Plain } from '../otlp/view/value.ts';
import { valueText } from '../otlp/view/value_text.ts';
import { type Regex, regexOf } from '../ottl/index.ts';
import type { ActionConfig } from './action_config.ts';

/** Changes a record's attributes; `ctx` is the request's. */
type Action = (list: AttributeList, ctx: BatchContext) => void;

/** The actions of a configuration, compiled for one kind of record: the number of its attributes field. */
export class Actions {
  readonly #field: number;
  readonly #keys = new Keys();
  /** Patterns choose among all attributes, but for that of `extract`, which reads one and names what it writes. */
  readonly #all: boolean;
  readonly #actions: readonly Action[];

  constructor(configs: readonly ActionConfig[], field: number) {
    this.#field = field;
    this.#all = configs.some(({ action, pattern }) => action !== 'extract' && pattern !== '');
    this.#actions = configs.map((config) => compile(config, field, this.#keys));
  }

  /** The attributes of `message`, as far as `apply` needs them. */
  read(list: AttributeList, message: Range): AttributeList {
    return list.read(message, this.#field, this.#keys, this.#all);
  }

  apply(list: AttributeList, ctx: BatchContext): void {
    for (const action of this.#actions) action(list, ctx);
  }
}

function compile(config: ActionConfig, field: number, keys: Keys): Action {
  const key = Buffer.from(config.key);
  switch (config.action) {
    case 'delete':
      return deletion(keys.add(key), patternOf(config));
    case 'hash':
      return hashing(field, keys.add(key), patternOf(config));
    case 'extract':
      return extraction(field, keys.add(key), patternOf(config)!, keys);
    case 'convert':
      return conversion(field, key, keys.add(key), config.converted_type as 'string' | 'int' | 'double');
    default:
      return setting(config, field, key, keys);
  }
}

function patternOf({ pattern }: ActionConfig): Regex | undefined {
  return pattern === '' ? undefined : regexOf(pattern);
}

/** Where the value to be set comes from; undefined: nowhere, and nothing happens. */
type Source = (list: AttributeList, ctx: BatchContext) => EncodedField | undefined;

function setting(config: ActionConfig, field: number, key: Uint8Array, keys: Keys): Action {
  const id = keys.add(key);
  const source = sourceOf(config, field, key, keys);
  const { action } = config;
  return (list, ctx) => {
    const at = list.at(id);
    if (action === 'insert' ? at >= 0 : action === 'update' && at < 0) return;
    const made = source(list, ctx);
    if (!made) return;
    if (at >= 0) list.replace(at, made);
    else list.add(made, id);
  };
}

function sourceOf(config: ActionConfig, field: number, key: Uint8Array, keys: Keys): Source {
  const constant = (value: unknown) => new KeptField(encodeField(field, key, encodeValue(plainOf(value))));
  if (config.value !== undefined) {
    const made = constant(config.value);
    return () => made.here;
  }
  const byDefault = config.default_value === undefined ? undefined : constant(config.default_value);
  if (config.from_context) {
    const read = fromContext(config.from_context);
    return (_list, ctx) => {
      const text = read(ctx);
      return text === undefined ? byDefault?.here : encodeField(field, key, encodeValue(text));
    };
  }
  const from = config.from_attribute === '' ? undefined : keys.add(Buffer.from(config.from_attribute));
  const bench = new Workbench();
  return (list) => {
    const at = from === undefined ? -1 : list.at(from);
    if (at < 0) return byDefault?.here;
    const { buf, start, end } = list.value(at);
    // For one record; the list forgets it with the next one.
    bench.clear();
    return bench.field(field, key, buf, start, end);
  };
}

/** Several values of a header are joined by `;`, as upstream. */
function fromContext(name: string): (ctx: BatchContext) => string | undefined {
  if (name === 'client.address') return ({ clientAddress }) => hostOf(clientAddress ?? '');
  if (name.startsWith('auth.')) {
    const attribute = name.slice('auth.'.length);
    return ({ auth }) => auth?.[attribute];
  }
  const header = (name.startsWith('metadata.') ? name.slice('metadata.'.length) : name).toLowerCase();
  return ({ metadata }) => metadata?.get(header)?.join(';');
}

/** The address without its port. */
function hostOf(address: string): string {
  const colon = address.lastIndexOf(':');
  return colon < 0 ? address : address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
}

/** With a pattern alone the key is empty, and an attribute with an empty key goes too: as upstream. */
function deletion(id: number, pattern: Regex | undefined): Action {
  return (list) => {
    const at = list.at(id);
    if (at >= 0) list.remove(at);
    if (!pattern) return;
    for (let i = 0; i < list.size; i++) if (list.has(i) && pattern.test(list.keyText(i))) list.remove(i);
  };
}

function hashing(field: number, id: number, pattern: Regex | undefined): Action {
  const hash = (list: AttributeList, at: number) => {
    const made = encodeField(field, list.keyBytes(at), encodeValue(sha256(read(list, at))));
    list.replace(at, made);
  };
  return (list) => {
    const at = list.at(id);
    if (at >= 0) hash(list, at);
    if (!pattern) return;
    for (let i = 0; i < list.size; i++) if (list.has(i) && pattern.test(list.keyText(i))) hash(list, i);
  };
}

/** Of what is no text, number or boolean upstream leaves an empty text. */
function sha256(value: Plain): string {
  const bytes = hashedBytes(value);
  return bytes === undefined ? '' : createHash('sha256').update(bytes).digest('hex');
}

function hashedBytes(value: Plain): Uint8Array | string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return Uint8Array.of(value ? 1 : 0);
  const bytes = Buffer.alloc(8);
  if (typeof value === 'bigint') bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  else if (typeof value === 'number') bytes.writeDoubleLE(value);
  else return undefined;
  return bytes;
}

function extraction(field: number, id: number, pattern: Regex, keys: Keys): Action {
  const targets = pattern.groupNames.map((name) => Buffer.from(name ?? ''));
  const ids = targets.map((target) => keys.add(target));
  return (list) => {
    const at = list.at(id);
    const text = at < 0 ? undefined : read(list, at);
    const match = typeof text === 'string' ? pattern.exec(text) : undefined;
    if (!match) return;
    for (let group = 1; group < targets.length; group++) {
      const made = encodeField(field, targets[group]!, encodeValue(match.groups[group] ?? ''));
      const target = list.at(ids[group]!);
      if (target >= 0) list.replace(target, made);
      else list.add(made);
    }
  };
}

function conversion(field: number, key: Uint8Array, id: number, to: 'string' | 'int' | 'double'): Action {
  return (list) => {
    const at = list.at(id);
    if (at < 0) return;
    const before = read(list, at);
    const after = converted(before, to);
    if (after !== undefined && typeof after !== typeof before)
      list.replace(at, encodeField(field, key, encodeValue(after)));
  };
}

/** Undefined where it cannot be: then the value stays. */
function converted(value: Plain, to: 'string' | 'int' | 'double'): Plain {
  if (to === 'string') return valueText(value);
  if (typeof value === 'boolean') return to === 'int' ? BigInt(value) : Number(value);
  if (to === 'int') {
    if (typeof value === 'number') return truncated(value);
    return typeof value === 'string' ? parseInt64(value) : value;
  }
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'string' ? parseDouble(value) : value;
}

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;

/** What does not fit becomes the smallest integer, as Go's conversion does on amd64. */
function truncated(value: number): bigint {
  if (!Number.isFinite(value)) return minInt64;
  const whole = BigInt(Math.trunc(value));
  return whole >= minInt64 && whole <= maxInt64 ? whole : minInt64;
}

function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return value >= minInt64 && value <= maxInt64 ? value : undefined;
}

function parseDouble(text: string): number | undefined {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(text);
  if (!special) return undefined;
  if (special[2]!.toLowerCase() === 'nan') return special[1] ? undefined : Number.NaN;
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function read(list: AttributeList, at: number): Plain {
  const { buf, start, end } = list.value(at);
  const value = new AnyValue().reset(buf, start, end);
  // An index into a dictionary that only profiles have says nothing here.
  return value.kind === 'strindex' ? undefined : value.plain();
}
