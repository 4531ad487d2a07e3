import { z } from 'zod';

/** A zod schema whose declaration can be read. */
export type Schema = z.core.$ZodTypes;

/** What fields.ts and component schemas say of a field beyond its type. */
export interface FieldMeta {
  readonly kind?: string;
  readonly unit?: string;
  readonly description?: string;
  readonly secret?: boolean;
  /** Why the field does not exist yet, and what to do. */
  readonly unsupported?: string;
  /** Values of an unsupported field that ask for nothing. */
  readonly harmless?: readonly unknown[];
  readonly ignored?: string;
  /** The reference page does not list the fields below it, since it says this. */
  readonly sameAs?: string;
  /** The field names a component of this kind, or a pipeline. */
  readonly reference?: string;
}

/** A field without its wrappers. */
export interface Field {
  readonly core: Schema;
  readonly meta: FieldMeta;
  /** The default as one would write it. */
  readonly byDefault?: { readonly value: unknown };
}

/** Takes off optional, default, preprocess and the like; what is said outside wins over what is said inside. */
export function peel(schema: z.core.$ZodType): Field {
  let core = schema as Schema;
  let meta: FieldMeta = {};
  let byDefault: { value: unknown } | undefined;
  for (;;) {
    meta = { ...(z.globalRegistry.get(core) as FieldMeta | undefined), ...meta };
    const { def } = core._zod;
    if (def.type === 'default' || def.type === 'prefault') byDefault ??= { value: def.defaultValue };
    const inner = unwrapped(def);
    if (!inner) return byDefault ? { core, meta, byDefault } : { core, meta };
    core = inner as Schema;
  }
}

function unwrapped(def: Schema['_zod']['def']): z.core.$ZodType | undefined {
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
    case 'default':
    case 'prefault':
      return def.innerType;
    case 'lazy':
      return def.getter();
    case 'pipe':
      // A preprocess step is a pipe whose first part is a transform: the declaration is behind it.
      return (def.in as Schema)._zod.def.type === 'transform' ? def.out : def.in;
    default:
      return undefined;
  }
}

/** The alternatives of a union, else the field itself. */
export function alternatives(schema: z.core.$ZodType): Field[] {
  const field = peel(schema);
  const { def } = field.core._zod;
  if (def.type !== 'union') return [field];
  return def.options.flatMap(alternatives).map((option) => ({ ...option, meta: { ...option.meta, ...field.meta } }));
}

/** The schemas that may hold for what stands under `key`. */
export function childSchemas(schema: z.core.$ZodType, key: string | number): z.core.$ZodType[] {
  return alternatives(schema).flatMap(({ core }) => {
    const { def } = core._zod;
    if (def.type === 'object') return (def.shape[key] ?? def.catchall) ? [(def.shape[key] ?? def.catchall)!] : [];
    if (def.type === 'record') return [def.valueType];
    if (def.type === 'array') return [def.element];
    return [];
  });
}

/** The keys that an object at this place may have. */
export function knownKeys(schema: z.core.$ZodType, path: readonly (string | number)[]): string[] {
  let schemas = [schema];
  for (const key of path) schemas = schemas.flatMap((at) => childSchemas(at, key));
  const shapes = schemas.flatMap(alternatives).map(({ core }) => core._zod.def);
  return [...new Set(shapes.flatMap((def) => (def.type === 'object' ? Object.keys(def.shape) : [])))];
}

/** What is said of the field at `path`, gathered over the alternatives. */
export function metaAt(schema: z.core.$ZodType, path: readonly (string | number)[]): FieldMeta {
  let schemas = [schema];
  for (const key of path) schemas = schemas.flatMap((at) => childSchemas(at, key));
  return Object.assign({}, ...schemas.map((at) => peel(at).meta)) as FieldMeta;
}
