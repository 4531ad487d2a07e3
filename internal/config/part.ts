import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { explain, pathsOf } from './explain.ts';
import { type Issue, issueAt, type Path, warningAt } from './issues.ts';
import { childSchemas, type FieldMeta, knownKeys, peel } from './schema.ts';
import { children, keyPlaceOf, type Node, nodeAt, placeOf, plain } from './tree.ts';

/** A part of the configuration and where it stands. */
export interface Part {
  readonly node: Node;
  /** From the top of the document. */
  readonly path: Path;
  /** The whole document, to point at what is missing. */
  readonly root: Node;
}

/** More repairs than a part has fields that could need one. */
const maxRepairs = 1000;

export interface Parsed {
  /** The schema's output. */
  readonly value: unknown;
  /** What went into the schema: the part as written, with `${…}` replaced by what each field wants. */
  readonly input: unknown;
}

/** Parses one part by its schema; undefined after an issue. */
export function parsePart(schema: z.core.$ZodType, part: Part, issues: Issue[]): Parsed | undefined {
  const told = issues.length;
  tellOfFieldsWithoutEffect(schema, part, issues);
  const failed = issues.slice(told).some((issue) => issue.severity === 'error');
  let input = part.node.kind === 'scalar' && part.node.value === null ? {} : plain(part.node);
  const tried = new Set<string>();
  for (let round = 0; round < maxRepairs; round++) {
    const parsed = (schema as z.ZodType).safeParse(input, { error: () => unsaid });
    if (parsed.success) return failed ? undefined : { value: parsed.data, input };
    let changed = false;
    for (const { path, wanted } of pathsOf(parsed.error.issues)) {
      if (path.length === 0) continue;
      const repair = repairsOf(schema, part.node, path, wanted).find((one) => !tried.has(JSON.stringify([path, one])));
      if (!repair) continue;
      tried.add(JSON.stringify([path, repair]));
      input = withRepair(input, path, repair);
      changed = true;
    }
    if (!changed) {
      issues.push(...issuesOf(schema, part, parsed.error.issues));
      return undefined;
    }
  }
  return undefined;
}

/** Stands for a message that the schema does not give itself. */
const unsaid = '\u0000';

type Repair = { readonly text: string } | { readonly drop: true };

/**
 * What to try in turn. A field that wants text gets what replaced its `${…}` unchanged, `0123` and not 123; a field that
 * is written but left empty keeps its default, as upstream.
 */
function repairsOf(schema: z.core.$ZodType, root: Node, path: Path, wanted: 'text' | 'other'): Repair[] {
  const node = nodeAt(root, path);
  if (!node) return [];
  const repairs: Repair[] = [];
  if (wanted === 'text' && node.original !== undefined) repairs.push({ text: node.original });
  // Not an entry that the user has named: it would vanish.
  const isField = knownKeys(schema, path.slice(0, -1)).includes(String(path.at(-1)));
  if (isField && node.kind === 'scalar' && node.value === null) repairs.push({ drop: true });
  return repairs;
}

function withRepair(input: unknown, path: Path, repair: Repair): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return 'text' in repair ? repair.text : undefined;
  if (Array.isArray(input)) return input.map((item, index) => (index === key ? withRepair(item, rest, repair) : item));
  const copy = { ...(input as Record<string, unknown>) };
  if (rest.length === 0 && 'drop' in repair) delete copy[key];
  else copy[key] = withRepair(copy[key], rest, repair);
  return copy;
}

function issuesOf(schema: z.core.$ZodType, part: Part, found: readonly z.core.$ZodIssue[]): Issue[] {
  return explain(found, unsaid, schema, part.node).map(({ path, message, atKey }) => {
    const full = [...part.path, ...path];
    return issueAt(atKey ? keyPlaceOf(part.root, full) : placeOf(part.root, full), full, message);
  });
}

/** Fields that upstream has and Sluice has not are errors; those that only tune the Go implementation are warnings. */
function tellOfFieldsWithoutEffect(schema: z.core.$ZodType, part: Part, issues: Issue[]): void {
  visit([schema], part.node, [], (meta, node, path) => {
    const full = [...part.path, ...path];
    const at = keyPlaceOf(part.root, full);
    if (meta.unsupported !== undefined && !isHarmless(meta, node)) {
      const what = 'known in the OpenTelemetry Collector, not supported by Sluice yet';
      issues.push(issueAt(at, full, `${what}: ${meta.unsupported}`));
    }
    if (meta.ignored !== undefined) issues.push(warningAt(at, full, `has no effect in Sluice: ${meta.ignored}`));
  });
}

function isHarmless(meta: FieldMeta, node: Node): boolean {
  return meta.harmless?.some((value) => isDeepStrictEqual(value, plain(node))) ?? false;
}

/** Calls back for each value that stands in the document, with what the schemas (one, or a union's) say of its field. */
export function visit(
  schemas: readonly z.core.$ZodType[],
  node: Node,
  path: Path,
  see: (meta: FieldMeta, node: Node, path: Path) => void,
): void {
  for (const [key, value] of children(node)) {
    const inner = schemas.flatMap((schema) => childSchemas(schema, key));
    see(Object.assign({}, ...inner.map((schema) => peel(schema).meta)) as FieldMeta, value, [...path, key]);
    visit(inner, value, [...path, key], see);
  }
}
