import type { ResourceGroup, ScopeGroup } from '../otlp/view/resource.ts';
import { AttributeList } from './attributes.ts';
import { Scratch } from './bytes.ts';
import { type FixedLabel, fixedLabel, type LabelNames, LabelSet } from './labels.ts';
import { type CacheUse, type Common, type Given, Plan, Plans } from './plan.ts';

export interface LabelSettings {
  readonly externalLabels: Readonly<Record<string, string>>;
  readonly scopeInfo: boolean;
  readonly targetInfo: boolean;
  /** Every resource attribute becomes a label of each series. */
  readonly resourceToLabels: boolean;
  /** But for those that `job` and `instance` are made of. */
  readonly excludeService: boolean;
}

const service = { name: 'service.name', namespace: 'service.namespace', instance: 'service.instance.id' } as const;
const identifying: ReadonlySet<string> = new Set(Object.values(service));
const noPlainScopeLabel: ReadonlySet<string> = new Set(['name', 'version', 'schema_url']);

const maxResources = 5000;
const maxScopes = 200;
/** Beyond, all is let go and learnt again: keys or values that never repeat would fill any cache. */
const maxBytes = 64 * 1024 * 1024;

/** A resource's labels. */
export interface KnownResource {
  readonly scopes: Map<string, Plans>;
  readonly identity: readonly FixedLabel[];
  readonly given: readonly Given[];
  /** Labels of `target_info`; undefined where there would be nothing to tell, or nothing to join it by. */
  readonly target: LabelSet | undefined;
  /** Time of the last `target_info`, milliseconds: a repetition would be refused as a duplicate or as out of order. */
  targetMs: number;
}

/** Label sets by the bytes of resource and scope, each built once. Bounded by number and by bytes. */
export class Resources {
  readonly #settings: LabelSettings;
  readonly #names: LabelNames;
  readonly #external: readonly FixedLabel[];
  readonly #known = new Map<string, KnownResource>();
  readonly #use: CacheUse = { bytes: 0 };

  constructor(settings: LabelSettings, names: LabelNames) {
    this.#settings = settings;
    this.#names = names;
    this.#external = Object.entries(settings.externalLabels).flatMap(([key, value]) => this.#label(key, value));
  }

  of(group: ResourceGroup): KnownResource {
    const { resource } = group;
    const key = latin(resource.buf, resource.start, resource.end);
    let known = this.#known.get(key);
    if (known) return known;
    if (this.#use.bytes > maxBytes) {
      this.#known.clear();
      this.#use.bytes = 0;
    }
    if (this.#known.size >= maxResources) this.#known.delete(this.#known.keys().next().value!);
    known = this.#build(group);
    this.#known.set(key, known);
    this.#use.bytes += 8 * key.length + 1000;
    return known;
  }

  plans(resource: KnownResource, group: ScopeGroup): Plans {
    const { scope } = group;
    const key = this.#settings.scopeInfo ? latin(scope.buf, scope.start, scope.end) : '';
    let plans = resource.scopes.get(key);
    if (plans) return plans;
    if (resource.scopes.size >= maxScopes) resource.scopes.delete(resource.scopes.keys().next().value!);
    const strong = [...resource.identity, ...this.#scopeLabels(group)];
    plans = new Plans({ strong, weak: this.#external, given: resource.given }, this.#names, this.#use);
    resource.scopes.set(key, plans);
    this.#use.bytes += 4 * key.length + 1000;
    return plans;
  }

  #build({ resource }: ResourceGroup): KnownResource {
    const scratch = new Scratch();
    const attributes = attributesOf(resource, 1, scratch);
    const texts = new Map<string, string>();
    for (let i = 0; i < attributes.count; i++) texts.set(attributes.key(i), attributes.text(i));
    const identity = [...this.#label('job', job(texts)), ...this.#label('instance', texts.get(service.instance))];
    const { resourceToLabels, excludeService } = this.#settings;
    const given: Given[] = [];
    if (resourceToLabels) {
      for (const [key, value] of texts) {
        if (excludeService && identifying.has(key)) continue;
        const name = this.#names.of(key);
        if (name) given.push({ key, label: fixedLabel(name, value) });
      }
    }
    const target = this.#target(attributes, identity, scratch);
    return { scopes: new Map(), identity, given, target, targetMs: Number.NEGATIVE_INFINITY };
  }

  #target(attributes: AttributeList, identity: readonly FixedLabel[], scratch: Scratch): LabelSet | undefined {
    attributes.keep((key) => !identifying.has(key));
    if (!this.#settings.targetInfo || attributes.count === 0 || identity.length === 0) return undefined;
    const common: Common = { strong: identity, weak: this.#external, given: [] };
    const labels = new LabelSet();
    new Plan(attributes, common, '', this.#names).apply(attributes, labels, scratch);
    labels.detach();
    return labels;
  }

  #scopeLabels(group: ScopeGroup): FixedLabel[] {
    if (!this.#settings.scopeInfo) return [];
    const { scope } = group;
    const labels = [...this.#label('otel_scope_name', scope.name), ...this.#label('otel_scope_version', scope.version)];
    const attributes = attributesOf(scope, 3, new Scratch());
    for (let i = 0; i < attributes.count; i++) {
      const key = attributes.key(i);
      if (!noPlainScopeLabel.has(key)) labels.push(...this.#label(`otel_scope_${key}`, attributes.text(i)));
    }
    return labels;
  }

  #label(key: string, value: string | undefined): FixedLabel[] {
    const name = value ? this.#names.of(key) : undefined;
    return name ? [fixedLabel(name, value!)] : [];
  }
}

function job(texts: ReadonlyMap<string, string>): string {
  const name = texts.get(service.name) ?? '';
  const namespace = texts.get(service.namespace);
  return name !== '' && namespace ? `${namespace}/${name}` : name;
}

interface HasAttributes {
  readonly buf: Uint8Array;
  firstTag(field: number): number;
  valueEnd(field: number): number;
}

function attributesOf(message: HasAttributes, field: number, scratch: Scratch): AttributeList {
  const list = new AttributeList(scratch);
  readAttributes(list, message, field);
  return list;
}

export function readAttributes(list: AttributeList, message: HasAttributes, field: number): void {
  const first = message.firstTag(field);
  list.read(message.buf, Math.max(0, first), first < 0 ? 0 : message.valueEnd(field), field);
}

function latin(buf: Uint8Array, from: number, to: number): string {
  return Buffer.from(buf.buffer, buf.byteOffset + from, to - from).toString('latin1');
}
