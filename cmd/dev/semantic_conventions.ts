/**
 * `node cmd/dev/semantic_conventions.ts FOLDER` writes the renames that the enrichment processor knows, from a checkout of
 * https://github.com/open-telemetry/semantic-conventions. Its schema files say which attribute was renamed in which
 * version, its registry what the attributes are now.
 */
import { globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** An attribute as the registry has it. */
interface Attribute {
  readonly type?: string | { readonly members?: readonly { readonly value: unknown; readonly deprecated?: unknown }[] };
  readonly deprecated?: string | { readonly reason: string; readonly renamed_to?: string };
}

type Registry = ReadonlyMap<string, Attribute>;

interface Change {
  readonly rename_attributes?: {
    readonly attribute_map: Readonly<Record<string, string>>;
    readonly apply_to_spans?: unknown;
    readonly apply_to_events?: unknown;
  };
}

interface Rename {
  readonly from: string;
  readonly to: string;
  /** Minor version in which the old name went. */
  readonly since: number;
  readonly section: string;
}

/** Sections of a schema file, https://opentelemetry.io/docs/specs/otel/schemas/file_format_v1.1.0/, and what we call them. Metrics change their units with their names. */
const sections = { all: 'all', resources: 'resource', spans: 'span', span_events: 'event', logs: 'log' };

interface Schema {
  readonly version: string;
  readonly renames: readonly Rename[];
  /** Old names that only mean something beside a metric's. */
  readonly ofMetrics: readonly string[];
}

function schemaOf(folder: string): Schema {
  const newest = readdirSync(join(folder, 'schemas')).sort((a, b) => minorOf(a) - minorOf(b) || a.localeCompare(b));
  const version = newest.at(-1)!;
  const { versions } = parse(readFileSync(join(folder, 'schemas', version), 'utf8'));
  const renames: Rename[] = [];
  const ofMetrics: string[] = [];
  for (const at of Object.keys(versions).sort((a, b) => minorOf(a) - minorOf(b))) {
    for (const { rename_attributes: change } of versions[at]?.metrics?.changes ?? []) {
      if (change) ofMetrics.push(...Object.keys(change.attribute_map));
    }
    for (const [section, name] of Object.entries(sections)) {
      const changes: readonly Change[] = versions[at]?.[section]?.changes ?? [];
      for (const { rename_attributes: change } of changes) {
        if (!change || change.apply_to_spans || change.apply_to_events) continue;
        for (const [from, to] of Object.entries(change.attribute_map)) {
          renames.push({ from, to, since: minorOf(at), section: name });
        }
      }
    }
  }
  return { version, renames, ofMetrics };
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}

function registryOf(folder: string): Registry {
  const registry = new Map<string, Attribute>();
  for (const file of globSync(join(folder, 'model/**/*.yaml'))) {
    const root = parse(readFileSync(file, 'utf8')) ?? {};
    // The newer of two formats has neither groups nor ids.
    for (const { attributes = [] } of [root, ...(root.groups ?? [])]) {
      for (const one of attributes) if (one.id ?? one.key) registry.set(one.id ?? one.key, one);
    }
  }
  return registry;
}

/** Each old name once, with what became of it in the end: where a schema and the registry differ, a schema was wrong. */
function followed(renames: readonly Rename[], registry: Registry): Rename[] {
  const last = new Map(renames.map((one) => [one.from, one]));
  const nextOf = (name: string, since: number) => {
    const { deprecated } = registry.get(name) ?? {};
    if (typeof deprecated === 'object' && deprecated.renamed_to) return deprecated.renamed_to;
    const next = last.get(name);
    return next && next.since >= since ? next.to : undefined;
  };
  return [...last.values()].map((one) => {
    let to = one.from;
    for (let next = nextOf(to, one.since); next !== undefined; next = nextOf(to, one.since)) to = next;
    return { ...one, to };
  });
}

/** Why a rename would be wrong; undefined where the new name says what the old one said. */
function objection({ from, to }: Pick<Rename, 'from' | 'to'>, registry: Registry) {
  const [old, now] = [registry.get(from), registry.get(to)];
  if (!now || now.deprecated) return `${to} is no attribute any more`;
  if (!old) return undefined;
  if (!old.deprecated) return `${from} is an attribute again`;
  if (typeof old.deprecated === 'object' && old.deprecated.reason !== 'renamed') return 'it is not the same';
  if (typeof old.type === 'string' && old.type.startsWith('template')) return 'it only begins so';
  const values = membersOf(now);
  const lost = membersOf(old).find(({ value }) => values.length > 0 && !values.some((one) => one.value === value));
  return lost && `the value ${JSON.stringify(lost.value)} is another now`;
}

function membersOf({ type }: Attribute): readonly { readonly value: unknown }[] {
  return (typeof type === 'object' && type.members) || [];
}

/** What the registry says was renamed, and no schema file since when. */
function undatedOf(registry: Registry, known: ReadonlySet<string>): Pick<Rename, 'from' | 'to'>[] {
  const renames: Pick<Rename, 'from' | 'to'>[] = [];
  for (const [from, { deprecated }] of registry) {
    if (known.has(from) || typeof deprecated !== 'object' || !deprecated.renamed_to) continue;
    renames.push({ from, to: deprecated.renamed_to });
  }
  return renames;
}

type Undated = Pick<Rename, 'from' | 'to'>;

function sourceOf(version: string, dated: readonly Rename[], undated: readonly Undated[]): string {
  const byName = (a: Undated, b: Undated) => (a.from < b.from ? -1 : 1);
  const lines = dated
    .toSorted((a, b) => a.since - b.since || byName(a, b))
    .map(({ from, to, since, section }) => `  ['${from}', '${to}', ${since}, '${section}'],`);
  const others = undated.toSorted(byName).map(({ from, to }) => `  ['${from}', '${to}'],`);
  const names = Object.values(sections).map((name) => `'${name}'`);
  return `// Written by cmd/dev/semantic_conventions.ts from https://github.com/open-telemetry/semantic-conventions: do not edit.

export type Section = ${names.join(' | ')};

/** Whose schema has the new names. */
export const newestVersion = '${version}';

/** Attributes whose values stayed as they were: old name, new name, the minor version that brought the new one, and where it is used. */
export const renames: readonly (readonly [from: string, to: string, since: number, section: Section])[] = [
${lines.join('\n')}
];

/** More of them, of which no schema says when they were renamed. */
export const undatedRenames: readonly (readonly [from: string, to: string])[] = [
${others.join('\n')}
];
`;
}

const [folder = '.'] = process.argv.slice(2);
const { version, renames, ofMetrics } = schemaOf(folder);
const registry = registryOf(folder);
const fit = (one: Undated) => {
  const why = objection(one, registry);
  if (why) console.log(`left out: ${one.from} to ${one.to}: ${why}`);
  return !why;
};
const dated = followed(renames, registry);
const undated = undatedOf(registry, new Set([...dated.map(({ from }) => from), ...ofMetrics]));
const target = 'processors/enrichment/renames.ts';
writeFileSync(target, sourceOf(version, dated.filter(fit), undated.filter(fit)));
console.log(`wrote ${target}`);
