import { isKey } from '../otlp/attributes/keys.ts';
import type { AttributeList } from './attributes.ts';
import type { Scratch } from './bytes.ts';
import {
  type ExtraName,
  type FixedLabel,
  fixedLabel,
  type LabelName,
  type LabelNames,
  type LabelSet,
} from './labels.ts';

/** What all points of one resource and scope have in common. */
export interface Common {
  /** `job`, `instance` and the scope's labels: stronger than an attribute of the same name. */
  readonly strong: readonly FixedLabel[];
  /** External labels: weaker than an attribute of the same name. */
  readonly weak: readonly FixedLabel[];
  /** Resource attributes that every point is given (`resource_to_telemetry_conversion`). */
  readonly given: readonly Given[];
}

export interface Given {
  readonly key: string;
  readonly label: FixedLabel;
}

interface Slot {
  readonly name: LabelName;
  /** Index of the attribute that gives the value; -1: `fixed` does. */
  readonly attribute: number;
  /** Used where the attribute is empty. */
  readonly fixed: FixedLabel | undefined;
  /** Attributes whose keys became one name, in the order of their keys; their values are joined. */
  readonly joined: readonly Source[] | undefined;
  readonly beforeName: boolean;
  readonly beforeExtra: boolean;
}

interface Source {
  readonly key: string;
  readonly attribute: number;
  readonly given: FixedLabel | undefined;
}

const metricNameLabel = Buffer.from('__name__');

/**
 * How points with the same keys in the same order become labels. Made once for each such list of keys, so that per point
 * nothing is looked up, renamed or sorted.
 */
export class Plan {
  readonly #keys: readonly Uint8Array[];
  readonly #slots: readonly Slot[];

  constructor(attributes: AttributeList, common: Common, extra: ExtraName, names: LabelNames) {
    this.#keys = Array.from({ length: attributes.count }, (_, i) =>
      Uint8Array.prototype.slice.call(attributes.buf, attributes.keyFrom[i], attributes.keyTo[i]),
    );
    this.#slots = slotsOf(sourcesOf(attributes, common), common, extra, names);
  }

  /** Whether it was made for these keys. */
  fits(attributes: AttributeList): boolean {
    const keys = this.#keys;
    if (keys.length !== attributes.count) return false;
    const { buf, keyFrom, keyTo } = attributes;
    for (let i = 0; i < keys.length; i++) if (!isKey(keys[i]!, buf, keyFrom[i]!, keyTo[i]!)) return false;
    return true;
  }

  apply(attributes: AttributeList, labels: LabelSet, scratch: Scratch): void {
    labels.clear();
    const { value, from, to } = attributes;
    for (const slot of this.#slots) {
      const { attribute } = slot;
      if (slot.joined) join(slot, attributes, labels, scratch);
      else if (attribute >= 0 && from[attribute]! < to[attribute]!) {
        labels.add(slot.name, value[attribute]!, from[attribute]!, to[attribute]!);
      } else if (slot.fixed) labels.addFixed(slot.fixed);
      if (slot.beforeName) labels.nameAt = labels.size;
      if (slot.beforeExtra) labels.extraAt = labels.size;
    }
  }
}

/** A value that repeats what is there already adds nothing. */
function join(slot: Slot, attributes: AttributeList, labels: LabelSet, scratch: Scratch): void {
  let joined = '';
  for (const { attribute, given } of slot.joined!) {
    const value = given ? Buffer.from(given.value).toString() : attributes.text(attribute);
    if (value !== '' && value !== joined) joined = joined === '' ? value : `${joined};${value}`;
  }
  if (joined === '') {
    if (slot.fixed) labels.addFixed(slot.fixed);
    return;
  }
  const from = scratch.text(joined);
  labels.add(slot.name, scratch.buf, from, scratch.end);
}

/** In the order of their keys, as values of one name are joined in it. */
function sourcesOf(attributes: AttributeList, { given }: Common): Source[] {
  const sources: Source[] = given.map(({ key, label }) => ({ key, attribute: -1, given: label }));
  const overridden = new Set(given.map(({ key }) => key));
  for (let i = 0; i < attributes.count; i++) {
    const key = attributes.key(i);
    if (!overridden.has(key)) sources.push({ key, attribute: i, given: undefined });
  }
  return sources.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

function slotsOf(sources: readonly Source[], common: Common, extra: ExtraName, names: LabelNames): Slot[] {
  const byName = new Map<string, { name: LabelName; sources: Source[]; fixed?: FixedLabel }>();
  for (const source of sources) {
    let name = names.of(source.key);
    if (!name || name.text === '__name__' || source.given?.value.length === 0) continue;
    // As Prometheus itself does it with a label of the scraped target that it needs for its own.
    if (name.text === extra) name = names.of(`exported_${extra}`)!;
    const slot = byName.get(name.text) ?? { name, sources: [] };
    slot.sources.push(source);
    byName.set(name.text, slot);
  }
  for (const label of common.strong) byName.set(label.name.text, { name: label.name, sources: [], fixed: label });
  for (const label of common.weak) {
    const slot = byName.get(label.name.text);
    if (!slot) byName.set(label.name.text, { name: label.name, sources: [], fixed: label });
    else slot.fixed ??= label;
  }
  const extraBytes = Buffer.from(extra);
  return [...byName.values()]
    .sort((a, b) => Buffer.compare(a.name.bytes, b.name.bytes))
    .map(({ name, sources: of, fixed }) => {
      const only = of.length === 1 ? of[0]! : undefined;
      return {
        name,
        attribute: only && !only.given ? only.attribute : -1,
        fixed: only?.given ? renamed(only.given, name) : fixed,
        joined: of.length > 1 ? of : undefined,
        beforeName: Buffer.compare(name.bytes, metricNameLabel) < 0,
        beforeExtra: Buffer.compare(name.bytes, extraBytes) < 0,
      };
    });
}

function renamed(label: FixedLabel, name: LabelName): FixedLabel {
  return label.name === name ? label : fixedLabel(name, Buffer.from(label.value).toString());
}

/** Beyond so many keys a plan is not worth keeping: no two such points are alike. */
const maxKeys = 256;
const maxPlans = 1000;

/** What the caches of label sets hold, in bytes, roughly. */
export interface CacheUse {
  bytes: number;
}

const slotBytes = 200;

/** The plans of one resource and scope. */
export class Plans {
  readonly #common: Common;
  readonly #names: LabelNames;
  readonly #use: CacheUse;
  readonly #last = new Map<ExtraName, Plan>();
  readonly #known = new Map<string, Plan>();

  constructor(common: Common, names: LabelNames, use: CacheUse) {
    this.#common = common;
    this.#names = names;
    this.#use = use;
  }

  for(attributes: AttributeList, extra: ExtraName): Plan {
    const last = this.#last.get(extra);
    if (last?.fits(attributes)) return last;
    const plan = this.#find(attributes, extra);
    this.#last.set(extra, plan);
    return plan;
  }

  #find(attributes: AttributeList, extra: ExtraName): Plan {
    if (attributes.count > maxKeys) return new Plan(attributes, this.#common, extra, this.#names);
    let keys: string = extra;
    for (let i = 0; i < attributes.count; i++) keys += `\n${attributes.key(i)}`;
    let plan = this.#known.get(keys);
    // Keys may hold anything, line breaks too.
    if (plan?.fits(attributes)) return plan;
    plan = new Plan(attributes, this.#common, extra, this.#names);
    if (this.#known.size >= maxPlans) this.#known.clear();
    this.#known.set(keys, plan);
    this.#use.bytes += 2 * keys.length + slotBytes * attributes.count;
    return plan;
  }
}
