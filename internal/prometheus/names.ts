/**
 * Names of Prometheus from names of OpenTelemetry.
 * Rules: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#otlp-metric-points-to-prometheus,
 * with the details (and `translation_strategy`) of https://github.com/prometheus/otlptranslator
 */

export const strategies = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const;
export type Strategy = (typeof strategies)[number];

/** What decides about suffixes besides the unit. */
export type NamedKind = 'gauge' | 'counter' | 'sum' | 'histogram' | 'summary';

export interface MetricNaming {
  readonly strategy: Strategy;
  readonly namespace: string;
}

export function escapes(strategy: Strategy): boolean {
  return strategy.startsWith('UnderscoreEscaping');
}

function suffixes(strategy: Strategy): boolean {
  return strategy.endsWith('WithSuffixes');
}

/** @returns undefined where no name is left: nothing but characters that Prometheus does not take */
export function metricName(name: string, unit: string, kind: NamedKind, naming: MetricNaming): string | undefined {
  const { strategy, namespace } = naming;
  if (name === '') return undefined;
  if (!escapes(strategy)) {
    const full = namespace === '' ? name : `${namespace}_${name}`;
    return suffixes(strategy) ? withSuffixes(full, unit, kind) : full;
  }
  const built = suffixes(strategy) ? escapedWithSuffixes(name, unit, kind, namespace) : escapedPlain(name, namespace);
  if (built === '' || (built !== name && /^_+$/.test(built))) return undefined;
  return built;
}

function escapedPlain(name: string, namespace: string): string {
  const clean = tokens(name, /[^a-zA-Z0-9:_]+/).join('_');
  return inNamespace(clean, namespace);
}

function escapedWithSuffixes(name: string, unit: string, kind: NamedKind, namespace: string): string {
  let parts = tokens(name, /[^a-zA-Z0-9:]+/);
  const [main, per] = unitParts(unit).map(cleanUnit) as [string, string];
  addUnit(parts, main, per);
  const last = typeSuffix(unit, kind);
  if (last) parts = [...parts.filter((part) => part !== last), last];
  return inNamespace(parts.join('_'), namespace);
}

function inNamespace(name: string, namespace: string): string {
  const full = namespace === '' ? name : `${tokens(namespace, /[^a-zA-Z0-9:_]+/).join('_')}_${name}`;
  return /^\d/.test(full) ? `_${full}` : full;
}

function addUnit(parts: string[], main: string, per: string): void {
  const perUnit = per === 'per_' ? '' : per.replace(/_$/, '');
  const addPer = perUnit !== '' && !parts.includes(perUnit);
  const mainUnit = parts.includes(main) ? '' : addPer ? main.replace(/_$/, '') : main;
  if (mainUnit !== '') parts.push(mainUnit);
  if (addPer) parts.push(perUnit);
}

/** The strategy that leaves characters alone. Suffixes that are there already move to the end. */
function withSuffixes(name: string, unit: string, kind: NamedKind): string {
  const last = typeSuffix(unit, kind);
  let built = last ? trimmed(name, last) : name;
  const [main, per] = unitParts(unit);
  if (per !== '') built = trimmed(built, per);
  if (main !== '' && !built.endsWith(main)) built += `_${main}`;
  if (per !== '') built += `_${per}`;
  return last ? `${built}_${last}` : built;
}

/** Without the suffix and the one character in front of it. */
function trimmed(name: string, suffix: string): string {
  return name.endsWith(suffix) && name.length > suffix.length + 1 ? name.slice(0, -(suffix.length + 1)) : name;
}

/** `1` is a ratio for gauges only: counters of objects carry that unit too. */
function typeSuffix(unit: string, kind: NamedKind): string {
  if (kind === 'counter') return 'total';
  return unit === '1' && kind === 'gauge' ? 'ratio' : '';
}

function tokens(text: string, between: RegExp): string[] {
  return text.split(between).filter((token) => token !== '');
}

/** The unit as metadata has it, for instance `bytes_per_second`. */
export function unitName(unit: string, strategy: Strategy): string {
  const parts = unitParts(unit);
  const [main, per] = escapes(strategy) ? parts.map(cleanUnit) : parts;
  const joined = [main, per].filter((part) => part !== '').join('_');
  return joined.replace(/^_/, '').replace(/_$/, '');
}

/** @returns the unit and the `per_…` behind its slash; annotations in braces are none */
function unitParts(unit: string): [main: string, per: string] {
  const slash = unit.indexOf('/');
  const main = (slash < 0 ? unit : unit.slice(0, slash)).trim();
  const per = slash < 0 ? '' : unit.slice(slash + 1).trim();
  const known = (part: string, names: ReadonlyMap<string, string>) =>
    part === '' || /[{}]/.test(part) ? '' : (names.get(part) ?? part);
  const perName = known(per, perUnits);
  return [known(main, units), perName === '' ? '' : `per_${perName}`];
}

function cleanUnit(unit: string): string {
  return unit
    .replace(/[^a-zA-Z0-9:]/gu, '_')
    .replace(/_+/g, '_')
    .replace(/^_/, '');
}

/** @returns undefined where no name is left */
export function labelName(key: string, strategy: Strategy): string | undefined {
  if (key === '' || (!escapes(strategy) && /^_+$/.test(key))) return undefined;
  if (!escapes(strategy)) return key;
  const reserved = key.length >= 4 && key.startsWith('__') && key.endsWith('__');
  const clean = (reserved ? key.slice(2, -2) : key).replace(/[^a-zA-Z0-9]+/gu, '_');
  const built = reserved ? `__${clean}__` : /^\d/.test(clean) ? `key_${clean}` : clean.replace(/^_(?!_)/, 'key_');
  return /^_*$/.test(built) ? undefined : built;
}

const units: ReadonlyMap<string, string> = new Map(
  Object.entries({
    d: 'days',
    h: 'hours',
    min: 'minutes',
    s: 'seconds',
    ms: 'milliseconds',
    us: 'microseconds',
    ns: 'nanoseconds',
    By: 'bytes',
    KiBy: 'kibibytes',
    MiBy: 'mebibytes',
    GiBy: 'gibibytes',
    TiBy: 'tibibytes',
    KBy: 'kilobytes',
    MBy: 'megabytes',
    GBy: 'gigabytes',
    TBy: 'terabytes',
    m: 'meters',
    V: 'volts',
    A: 'amperes',
    J: 'joules',
    W: 'watts',
    g: 'grams',
    Cel: 'celsius',
    Hz: 'hertz',
    1: '',
    '%': 'percent',
  }),
);

const perUnits: ReadonlyMap<string, string> = new Map(
  Object.entries({ s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week', mo: 'month', y: 'year' }),
);
