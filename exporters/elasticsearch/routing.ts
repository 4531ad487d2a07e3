import type { Signal } from '../../internal/otlp/payload.ts';
import type { AttributeTable } from './attributes.ts';
import { JsonBytes } from './json.ts';
import type { MappingMode } from './modes.ts';

export const DATASET = Buffer.from('data_stream.dataset');
export const NAMESPACE = Buffer.from('data_stream.namespace');
export const TYPE = Buffer.from('data_stream.type');
export const INDEX = Buffer.from('elasticsearch.index');
export const DOCUMENT_ID = Buffer.from('elasticsearch.document_id');
export const PIPELINE = Buffer.from('elasticsearch.ingest_pipeline');

/** Where a document goes. */
export interface Route {
  readonly index: string;
  /** `"_index":"…"`, and with it what every action of the exporter says. */
  readonly action: Buffer;
  /** Undefined for an index that is no data stream of ours. */
  readonly stream?: DataStream;
  /** `"data_stream":{…},`, or nothing. */
  readonly streamJson: Buffer;
}

export interface DataStream {
  readonly type: string;
  readonly dataset: string;
  readonly namespace: string;
}

export interface RoutingConfig {
  /** Static indices; empty: by data stream. */
  readonly logs_index: string;
  readonly traces_index: string;
  readonly metrics_index: string;
  readonly logstash_format: {
    readonly enabled: boolean;
    readonly prefix_separator: string;
    readonly date_format: string;
  };
}

/** What a scope's documents are routed by, unless a record says otherwise. */
export interface ScopeRouting {
  readonly mode: MappingMode;
  readonly scopeName: string;
  /** Attributes of scope, then resource. */
  readonly index: string | undefined;
  readonly dataset: string | undefined;
  readonly namespace: string | undefined;
  readonly type: string | undefined;
}

const MAX_ROUTES = 2000;
const RECEIVER = /\/receiver\/(\w*receiver)/;

/**
 * Names indices as upstream does: the static index of the signal, else the attribute `elasticsearch.index`, else the
 * data stream of `data_stream.*`; a record's attribute counts before its scope's, and that before its resource's.
 */
export class Router {
  readonly #config: RoutingConfig;
  readonly #now: () => number;
  readonly #routes = new Map<string, Route>();

  /** @param now wall time, milliseconds: dates the indices of `logstash_format` */
  constructor(config: RoutingConfig, now: () => number) {
    this.#config = config;
    this.#now = now;
  }

  /** @param record its attributes, where some of them are reserved names */
  route(signal: Signal, scope: ScopeRouting, record: AttributeTable | undefined): Route {
    const fixed = this.#config[`${signal}_index`];
    if (fixed !== '') return this.#index(fixed);
    const attribute = (key: Uint8Array) => (record ? textAt(record, key) : undefined);
    const index = attribute(INDEX) ?? scope.index;
    if (index !== undefined) return this.#index(index);
    const named = attribute(DATASET) ?? scope.dataset;
    const dataset = named ?? RECEIVER.exec(scope.scopeName)?.[1] ?? 'generic';
    const namespace = attribute(NAMESPACE) ?? scope.namespace ?? 'default';
    // Only where the body is the whole document may it also say what it is.
    const type = scope.mode === 'bodymap' ? (attribute(TYPE) ?? scope.type ?? signal) : signal;
    return this.#stream(scope.mode, type, dataset, namespace);
  }

  #index(name: string): Route {
    const index = this.#dated(name);
    return this.#known(`i ${index}`, () => ({ index, action: actionOf(index), streamJson: nothing }));
  }

  #stream(mode: MappingMode, type: string, dataset: string, namespace: string): Route {
    return this.#known(`s ${mode} ${type} ${dataset} ${namespace}${this.#date()}`, () => {
      const stream = {
        type: type === 'metrics' || type === 'traces' ? type : 'logs',
        dataset: sanitized(dataset, DATASET_FORBIDDEN, mode === 'otel' ? '.otel' : ''),
        namespace: sanitized(namespace, NAMESPACE_FORBIDDEN, ''),
      };
      const index = this.#dated(`${stream.type}-${stream.dataset}-${stream.namespace}`);
      const route = { index, action: actionOf(index) };
      if (this.#config.logstash_format.enabled) return { ...route, streamJson: nothing };
      return { ...route, stream, streamJson: Buffer.from(`"data_stream":${JSON.stringify(stream)},`) };
    });
  }

  #known(key: string, make: () => Route): Route {
    const known = this.#routes.get(key);
    if (known) return known;
    if (this.#routes.size >= MAX_ROUTES) this.#routes.clear();
    const route = make();
    this.#routes.set(key, route);
    return route;
  }

  #dated(index: string): string {
    return index + this.#date();
  }

  #date(): string {
    const { enabled, prefix_separator, date_format } = this.#config.logstash_format;
    return enabled ? prefix_separator + strftime(date_format, new Date(this.#now())) : '';
  }
}

const nothing = Buffer.alloc(0);

function actionOf(index: string): Buffer {
  const out = new JsonBytes(index.length + 32);
  out.ascii('"_index":');
  out.string(index);
  return out.cut(0, out.pos);
}

function textAt(table: AttributeTable, key: Uint8Array): string | undefined {
  const at = table.find(key);
  return at < 0 ? undefined : table.stringValue(at);
}

const DATASET_FORBIDDEN = '-\\/*?"<>| ,#:';
const NAMESPACE_FORBIDDEN = '\\/*?"<>| ,#:';
const MAX_BYTES = 100;

/** What https://www.elastic.co/docs/reference/ecs/ecs-data_stream asks of these names; the suffix comes on top. */
function sanitized(name: string, forbidden: string, suffix: string): string {
  let text = '';
  for (const character of name.toWellFormed()) {
    const clean = forbidden.includes(character) || character < ' ' ? '_' : character.toLowerCase();
    if (Buffer.byteLength(text) + Buffer.byteLength(clean) > MAX_BYTES - suffix.length) break;
    text += clean;
  }
  return text + suffix;
}

/** The conversions of strftime(3) that name a date or a time of day, in UTC. */
export function strftime(format: string, date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const dayOfYear = Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
  const parts: Readonly<Record<string, () => string>> = {
    Y: () => String(date.getUTCFullYear()),
    y: () => two(date.getUTCFullYear() % 100),
    m: () => two(date.getUTCMonth() + 1),
    d: () => two(date.getUTCDate()),
    H: () => two(date.getUTCHours()),
    M: () => two(date.getUTCMinutes()),
    S: () => two(date.getUTCSeconds()),
    j: () => String(dayOfYear).padStart(3, '0'),
    F: () => date.toISOString().slice(0, 10),
    '%': () => '%',
  };
  return format.replace(/%(.)/g, (all, letter: string) => parts[letter]?.() ?? all);
}

/** Conversions that `strftime` knows: for the check of the configuration. */
export const strftimeLetters = 'YymdHMSjF%';
