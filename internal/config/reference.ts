import { z } from 'zod';
import type { Factory, Kind } from '../core/component.ts';
import { sections } from './component_parts.ts';
import { defaultOf } from './print.ts';
import { alternatives, type FieldMeta, peel } from './schema.ts';
import { serviceSchema } from './service.ts';

/** Levels of fields that are shown: schemas that contain themselves end here. */
const maxDepth = 8;

/** The reference page, Markdown: each component with its fields, and the service section. */
export function reference(factories: readonly Factory[]): string {
  const parts = sections.flatMap((section) => {
    const kind = section.slice(0, -1) as Kind;
    const known = factories.filter((factory) => factory.kind === kind).sort((a, b) => (a.type < b.type ? -1 : 1));
    return known.length === 0 ? [] : [`## ${title(section)}`, ...known.map(componentPage)];
  });
  return [
    '# Configuration reference',
    'Written by `node cmd/dev/generated.ts` from the declarations that also parse the configuration: do not edit.',
    'A duration is a Go duration such as `200ms` or `1h30m`. Each value may be `${env:NAME}` or `${env:NAME:-default}`.',
    ...parts,
    '## Service',
    fieldTable(serviceSchema),
    '',
  ].join('\n\n');
}

function title(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}

function componentPage(factory: Factory): string {
  const aliases = factory.aliases?.length ? ` (also ${factory.aliases.map(code).join(', ')})` : '';
  const facts = [`Stability: ${factory.stability}`];
  if (factory.signals.length > 0) facts.push(`signals: ${factory.signals.join(', ')}`);
  return [
    `### ${factory.type} ${factory.kind}${aliases}`,
    factory.summary,
    `${facts.join('; ')}.`,
    fieldTable(factory.schema as z.core.$ZodType),
  ].join('\n\n');
}

interface Row {
  readonly path: string;
  readonly schema: z.core.$ZodType;
  readonly meta: FieldMeta;
}

function fieldTable(schema: z.core.$ZodType): string {
  const rows = rowsOf(schema, '', 0);
  const shown = rows.filter(({ meta }) => meta.unsupported === undefined && meta.ignored === undefined);
  const table = [
    '| Field | Type | Default | Meaning |',
    '|---|---|---|---|',
    ...shown.map(({ path, schema: field, meta }) => {
      const description = [meta.description, meta.unit && `Unit: ${meta.unit}.`, meta.sameAs].filter(Boolean).join(' ');
      return `| ${[code(path), typeText(field), defaultText(field), description].map(cell).join(' | ')} |`;
    }),
  ].join('\n');
  const blocks = [shown.length === 0 ? 'No fields.' : table];
  const unsupported = rows.filter(({ meta }) => meta.unsupported !== undefined);
  if (unsupported.length > 0) {
    blocks.push(
      'Not supported yet, an error when set:',
      unsupported.map(({ path, meta }) => `- ${code(path)}: ${meta.unsupported}`).join('\n'),
    );
  }
  const ignored = rows.filter(({ meta }) => meta.ignored !== undefined);
  if (ignored.length > 0) {
    blocks.push(
      'Accepted without effect:',
      ignored.map(({ path, meta }) => `- ${code(path)}: ${meta.ignored}`).join('\n'),
    );
  }
  return blocks.join('\n\n');
}

function rowsOf(schema: z.core.$ZodType, prefix: string, depth: number): Row[] {
  if (depth > maxDepth) return [];
  const seen = new Set<string>();
  return alternatives(schema).flatMap(({ core }) => {
    const { def } = core._zod;
    if (def.type === 'array') return rowsOf(def.element, `${prefix}[]`, depth + 1);
    if (def.type === 'record') return rowsOf(def.valueType, prefix === '' ? '<name>' : `${prefix}.<name>`, depth + 1);
    if (def.type !== 'object') return [];
    return Object.entries(def.shape).flatMap(([key, field]) => {
      const path = prefix === '' ? key : `${prefix}.${key}`;
      if (seen.has(path)) return [];
      seen.add(path);
      const { meta } = peel(field);
      const isLeaf = meta.unsupported !== undefined || meta.ignored !== undefined || meta.sameAs !== undefined;
      return [{ path, schema: field, meta }, ...(isLeaf ? [] : rowsOf(field, path, depth + 1))];
    });
  });
}

function typeText(schema: z.core.$ZodType): string {
  const { meta } = peel(schema);
  if (meta.kind) return meta.kind;
  const texts = alternatives(schema).map(({ core }): string => {
    const { def } = core._zod;
    switch (def.type) {
      case 'enum':
        return Object.values(def.entries)
          .map((value) => code(String(value)))
          .join(', ');
      case 'literal':
        return def.values.map((value) => code(String(value))).join(', ');
      case 'array':
        return `list of ${typeText(def.element)}`;
      case 'record':
        return `map of ${typeText(def.valueType)}`;
      case 'object':
        return 'map';
      case 'string':
        return meta.secret || peel(core).meta.secret ? 'secret text' : 'text';
      case 'number':
        return isWhole(def) ? 'whole number' : 'number';
      case 'boolean':
        return 'true or false';
      case 'null':
        return 'null';
      default:
        return 'any';
    }
  });
  return [...new Set(texts)].join(' or ');
}

function isWhole(def: z.core.$ZodTypeDef & { check?: string }): boolean {
  const checks = [def.check, ...(def.checks ?? []).map((check) => check._zod.def.check)];
  return checks.includes('number_format');
}

function defaultText(schema: z.core.$ZodType): string {
  const { byDefault, core } = peel(schema);
  if (!z.safeParse(schema, undefined).success) return 'required';
  const isOff = defaultOf(schema) === undefined;
  // The fields of a map have their own lines.
  if (core._zod.def.type === 'object') return isOff ? 'off' : '';
  if (isOff || !byDefault) return '';
  return code(typeof byDefault.value === 'string' ? byDefault.value || '""' : JSON.stringify(byDefault.value));
}

function code(text: string): string {
  return `\`${text}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
