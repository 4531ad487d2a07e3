import { z } from 'zod';
import type { Kind } from '../core/component.ts';

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
  return z.preprocess((value) => (value === null ? {} : value), schema.prefault({} as z.input<S>));
}

const units: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** The form of a Go duration, https://pkg.go.dev/time#ParseDuration. */
export const durationPattern = /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

/** @returns milliseconds of a Go duration such as `1h30m`, `200ms`, `0`; undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * units[unit!]!;
  }
  return text.startsWith('-') ? -total : total;
}

/** A Go duration; the value is milliseconds. */
export function duration(byDefault?: string) {
  const field = z
    .union([z.string(), z.number()], { error: 'expected a duration such as 200ms' })
    .transform((value, ctx) => {
      const ms = parseDuration(String(value));
      if (ms !== undefined && ms >= 0) return ms;
      const wanted = ms === undefined ? 'a duration such as 200ms' : 'a duration of at least 0';
      ctx.addIssue({ code: 'custom', message: `expected ${wanted}, got ${JSON.stringify(value)}${unitHint(value)}` });
      return z.NEVER;
    })
    .meta({ kind: 'duration' });
  return field.prefault(byDefault ?? '0s');
}

/** The commonest slips: a bare number, and a unit that Go has not. */
function unitHint(value: string | number): string {
  if (/^\d+(\.\d+)?$/.test(String(value))) return `; did you mean "${value}s" or "${value}ms"?`;
  const days = /^(\d+)d$/.exec(String(value));
  return days ? `; did you mean "${Number(days[1]) * 24}h"?` : '';
}

/** A whole number. */
export function integer() {
  return z.int();
}

/** A count of bytes. */
export function byteSize() {
  return z.int().min(0).meta({ unit: 'bytes' });
}

/** A size in MiB, for fields whose name ends in `_mib`. */
export function mebibytes() {
  return z.int().min(0).meta({ unit: 'MiB' });
}

/** 0 to 100. */
export function percentage() {
  return z.number().min(0).max(100).meta({ unit: '%' });
}

export function port() {
  return z.int().min(1).max(65_535);
}

/** One of a few words. */
export function enumeration<const V extends readonly [string, ...string[]]>(values: V) {
  return z.enum(values);
}

/** An http or https address. */
export function url() {
  return z
    .string()
    .superRefine((value, ctx) => {
      if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return;
      const hint = /^[\w.-]+:\d+/.test(value) ? `; did you mean "http://${value}"?` : '';
      ctx.addIssue({
        code: 'custom',
        message: `expected a URL such as http://host:4318, got ${JSON.stringify(value)}${hint}`,
      });
    })
    .meta({ kind: 'url' });
}

/** `host:port`; a missing host means all addresses, as in Go. */
export function endpoint() {
  return z
    .string()
    .superRefine((value, ctx) => {
      const problem = endpointProblem(value);
      if (problem !== undefined)
        ctx.addIssue({
          code: 'custom',
          message: `expected host:port such as localhost:4317, got ${JSON.stringify(value)}${problem}`,
        });
    })
    .meta({ kind: 'endpoint' });
}

/** @returns nothing for a good address, else the advice that follows the error. */
function endpointProblem(value: string): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(value);
  if (scheme) return `: leave ${scheme[1]}:// away`;
  const match = /^(\[[^\]]*\]|[^:[\]/\s]*):(\d+)$/.exec(value);
  if (match) return Number(match[2]) <= 65_535 ? undefined : ': the port is at most 65535';
  if (/^(?:[0-9a-f]*:){2,}[0-9a-f]*$/i.test(value)) return ': put an IPv6 address in brackets, [::1]:4317';
  if (value.includes('/')) return ': an address has no path';
  return /^[^:\s]+$/.test(value) ? ': the port is missing' : '';
}

/** A token of RFC 9110, section 5.6.2. */
const headerName = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Headers by name; values are secret. Also takes the list form `[{ name, value }]`. The value is an object by name.
 * @param names what a name may be, where that is less than HTTP allows
 */
export function headers(names = headerName) {
  const value = secret();
  const name = z.string().regex(names, 'expected the name of a header');
  return z
    .union([
      z.record(name, value),
      z
        .array(object({ name, value }))
        .transform((list) => Object.fromEntries(list.map((header) => [header.name, header.value]))),
    ])
    .prefault({})
    .describe('Added to each request.');
}

/** Text that is shown as `[REDACTED]` by print-config. */
export function secret() {
  return z.string().meta({ secret: true });
}

/** `type[/name]` of a component that must exist; an extension must also be listed in `service.extensions`. */
export function componentId(kind: Kind) {
  return z.string().min(1).meta({ kind: 'component id', reference: kind });
}

/** `signal[/name]` of a pipeline that the connector feeds. */
export function pipelineId() {
  return z.string().min(1).meta({ kind: 'pipeline id', reference: 'pipeline' });
}

/**
 * A field of the Go collector that is known here but not there yet: setting it is an error that says so.
 * @param why what to do in its place
 * @param harmless values that ask for nothing, such as `false`: they are accepted
 */
export function unsupported(why: string, harmless: readonly unknown[] = []) {
  return z.any().optional().meta({ unsupported: why, harmless });
}

/** A field that only tunes the Go implementation: accepted with a warning. */
export function ignored(why: string) {
  return z.any().optional().meta({ ignored: why });
}
