import { stringify } from 'yaml';
import { z } from 'zod';
import { type Section, sections } from './component_parts.ts';
import type { LoadedConfig } from './load.ts';
import { redact } from './redact.ts';
import { alternatives, childSchemas, peel } from './schema.ts';
import { serviceSchema } from './service.ts';
import { plain } from './tree.ts';

export interface PrintOptions {
  /** `resolved` (default): every field with its value or default. `merged`: as written, the sources merged, `${…}` left. */
  readonly form?: 'resolved' | 'merged';
  /** Default false: `[REDACTED]` stands for them. */
  readonly secrets?: boolean;
}

/** @returns YAML that loads to the same configuration, secrets apart. */
export function printConfig(config: LoadedConfig, options: PrintOptions = {}): string {
  const isMerged = options.form === 'merged';
  const document = isMerged ? (plain(config.document.merged) as Document) : escaped(resolvedDocument(config));
  return toYaml(options.secrets ? document : redactDocument(document, config));
}

type Document = Readonly<Record<string, unknown>>;

function resolvedDocument(config: LoadedConfig): Document {
  const document: Record<string, unknown> = {};
  for (const section of sections) {
    const parts = Array.from(config.document.parts[section], ([id, input]) => [
      id,
      withDefaults(schemaOf(config, section, id)!, input),
    ]);
    if (parts.length > 0) document[section] = Object.fromEntries(parts);
  }
  document.service = withDefaults(serviceSchema, config.document.service);
  return document;
}

function redactDocument(document: Document, config: LoadedConfig): Document {
  const result: Record<string, unknown> = { ...document };
  for (const section of sections) {
    const parts = Object.entries(document[section] ?? {}).map(([id, part]) => {
      const schema = schemaOf(config, section, id);
      return [id, redact(part, schema ? [schema] : [])];
    });
    if (section in document) result[section] = Object.fromEntries(parts);
  }
  result.service = redact(document.service, [serviceSchema]);
  return result;
}

function schemaOf(config: LoadedConfig, section: Section, id: string): z.core.$ZodType | undefined {
  return config[section].get(id.trim())?.factory.schema as z.core.$ZodType | undefined;
}

function toYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Text is past substitution: a `$` in it means itself. */
function escaped<T>(value: T): T;
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$');
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, escaped(inner)]));
}

/** The input of a schema, its fields in declared order, with the default of each that is absent. */
function withDefaults(schema: z.core.$ZodType, input: unknown): unknown {
  const { core } = peel(schema);
  const { def } = core._zod;
  if (def.type === 'union') {
    const fitting = alternatives(schema).find((option) => z.safeParse(option.core, input).success);
    return fitting ? withDefaults(fitting.core, input) : input;
  }
  if (Array.isArray(input)) return input.map((item, index) => filled(childSchemas(schema, index)[0], item));
  if (def.type === 'record' && typeof input === 'object' && input !== null) {
    return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, filled(def.valueType, value)]));
  }
  if (def.type !== 'object') return input;
  const written = (input ?? {}) as Record<string, unknown>;
  const result: Record<string, unknown> = {};
  for (const [key, field] of Object.entries(def.shape)) {
    const value = key in written ? filled(field, written[key]) : defaultOf(field);
    if (value !== undefined) result[key] = value;
  }
  for (const key of Object.keys(written)) if (!(key in def.shape)) result[key] = written[key];
  return result;
}

function filled(schema: z.core.$ZodType | undefined, input: unknown): unknown {
  return schema ? withDefaults(schema, input) : input;
}

/** What an absent field amounts to, as one would write it; undefined where it stays off, or is required. */
export function defaultOf(schema: z.core.$ZodType): unknown {
  // Asked of zod, since a part may be off although its own schema has a default for nothing.
  const parsed = z.safeParse(z.object({ field: schema as z.ZodType }), {});
  if (!parsed.success || parsed.data.field === undefined) return undefined;
  const { byDefault } = peel(schema);
  return byDefault && withDefaults(schema, byDefault.value);
}
