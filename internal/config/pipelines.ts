import type { z } from 'zod';
import type { Factory } from '../core/component.ts';
import type { ResolvedPipeline } from '../core/resolved.ts';
import type { Signal } from '../otlp/payload.ts';
import { type Definitions, type Draft, idProblem, typeOf } from './component_parts.ts';
import { issueAt, type Path } from './issues.ts';
import { visit } from './part.ts';
import type { Service } from './service.ts';
import { didYouMean } from './suggest.ts';
import { keyPlaceOf, placeOf } from './tree.ts';

export const signals = ['traces', 'metrics', 'logs'] as const satisfies Signal[];

type Role = 'receivers' | 'processors' | 'exporters';

/** Checks `service.pipelines` against what is defined. */
export function readPipelines(service: Service, draft: Draft): Map<string, ResolvedPipeline> {
  const { root, issues } = draft;
  const pipelines = new Map<string, ResolvedPipeline>();
  const base: Path = ['service', 'pipelines'];
  if (Object.keys(service.pipelines).length === 0) {
    issues.push(issueAt(placeOf(root, base), base, 'expected at least one pipeline, such as traces'));
  }
  for (const [id, written] of Object.entries(service.pipelines)) {
    const path = [...base, id];
    const signal = signalOf(id);
    if (typeof signal !== 'string') {
      issues.push(issueAt(keyPlaceOf(root, path), path, signal.problem));
      continue;
    }
    for (const role of ['receivers', 'exporters'] as const) {
      if (written[role].length === 0) {
        issues.push(issueAt(keyPlaceOf(root, [...path, role]), path, `expected at least one of its ${role}, got none`));
      }
    }
    for (const role of ['receivers', 'processors', 'exporters'] as const) {
      for (const [index, name] of written[role].entries()) {
        const at = [...path, role, index];
        const problem = memberProblem({ role, name, signal, earlier: written[role].slice(0, index) }, draft);
        if (problem) issues.push(issueAt(placeOf(root, at), at, problem));
      }
    }
    pipelines.set(id, { id, signal, ...written });
  }
  return pipelines;
}

function signalOf(id: string): Signal | { problem: string } {
  const type = typeOf(id);
  const known = signals.find((signal) => signal === type);
  if (!known && type === 'profiles') {
    return {
      problem: 'known in the OpenTelemetry Collector, not supported by Sluice yet: profiles; remove this pipeline',
    };
  }
  if (!known) {
    const otherwise = ': a pipeline is named signal or signal/name';
    return {
      problem: `expected one of ${signals.join(', ')}, got ${JSON.stringify(type)}${didYouMean(type, signals) || otherwise}`,
    };
  }
  const problem = idProblem(id);
  return problem ? { problem } : known;
}

interface Member {
  readonly role: Role;
  readonly name: string;
  readonly signal: Signal;
  readonly earlier: readonly string[];
}

function memberProblem(member: Member, { definitions, used }: Draft): string | undefined {
  const { role, name, signal, earlier } = member;
  const quoted = JSON.stringify(name);
  if (earlier.includes(name)) return `expected each of the ${role} once in a pipeline, got ${quoted} again`;
  const section = definitions[role].has(name) || role === 'processors' ? role : 'connectors';
  const defined = definitions[section].get(name);
  if (!defined) return missing(member, definitions);
  used.add(`${section} ${name}`);
  const { factory } = defined;
  if (!factory) return undefined;
  const yields = factory.kind === 'connector' && role === 'receivers';
  const handled = yields ? outputsOf(factory) : factory.signals;
  if (handled.includes(signal)) return undefined;
  const wanted = `expected ${role === 'exporters' ? 'an' : 'a'} ${role.slice(0, -1)} of ${signal}`;
  return `${wanted}, got ${quoted}, which ${role === 'receivers' ? 'yields' : 'takes'} ${handled.join(', ') || 'nothing'}`;
}

function missing({ role, name }: Member, definitions: Definitions): string {
  const known = [...definitions[role].keys(), ...(role === 'processors' ? [] : definitions.connectors.keys())];
  const elsewhere = (['receivers', 'processors', 'exporters', 'connectors', 'extensions'] as const).find((section) =>
    definitions[section].has(name),
  );
  const advice =
    didYouMean(name, known) || (elsewhere ? `, which is one of the ${elsewhere}` : `: define it under ${role}`);
  return `expected one of the defined ${role}, got ${JSON.stringify(name)}${advice}`;
}

/** What an input signal of a connector may become. */
export function connects(factory: Factory, from: Signal, to: Signal): boolean {
  if (factory.kind !== 'connector') return false;
  const outputs = factory.outputs?.[from] ?? [from];
  return factory.signals.includes(from) && outputs.includes(to);
}

function outputsOf(factory: Factory): Signal[] {
  return signals.filter((to) => signals.some((from) => connects(factory, from, to)));
}

/** A connector joins pipelines: it must end one and begin one, of signals that it can turn into each other. */
export function checkConnectors(pipelines: ReadonlyMap<string, ResolvedPipeline>, draft: Draft): void {
  for (const [id, { factory, path, entry }] of draft.definitions.connectors) {
    if (!factory) continue;
    const before = [...pipelines.values()].filter((pipeline) => pipeline.exporters.includes(id));
    const after = [...pipelines.values()].filter((pipeline) => pipeline.receivers.includes(id));
    for (const problem of connectorProblems(factory, before, after)) {
      draft.issues.push(issueAt(keyPlaceOf(draft.root, path), path, problem));
    }
    const used = before.length + after.length > 0;
    visit([factory.schema as z.core.$ZodType], entry.value, path, (meta, node, at) => {
      if (meta.reference !== 'pipeline' || node.kind !== 'scalar' || typeof node.value !== 'string') return;
      const problem = used && targetProblem(id, node.value, [...pipelines.keys()], after);
      if (problem) draft.issues.push(issueAt(node.at, at, problem));
    });
  }
}

/** A connector that sends to some of its pipelines names them. */
function targetProblem(
  connector: string,
  pipeline: string,
  known: readonly string[],
  after: readonly ResolvedPipeline[],
): string | undefined {
  if (after.some(({ id }) => id === pipeline)) return undefined;
  const quoted = JSON.stringify(pipeline);
  if (known.includes(pipeline)) {
    return `expected a pipeline that has ${connector} among its receivers, got ${quoted}: add it there`;
  }
  const advice = didYouMean(pipeline, known) || ': define it under service.pipelines';
  return `expected one of the defined pipelines, got ${quoted}${advice}`;
}

function connectorProblems(
  factory: Factory,
  before: readonly ResolvedPipeline[],
  after: readonly ResolvedPipeline[],
): string[] {
  if (before.length === 0 && after.length === 0) return [];
  const too = (list: string) => `expected it among the ${list} of a pipeline too, got it only as`;
  if (after.length === 0) return [`${too('receivers')} exporter of ${names(before)}`];
  if (before.length === 0) return [`${too('exporters')} receiver of ${names(after)}`];
  // A signal that the connector does not know at all is told where the pipeline names it.
  const unread = before
    .filter(
      ({ signal }) => factory.signals.includes(signal) && !after.some((to) => connects(factory, signal, to.signal)),
    )
    .map(
      ({ id, signal }) =>
        `expected a pipeline that takes what it makes of ${signal} from ${id}, got only ${names(after)}`,
    );
  const unfed = after
    .filter(
      ({ signal }) =>
        outputsOf(factory).includes(signal) && !before.some((from) => connects(factory, from.signal, signal)),
    )
    .map(({ id }) => `expected a pipeline that feeds it for ${id}, got only ${names(before)}`);
  return [...unread, ...unfed];
}

function names(pipelines: readonly ResolvedPipeline[]): string {
  return pipelines.map((pipeline) => pipeline.id).join(', ');
}

/** Data that runs in a circle never ends: each circle is told once, with its path. */
export function checkCycles(pipelines: ReadonlyMap<string, ResolvedPipeline>, draft: Draft): void {
  const { root, issues } = draft;
  const done = new Set<string>();
  const trail: string[] = [];
  const walk = (pipeline: ResolvedPipeline): void => {
    trail.push(pipeline.id);
    for (const connector of pipeline.exporters) {
      const factory = draft.definitions.connectors.get(connector)?.factory;
      if (!factory) continue;
      trail.push(connector);
      for (const next of pipelines.values()) {
        if (!next.receivers.includes(connector) || !connects(factory, pipeline.signal, next.signal)) continue;
        const start = trail.indexOf(next.id);
        if (start >= 0) {
          const path = ['service', 'pipelines', pipeline.id, 'exporters', pipeline.exporters.indexOf(connector)];
          const circle = [...trail.slice(start), next.id].join(' → ');
          issues.push(issueAt(placeOf(root, path), path, `expected pipelines without a circle, got ${circle}`));
        } else if (!done.has(next.id)) walk(next);
      }
      trail.pop();
    }
    trail.pop();
    done.add(pipeline.id);
  };
  for (const pipeline of pipelines.values()) if (!done.has(pipeline.id)) walk(pipeline);
}
