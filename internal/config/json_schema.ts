import { z } from 'zod';
import type { Factory, Kind } from '../core/component.ts';
import { sections } from './component_parts.ts';
import { durationPattern } from './fields.ts';
import { serviceSchema } from './service.ts';

type Json = Record<string, any>;

/** `${…}` may stand for any value. */
const reference = '\\$\\{';

/** The JSON Schema (draft 7, which YAML editors know best) of a whole configuration file. */
export function jsonSchema(factories: readonly Factory[]): object {
  const definitions: Json = { service: ofSchema(serviceSchema) };
  const properties: Json = {};
  for (const section of sections) {
    const kind = section.slice(0, -1) as Kind;
    const known = factories.filter((factory) => factory.kind === kind);
    for (const factory of known) {
      definitions[`${kind}.${factory.type}`] = {
        description: factory.summary,
        ...ofSchema(factory.schema as z.core.$ZodType),
      };
    }
    properties[section] = sectionOf(kind, known);
  }
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Sluice configuration',
    description: "The OpenTelemetry Collector's configuration, as far as Sluice has its components.",
    type: 'object',
    properties: { ...properties, service: { $ref: '#/definitions/service' } },
    additionalProperties: false,
    definitions,
  };
}

/** Plain types are also listed as properties, since editors complete those and not patterns. */
function sectionOf(kind: Kind, factories: readonly Factory[]): Json {
  const properties: Json = {};
  const patternProperties: Json = {};
  for (const factory of factories) {
    const ref = { $ref: `#/definitions/${kind}.${factory.type}` };
    properties[factory.type] = ref;
    const names = [factory.type, ...(factory.aliases ?? [])].join('|');
    patternProperties[`^(?:${names})(?:/.+)?$`] = ref;
  }
  return { type: ['object', 'null'], properties, patternProperties, additionalProperties: false };
}

function ofSchema(schema: z.core.$ZodType): Json {
  const {
    $schema: _,
    '~standard': __,
    ...json
  } = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
  }) as Json;
  return tidied(json);
}

/** Turns what fields.ts says of a field into what an editor understands, and lets `${…}` stand for any value. */
function tidied(json: Json): Json {
  const { kind, unit, secret: _, unsupported, harmless, ignored, reference: __, ...rest } = json;
  if (unsupported !== undefined) {
    const description = `Not supported by Sluice yet: ${unsupported}`;
    return harmless?.length > 0 ? { description, enum: harmless } : { description, not: {} };
  }
  const result: Json = {};
  for (const [key, value] of Object.entries(rest)) result[key] = tidiedKeyword(key, value);
  if (ignored !== undefined) return { ...result, deprecated: true, description: `Has no effect in Sluice: ${ignored}` };
  // A part's own default says nothing about whether it is on.
  if (rest.type === 'object') delete result.default;
  if (unit) result.description = `${rest.description ?? ''} Unit: ${unit}.`.trim();
  if (kind === 'duration') return durationSchema(result);
  return allowingReference(result);
}

function tidiedKeyword(key: string, value: any): unknown {
  if (key === 'properties' || key === 'patternProperties') {
    return Object.fromEntries(Object.entries(value as Json).map(([name, inner]) => [name, tidied(inner)]));
  }
  if (['anyOf', 'allOf', 'oneOf'].includes(key)) return value.map(tidied);
  if (['items', 'additionalProperties'].includes(key) && typeof value === 'object') return tidied(value);
  return value;
}

function durationSchema({ type: _, anyOf: __, ...json }: Json): Json {
  const pattern = `${durationPattern.source}|${reference}`;
  return { ...json, anyOf: [{ type: 'string', pattern }, { const: 0 }] };
}

function allowingReference(json: Json): Json {
  if (json.enum ?? json.const !== undefined) {
    const { enum: values, const: only, type: _, ...rest } = json;
    return { ...rest, anyOf: [{ enum: values ?? [only] }, { type: 'string', pattern: reference }] };
  }
  if (json.type === 'object') return { ...json, type: ['object', 'null'] };
  if (['number', 'integer', 'boolean'].includes(json.type)) {
    const { minimum, maximum, ...rest } = json;
    const bounds = Object.entries({ minimum, maximum }).filter(([, bound]) =>
      Number.isSafeInteger(bound) ? Math.abs(bound) < Number.MAX_SAFE_INTEGER : bound !== undefined,
    );
    return { ...rest, ...Object.fromEntries(bounds), type: [json.type, 'string'], pattern: reference };
  }
  if (json.type === 'string' && json.pattern) return { ...json, pattern: `(?:${json.pattern})|${reference}` };
  return json;
}
