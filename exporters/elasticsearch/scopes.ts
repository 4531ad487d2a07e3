import type { ClientMetadata } from '../../internal/core/consumer.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import type { Attributes } from '../../internal/otlp/view/value.ts';
import type { AttributeTable } from './attributes.ts';
import { JsonBytes } from './json.ts';
import { type MappingMode, modeNamed } from './modes.ts';
import { OtelWriter } from './otel.ts';
import { DATASET, INDEX, NAMESPACE, type Route, type Router, type ScopeRouting, TYPE } from './routing.ts';

const MODE = Buffer.from('elastic.mapping.mode');
/** The header by which a client asks for a mapping mode. */
const MODE_HEADER = 'x-elastic-mapping-mode';

export interface ModeConfig {
  readonly mode: MappingMode;
  readonly allowed_modes: readonly MappingMode[];
}

/** What the records of one scope have in common. */
export interface ScopeState extends ScopeRouting {
  /** Tells scopes apart whose documents must not be joined. */
  readonly identity: number;
  /** Why nothing of the scope can be encoded. */
  readonly refusal: string | undefined;
  /** `"resource":{…},"scope":{…}`, in the mode `otel` only. */
  readonly context: Buffer;
}

/** Looks at resources and scopes, once each. */
export class Scopes {
  readonly #router: Router;
  readonly #config: ModeConfig;
  readonly #signal: Signal;
  readonly #out = new JsonBytes(4096);
  readonly #otel: OtelWriter;
  #identities = new Map<string, number>();
  #fromClient: MappingMode | undefined;
  #refusal: string | undefined;
  /** The routes of the scope entered last, of records that say nothing of their own. */
  #routes: Partial<Record<Signal, Route>> = {};

  constructor(router: Router, config: ModeConfig, signal: Signal, seed: number) {
    this.#router = router;
    this.#config = config;
    this.#signal = signal;
    this.#otel = new OtelWriter(this.#out, seed);
  }

  reset(metadata: ClientMetadata | undefined): void {
    this.#identities = new Map();
    const asked = metadata?.get(MODE_HEADER)?.[0];
    this.#fromClient = asked === undefined ? undefined : modeNamed(asked);
    this.#refusal = undefined;
    if (asked === undefined) return;
    if (!this.#fromClient || !this.#config.allowed_modes.includes(this.#fromClient)) {
      this.#refusal = `the mapping mode "${asked}" that the client asks for is not one of mapping.allowed_modes`;
    }
  }

  enter(group: ResourceGroup, scopeGroup: ScopeGroup): ScopeState {
    this.#routes = {};
    const { scope } = scopeGroup;
    const resource = group.resource.attributes;
    const own = scope.attributes;
    const said = textOf(own, MODE);
    const named = said === undefined ? undefined : modeNamed(said);
    const mode = named ?? this.#fromClient ?? this.#config.mode;
    const unknown = said !== undefined && !named ? `the scope's elastic.mapping.mode "${said}" is none` : undefined;
    const lookup = (key: Uint8Array) => textOf(own, key) ?? textOf(resource, key);
    return {
      mode,
      scopeName: scope.name,
      index: lookup(INDEX),
      dataset: lookup(DATASET),
      namespace: lookup(NAMESPACE),
      type: lookup(TYPE),
      refusal: unknown ?? (named ? undefined : this.#refusal) ?? this.#unfit(mode),
      identity: this.#identity(group, scopeGroup),
      context: mode === 'otel' ? this.#context(group, scopeGroup) : nothing,
    };
  }

  /** @param record attributes of the record, if it has some that direct it */
  route(signal: Signal, scope: ScopeState, record: AttributeTable): Route {
    if (record.reserved) return this.#router.route(signal, scope, record);
    return (this.#routes[signal] ??= this.#router.route(signal, scope, undefined));
  }

  #unfit(mode: MappingMode): string | undefined {
    if (mode !== 'bodymap' || this.#signal === 'logs') return undefined;
    return `the mapping mode bodymap is for logs, not for ${this.#signal}`;
  }

  #context(group: ResourceGroup, scopeGroup: ScopeGroup): Buffer {
    this.#out.pos = 0;
    this.#otel.context(group, scopeGroup, this.#signal === 'metrics');
    return this.#out.cut(0, this.#out.pos);
  }

  #identity(group: ResourceGroup, scopeGroup: ScopeGroup): number {
    if (this.#signal !== 'metrics') return 0;
    const parts = [group.resource, scopeGroup.scope].map(({ buf, start, end }) =>
      Buffer.from(buf.buffer, buf.byteOffset + start, end - start).toString('latin1'),
    );
    const key = JSON.stringify([group.schemaUrl, scopeGroup.schemaUrl, ...parts]);
    const known = this.#identities.get(key) ?? this.#identities.size;
    this.#identities.set(key, known);
    return known;
  }
}

const nothing = Buffer.alloc(0);

function textOf(attributes: Attributes, key: Uint8Array): string | undefined {
  const value = attributes.find(key)?.value;
  return value?.kind === 'string' ? value.stringValue : undefined;
}
