import { z } from 'zod';

/**
 * The field kinds that component schemas are made of. Each carries what the reference page and the JSON Schema need.
 * A component's schema is `object({...})`: an unknown key in it is an error.
 */

/** An object in which an unknown key is an error. */
export const object = z.strictObject;

/** A part that is off when absent, and takes its defaults when present, also as an empty `key:`. */
export function section<S extends z.ZodType>(schema: S) {
  return z.preprocess((value) => (value === null ? {} : value), schema.optional());
}

/** A part that takes its defaults when absent or empty. */
export function defaulted<S extends z.ZodType>(schema: S) {
  return z.preprocess((value) => (value === null || value === undefined ? {} : value), schema);
}

const units: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** @returns milliseconds of a Go duration such as `1h30m`, `200ms`, `0`; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const match = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.exec(text);
  if (!match) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * units[unit!]!;
  }
  return match[1] === '-' ? -total : total;
}

/** A Go duration; the value is milliseconds. */
export function duration(byDefault?: string) {
  const field = z
    .union([z.string(), z.number()])
    .transform((value, ctx) => {
      const ms = parseDuration(String(value));
      if (ms !== undefined && ms >= 0) return ms;
      ctx.addIssue({ code: 'custom', message: `expected a duration such as 200ms, got ${JSON.stringify(value)}` });
      return z.NEVER;
    })
    .meta({ kind: 'duration' });
  return field.prefault(byDefault ?? '0s');
}

/** Text that is shown as `[REDACTED]` by print-config. */
export function secret() {
  return z.string().meta({ secret: true });
}

/** A field of the Go collector that is known here but not there yet: setting it is an error that says so. */
export function unsupported(why: string) {
  return z.any().optional().meta({ unsupported: why });
}

/** A field that only tunes the Go implementation: accepted with a warning. */
export function ignored(why: string) {
  return z.any().optional().meta({ ignored: why });
}
