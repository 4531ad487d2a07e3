import type { Signal } from '../otlp/payload.ts';
import type { Accessor } from './accessors.ts';
import type { Value as Node, Path, Segment } from './ast.ts';
import { cache, type Key } from './keyed.ts';
import { type Leaves, resourcePaths, scopePaths } from './paths_common.ts';
import { logPaths } from './paths_log.ts';
import { metricPaths, pointPaths } from './paths_metric.ts';
import { eventPaths, spanPaths } from './paths_span.ts';
import { refuse, refuseName } from './problem.ts';
import type { Context } from './scene.ts';

/** The contexts whose records a signal has. */
export const contextsOf: Readonly<Record<Signal, readonly Context[]>> = {
  traces: ['resource', 'scope', 'span', 'spanevent'],
  metrics: ['resource', 'scope', 'metric', 'datapoint'],
  logs: ['resource', 'scope', 'log'],
};

interface ContextSpec {
  /** The contexts whose paths may be used, by the name they begin with. */
  readonly roots: Readonly<Record<string, Leaves>>;
  readonly enums: Readonly<Record<string, number>>;
}

const around = { resource: resourcePaths, instrumentation_scope: scopePaths, scope: scopePaths };

const spanEnums = {
  ...numbered('SPAN_KIND_', ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER']),
  ...numbered('STATUS_CODE_', ['UNSET', 'OK', 'ERROR']),
};

const metricEnums = {
  ...numbered('AGGREGATION_TEMPORALITY_', ['UNSPECIFIED', 'DELTA', 'CUMULATIVE']),
  ...numbered('METRIC_DATA_TYPE_', ['NONE', 'GAUGE', 'SUM', 'HISTOGRAM', 'EXPONENTIAL_HISTOGRAM', 'SUMMARY']),
};

const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const logEnums = numbered('SEVERITY_NUMBER_', [
  'UNSPECIFIED',
  ...severities.flatMap((name) => ['', '2', '3', '4'].map((step) => name + step)),
]);

const contexts: Readonly<Record<Context, ContextSpec>> = {
  resource: { roots: { resource: resourcePaths }, enums: {} },
  scope: { roots: around, enums: {} },
  span: { roots: { ...around, span: spanPaths }, enums: spanEnums },
  spanevent: { roots: { ...around, span: spanPaths, spanevent: eventPaths }, enums: spanEnums },
  metric: { roots: { ...around, metric: metricPaths }, enums: metricEnums },
  datapoint: {
    roots: { ...around, metric: metricPaths, datapoint: pointPaths },
    enums: { ...metricEnums, ...numbered('FLAG_', ['NONE', 'NO_RECORDED_VALUE']) },
  },
  log: { roots: { ...around, log: logPaths }, enums: logEnums },
};

export const contextNames = Object.keys(contexts) as Context[];

function numbered(prefix: string, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name, index) => [prefix + name, index]));
}

export interface ResolvedPath {
  readonly accessor: Accessor;
  /** The context whose record the path is about. */
  readonly context: Context;
  /** As a message may name it: `span.status.code`. */
  readonly name: string;
  /** Whether it began with the context. */
  readonly prefixed: boolean;
}

/** Finds what a path leads to in a context. Refuses what is not there, at its place. */
export function resolvePath(
  path: Path,
  context: Context,
  keysOf: (keys: readonly Node[]) => readonly Key[],
): ResolvedPath {
  const { roots } = contexts[context];
  const first = path.segments[0]!;
  const prefixed = path.segments.length > 1 && first.keys.length === 0 && Object.hasOwn(roots, first.name);
  const root = prefixed ? first.name : context;
  const segments = prefixed ? path.segments.slice(1) : path.segments;
  if (!prefixed) refuseForeignContext(first, path, roots);
  const owner = root === 'instrumentation_scope' ? 'scope' : (root as Context);
  const name = [root, ...segments.map((segment) => segment.name)].join('.');
  const isCache = segments[0]!.name === 'cache';
  const accessor = isCache ? cachePath(segments, context, root, keysOf) : follow(segments, roots[root]!, root, keysOf);
  return { accessor, context: owner, name, prefixed };
}

/** `log.body` in a span's condition: the first name is a context, but not one to be had here. */
function refuseForeignContext(first: Segment, path: Path, roots: ContextSpec['roots']): void {
  if (path.segments.length < 2) return;
  if (first.name === 'otelcol') refuse(first, 'otelcol paths, what the client sent along, are not supported');
  const known =
    (contextNames as string[]).includes(first.name) || /^(profile|profilesample|exemplar)$/.test(first.name);
  if (known) refuse(first, `${first.name} cannot be reached from here: expected ${Object.keys(roots).join(', ')}`);
}

function cachePath(
  segments: readonly Segment[],
  context: Context,
  root: string,
  keysOf: (keys: readonly Node[]) => readonly Key[],
): Accessor {
  const [first, second] = segments as [Segment, Segment | undefined];
  if (root !== context) refuse(first, `${root}.cache cannot be reached from here: expected ${context}.cache`);
  if (second) refuse(second, 'nothing follows cache but keys, such as cache["name"]');
  return first.keys.length === 0 ? cache.whole : cache.by(keysOf(first.keys));
}

function follow(
  segments: readonly Segment[],
  start: Leaves,
  root: string,
  keysOf: (keys: readonly Node[]) => readonly Key[],
): Accessor {
  let leaves: Leaves | undefined = start;
  let said = root;
  for (const [index, segment] of segments.entries()) {
    const leaf: Leaves[string] | undefined =
      leaves && Object.hasOwn(leaves, segment.name) ? leaves[segment.name] : undefined;
    if (!leaf) {
      const names = Object.keys(leaves ?? {});
      const expected = names.length === 0 ? 'nothing follows it' : `expected one of ${names.join(', ')}`;
      refuseName(segment, `${said} has no field ${segment.name}: ${expected}`, segment.name, names);
    }
    said += `.${segment.name}`;
    const last = index === segments.length - 1;
    if (segment.keys.length > 0) {
      if (!leaf.by) refuse(segment.keys[0]!, `${said} cannot be indexed`);
      if (!last) refuse(segments[index + 1]!, `nothing may follow the keys of ${said}`);
      return leaf.by(keysOf(segment.keys));
    }
    if (last) return leaf.whole ?? refuse(segment, `${said} is incomplete`);
    leaves = leaf.next;
  }
  refuse(segments[0]!, `${said} is incomplete`);
}

/** The number of an enum's symbol in a context. */
export function resolveEnum(context: Context, name: string): bigint | undefined {
  const { enums } = contexts[context];
  return Object.hasOwn(enums, name) ? BigInt(enums[name]!) : undefined;
}

/** Whether statements of a context know the symbol. */
export function hasEnum(context: Context, name: string): boolean {
  return Object.hasOwn(contexts[context].enums, name);
}

export function enumNames(context: Context): string[] {
  return Object.keys(contexts[context].enums);
}
