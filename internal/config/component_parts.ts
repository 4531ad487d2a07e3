import type { z } from 'zod';
import type { ComponentEntry, Factory, Kind } from '../core/component.ts';
import type { ResolvedComponent } from '../core/resolved.ts';
import { type Issue, issueAt, type Path, warningAt } from './issues.ts';
import { parsePart, visit } from './part.ts';
import { didYouMean } from './suggest.ts';
import { canonical, type Entry, keyPlaceOf, type Node } from './tree.ts';
import { upstreamAdvice } from './upstream.ts';

export type Section = `${Kind}s`;

export const sections = [
  'receivers',
  'processors',
  'exporters',
  'connectors',
  'extensions',
] as const satisfies Section[];

/** A component as the document defines it, right or wrong. */
export interface Defined {
  readonly id: string;
  readonly kind: Kind;
  readonly path: Path;
  readonly entry: Entry;
  /** Absent where there is no such type. */
  readonly factory?: Factory;
  /** Absent where its part has errors. */
  readonly resolved?: ResolvedComponent;
  /** What went into the schema. */
  readonly input?: unknown;
}

/** What the checks share. */
export interface Draft {
  readonly root: Node;
  readonly definitions: Definitions;
  /** `section id` of each component that serves somewhere. */
  readonly used: Set<string>;
  readonly issues: Issue[];
}

export type Definitions = Readonly<Record<Section, ReadonlyMap<string, Defined>>>;

/** @returns the five sections, each part parsed; code is loaded only for types that are defined. */
export async function readComponents(
  root: Node,
  components: readonly ComponentEntry[],
  issues: Issue[],
): Promise<Definitions> {
  const found = sections.map((section) => definedIn(root, section, components, issues));
  const definitions: Partial<Record<Section, Map<string, Defined>>> = {};
  for (const [index, section] of sections.entries()) {
    const read = await Promise.all(found[index]!.map((one) => readComponent(root, one, issues)));
    definitions[section] = new Map(read.map((one) => [one.id, one]));
  }
  return definitions as Definitions;
}

type Found = Omit<Defined, 'factory'> & { readonly row?: ComponentEntry | undefined };

function definedIn(root: Node, section: Section, components: readonly ComponentEntry[], issues: Issue[]): Found[] {
  const part = root.kind === 'map' ? root.entries.get(section) : undefined;
  if (!part || (part.value.kind === 'scalar' && part.value.value === null)) return [];
  if (part.value.kind !== 'map') {
    issues.push(issueAt(part.value.at, [section], `expected a map of ${section} by their ids, as in "otlp:"`));
    return [];
  }
  const kind = section.slice(0, -1) as Kind;
  return Array.from(part.value.entries, ([key, entry]) => {
    const id = key.trim();
    const path = [section, key];
    const problem = idProblem(id);
    const row = components.find((known) => known.kind === kind && named(known, typeOf(id)));
    if (problem) issues.push(issueAt(entry.at, path, problem));
    else if (!row) issues.push(issueAt(entry.at, path, unknownType(kind, typeOf(id), components)));
    return { id, kind, path, entry, row };
  });
}

function named(entry: ComponentEntry, type: string): boolean {
  return entry.type === type || entry.aliases.includes(type);
}

export function typeOf(id: string): string {
  return id.split('/', 1)[0]!.trim();
}

/** @returns what is wrong with a `type[/name]`, by the rules of upstream's component.ID. */
export function idProblem(id: string): string | undefined {
  const [, type, slash, name] = /^([^/]*)(\/?)(.*)$/s.exec(id)!;
  const wanted = `expected an id such as otlp or otlp/name, got ${JSON.stringify(id)}`;
  if (!/^[A-Za-z]\w{0,62}$/.test(type!.trim())) return `${wanted}: the type is letters, digits and _, a letter first`;
  if (slash === '/' && name!.trim() === '') return `${wanted}: after the slash a name is missing`;
  if (/[\p{Z}\p{C}\p{S}]/u.test(name!.trim()) || name!.length > 1024) {
    return `${wanted}: the name has neither spaces nor symbols`;
  }
  return undefined;
}

function unknownType(kind: Kind, type: string, components: readonly ComponentEntry[]): string {
  const rows = components.filter((row) => row.kind === kind);
  const types = rows.flatMap((row) => [row.type, ...row.aliases]);
  const wanted = `expected a known ${kind} type, got ${JSON.stringify(type)}`;
  const advice = upstreamAdvice(kind, type);
  if (advice !== undefined) {
    const otherwise = `remove it, or see "sluice components" for what there is`;
    return `${wanted}: it is a component of the OpenTelemetry Collector that is not available in this build; ${advice || otherwise}`;
  }
  const elsewhere = components.find((row) => row.kind !== kind && named(row, type));
  if (elsewhere) return `${wanted}: there is ${article(elsewhere.kind)} ${elsewhere.kind} of that name`;
  return `${wanted}${didYouMean(type, types) || `; known are ${rows.map((row) => row.type).join(', ') || 'none'}`}`;
}

function article(word: string): string {
  return /^[aeiou]/.test(word) ? 'an' : 'a';
}

async function readComponent(root: Node, { row, ...found }: Found, issues: Issue[]): Promise<Defined> {
  if (!row) return found;
  const factory = await row.load();
  const schema = factory.schema as z.core.$ZodType;
  const { id, kind, path } = found;
  const node = found.entry.value;
  const parsed = parsePart(schema, { node, path, root }, issues);
  if (!parsed) return { ...found, factory };
  const resolved = { id, kind, factory, config: parsed.value, fingerprint: canonical(node) };
  return { ...found, factory, resolved, input: parsed.input };
}

/** Extensions that components name (`auth.authenticator`) must be there and be started. */
export function checkReferences({ definitions, issues }: Draft, started: readonly string[]): void {
  const known = [...definitions.extensions.keys()];
  for (const section of sections) {
    for (const { factory, path, entry } of definitions[section].values()) {
      if (!factory) continue;
      visit([factory.schema as z.core.$ZodType], entry.value, path, (meta, node, at) => {
        if (meta.reference !== 'extension' || node.kind !== 'scalar' || typeof node.value !== 'string') return;
        const id = node.value;
        if (!known.includes(id)) {
          const advice = didYouMean(id, known) || ': define it under extensions';
          issues.push(issueAt(node.at, at, `expected a defined extension, got ${JSON.stringify(id)}${advice}`));
        } else if (!started.includes(id)) {
          issues.push(
            issueAt(
              node.at,
              at,
              `expected an extension that is started, got ${JSON.stringify(id)}: add it to service.extensions`,
            ),
          );
        }
      });
    }
  }
}

export function warnOfUnused({ root, definitions, used, issues }: Draft): void {
  for (const section of sections) {
    for (const { id, path } of definitions[section].values()) {
      const where = section === 'extensions' ? 'service.extensions' : 'any pipeline';
      if (used.has(`${section} ${id}`)) continue;
      issues.push(warningAt(keyPlaceOf(root, path), path, `is defined but not used in ${where}, so it is not started`));
    }
  }
}
