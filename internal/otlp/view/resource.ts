import { Cursor, Messages } from './cursor.ts';
import { Attributes } from './value.ts';

/**
 *   message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; repeated EntityRef entity_refs = 3; }
 *
 * Source: opentelemetry/proto/resource/v1/resource.proto
 */
export class Resource extends Cursor {
  readonly #attributes = new Attributes();
  #entityRefs: Messages<EntityRef> | undefined;

  constructor() {
    super('Resource');
  }

  get attributes(): Attributes {
    return this.raw.list(1, this.#attributes);
  }
  get droppedAttributesCount(): number {
    return this.raw.uint32(2);
  }
  get entityRefs(): Messages<EntityRef> {
    return this.raw.list(3, (this.#entityRefs ??= new Messages(new EntityRef())));
  }
}

/**
 *   message EntityRef { string schema_url = 1; string type = 2; repeated string id_keys = 3; repeated string description_keys = 4; }
 *
 * Source: opentelemetry/proto/common/v1/common.proto
 */
export class EntityRef extends Cursor {
  constructor() {
    super('EntityRef');
  }

  get schemaUrl(): string {
    return this.raw.text(1);
  }
  get type(): string {
    return this.raw.text(2);
  }
  get idKeys(): string[] {
    return this.raw.texts(3);
  }
  get descriptionKeys(): string[] {
    return this.raw.texts(4);
  }
}

/**
 *   message InstrumentationScope { string name = 1; string version = 2; repeated KeyValue attributes = 3; uint32 dropped_attributes_count = 4; }
 *
 * Source: opentelemetry/proto/common/v1/common.proto
 */
export class Scope extends Cursor {
  readonly #attributes = new Attributes();

  constructor() {
    super('InstrumentationScope');
  }

  get name(): string {
    return this.raw.text(1);
  }
  get version(): string {
    return this.raw.text(2);
  }
  get attributes(): Attributes {
    return this.raw.list(3, this.#attributes);
  }
  get droppedAttributesCount(): number {
    return this.raw.uint32(4);
  }
}

/**
 * ResourceSpans, ResourceMetrics and ResourceLogs share one shape:
 *
 *   message Resource… { Resource resource = 1; repeated Scope… scope_… = 2; string schema_url = 3; }
 */
export class ResourceGroup extends Cursor {
  readonly #resource = new Resource();
  readonly #scopes: Messages<ScopeGroup>;

  constructor(type: 'ResourceSpans' | 'ResourceMetrics' | 'ResourceLogs') {
    super(type);
    this.#scopes = new Messages(new ScopeGroup(scopeGroups[type]));
  }

  get resource(): Resource {
    return this.raw.nested(1, this.#resource);
  }
  get scopes(): Messages<ScopeGroup> {
    return this.raw.list(2, this.#scopes);
  }
  get schemaUrl(): string {
    return this.raw.text(3);
  }
}

const scopeGroups = {
  ResourceSpans: 'ScopeSpans',
  ResourceMetrics: 'ScopeMetrics',
  ResourceLogs: 'ScopeLogs',
} as const;

/**
 * ScopeSpans, ScopeMetrics and ScopeLogs share one shape:
 *
 *   message Scope… { InstrumentationScope scope = 1; repeated … records = 2; string schema_url = 3; }
 */
export class ScopeGroup extends Cursor {
  readonly #scope = new Scope();

  constructor(type: 'ScopeSpans' | 'ScopeMetrics' | 'ScopeLogs') {
    super(type);
  }

  get scope(): Scope {
    return this.raw.nested(1, this.#scope);
  }
  /** Spans, log records or metrics, read by the given list. */
  records<C extends Cursor>(list: Messages<C>): Messages<C> {
    return this.raw.list(2, list);
  }
  get schemaUrl(): string {
    return this.raw.text(3);
  }
}
