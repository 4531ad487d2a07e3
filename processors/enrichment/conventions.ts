import { encodeField } from '../../internal/otlp/attributes/encode.ts';
import type { AttributeList } from '../../internal/otlp/attributes/list.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import type { Range } from '../../internal/otlp/regroup.ts';
import { Fields } from '../../internal/otlp/view/fields.ts';
import { textOf } from '../../internal/otlp/view/raw.ts';
import type { ResourceGroup, ScopeGroup } from '../../internal/otlp/view/resource.ts';
import { LEN } from '../../internal/otlp/wire.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import type { Place } from './plan.ts';
import { newestVersion, renames, type Section, undatedRenames } from './renames.ts';

/** Field number of `schema_url`, in resource and scope groups. */
const schemaUrl = 3;
const GROUP = (1 << 3) | LEN;
const SCOPES = (2 << 3) | LEN;
const SCHEMA_URL = (schemaUrl << 3) | LEN;
/** `repeated Event events` of a span. */
export const SPAN_EVENT = (11 << 3) | LEN;
const family = 'https://opentelemetry.io/schemas/1.';
const newest = Number(newestVersion.split('.')[1]);

interface Pair {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** What is to be renamed, by the length of the old name. */
type Renaming = readonly (readonly Pair[] | undefined)[];

type Part = Place | 'event';

const nothing: Renaming = [];

/**
 * Renames attributes of older semantic conventions, and says so by the schema URL. A resource's URL also stands for the
 * scopes that have none. Of metrics only the resources are renamed: names and units of metrics changed with their
 * attributes, and one without the other would be of no version.
 */
export class SchemaUpgrade {
  readonly #signal: Signal;
  readonly #always: boolean;
  /** Whether more than resources are renamed. */
  readonly deep: boolean;
  /** The whole field with the newest URL. */
  readonly url: Uint8Array;
  readonly #renamings = new Map<string, Renaming>();
  readonly #fields = [new Fields(), new Fields(), new Fields()] as const;
  /** Minor version of the resource at which the walk is; undefined where it names none. */
  #minor: number | undefined;
  /** Where the walk is. */
  readonly #now: Record<Part, Renaming> = { resource: nothing, scope: nothing, record: nothing, event: nothing };

  /** @param always renames where no schema URL says which version it is, too, and the attributes of metrics */
  constructor(signal: Signal, always: boolean) {
    this.#signal = signal;
    this.#always = always;
    this.deep = always || signal !== 'metrics';
    const writer = new Writer(64);
    writer.string(schemaUrl, `${family}${newestVersion.slice(2)}`);
    this.url = writer.finish();
  }

  /** Whether a batch may have something to rename. Reads no more than the schema URLs. */
  concerns(batch: Payload): boolean {
    if (this.#always) return true;
    const [resources, groups, scopes] = this.#fields;
    for (const chunk of batch.chunks) {
      resources.reset(chunk, 0, chunk.length);
      while (resources.next()) {
        if (resources.tag !== GROUP) continue;
        groups.reset(chunk, resources.from, resources.to);
        while (groups.next()) {
          if (groups.tag === SCHEMA_URL && isOld(minorOf(textOf(chunk, groups.from, groups.to)))) return true;
          if (groups.tag !== SCOPES || !this.deep) continue;
          scopes.reset(chunk, groups.from, groups.to);
          while (scopes.next()) {
            if (scopes.tag === SCHEMA_URL && isOld(minorOf(textOf(chunk, scopes.from, scopes.to)))) return true;
          }
        }
      }
    }
    return false;
  }

  /** @returns whether its schema URL is to become the newest */
  enterResource(group: ResourceGroup): boolean {
    this.#minor = minorOf(group.schemaUrl);
    this.#now.resource = this.#renaming('resource', this.#minor);
    return isOld(this.#minor);
  }

  /** @returns whether its schema URL is to become the newest */
  enterScope(group: ScopeGroup): boolean {
    if (!this.deep) return false;
    const own = group.schemaUrl;
    const minor = own === '' ? this.#minor : minorOf(own);
    this.#now.scope = this.#renaming('all', minor);
    this.#now.event = this.#renaming('event', minor);
    this.#now.record = this.#renaming(this.#signal === 'traces' ? 'span' : 'log', minor);
    return own !== '' && isOld(minor) && this.#signal !== 'metrics';
  }

  /** Calls back for each event of a span, where something of events is to be renamed. */
  eachEvent(span: Range, visit: (at: number, from: number, to: number) => void): void {
    if (this.#now.event.length === 0) return;
    const [fields] = this.#fields;
    fields.reset(span.buf, span.start, span.end);
    while (fields.next()) if (fields.tag === SPAN_EVENT) visit(fields.at, fields.from, fields.to);
  }

  /** Renames what has an older name, unless the new one is there too. */
  rename(part: Part, list: AttributeList, field: number): void {
    const renaming = this.#now[part];
    if (renaming.length === 0) return;
    for (let i = 0; i < list.size; i++) {
      const pairs = renaming[list.keyLength(i)];
      if (!pairs || !list.has(i)) continue;
      for (const { from, to } of pairs) {
        if (!list.keyIs(i, from)) continue;
        if (list.find(to) >= 0) break;
        const { buf, start, end } = list.value(i);
        list.replace(i, encodeField(field, to, buf, start, end));
        break;
      }
    }
  }

  #renaming(section: Section, minor: number | undefined): Renaming {
    if (!this.#always && !isOld(minor)) return nothing;
    const key = this.#always ? '' : `${section} ${minor}`;
    let known = this.#renamings.get(key);
    if (!known) this.#renamings.set(key, (known = this.#always ? everything() : since(minor!, section)));
    return known;
  }
}

function isOld(minor: number | undefined): minor is number {
  return minor !== undefined && minor < newest;
}

/** Of one of OpenTelemetry's schemas, `https://opentelemetry.io/schemas/1.21.0`; there is no other major version. */
function minorOf(url: string): number | undefined {
  if (!url.startsWith(family)) return undefined;
  const minor = /^(\d{1,3})\.\d{1,3}$/.exec(url.slice(family.length))?.[1];
  return minor === undefined ? undefined : Number(minor);
}

function since(minor: number, section: Section): Renaming {
  const later = renames.filter(([, , brought, where]) => brought > minor && (where === 'all' || where === section));
  return byLength(later);
}

function everything(): Renaming {
  return byLength([...renames, ...undatedRenames]);
}

function byLength(pairs: readonly (readonly [from: string, to: string, ...rest: unknown[]])[]): Renaming {
  const all: Pair[][] = [];
  for (const [from, to] of pairs) {
    const pair = { from: Buffer.from(from), to: Buffer.from(to) };
    (all[from.length] ??= []).push(pair);
  }
  return all;
}
