import { relative } from 'node:path';
import { type Issue, issueAt } from '../../../internal/config/issues.ts';
import { loadConfig } from '../../../internal/config/load.ts';
import { didYouMean } from '../../../internal/config/suggest.ts';
import { type MapNode, plain } from '../../../internal/config/tree.ts';
import type { ResolvedConfig, ResolvedPipeline } from '../../../internal/core/resolved.ts';
import type { Signal } from '../../../internal/otlp/payload.ts';
import { components } from '../components.ts';
import { availableMemory } from '../memory.ts';
import type { Case, Said } from './file.ts';

/** What a case runs, and what of it is looked at. */
export interface Target {
  readonly config: ResolvedConfig;
  /** The first exporter of each pipeline: `id signal`. */
  readonly first: ReadonlySet<string>;
}

/** The receiver and the exporter of what is put around a processor. */
const stub = 'case';

/** @returns the part of the configuration that the case is about, or what is wrong with it */
export async function targetOf(one: Case): Promise<Target | { issues: Issue[] }> {
  const loaded = await load(one);
  if (!loaded.ok) return { issues: loaded.issues };
  const { config } = loaded;
  const narrowed = one.processor
    ? aroundProcessor(config, one.processor, signalsOf(one))
    : one.pipeline
      ? fromPipeline(config, one.pipeline)
      : config;
  if ('issues' in narrowed) return narrowed;
  const first = [...narrowed.service.pipelines.values()].flatMap((spec) => {
    const id = spec.exporters.find((id) => !config.connectors.has(id));
    return id === undefined ? [] : [`${id} ${spec.signal}`];
  });
  return { config: narrowed, first: new Set(first) };
}

function signalsOf({ steps }: Case): Signal[] {
  return [...new Set(steps.flatMap(({ batches }) => batches.map(({ signal }) => signal)))];
}

function load(one: Case) {
  const surroundings = { env: { ...process.env, ...one.env }, cwd: process.cwd(), memoryBytes: availableMemory() };
  const { config } = one;
  if (config.kind === 'file') return loadConfig([relative(process.cwd(), config.path)], components, surroundings);
  const { node, isWhole } = config;
  const block = blockOf(node);
  const inline = block === undefined ? `yaml:${JSON.stringify(plain(node))}` : one.file;
  const sources = isWhole ? [inline] : [`yaml:${JSON.stringify(surroundingOf(node, one))}`, inline];
  return loadConfig(sources, components, {
    ...surroundings,
    ...(block !== undefined && { readFile: async () => block }),
  });
}

/** A pipeline for each signal around processors that are given without one. */
function surroundingOf(node: MapNode, one: Case): unknown {
  const processors = node.entries.get('processors')?.value;
  const ids = processors?.kind === 'map' ? [...processors.entries.keys()] : [];
  const pipeline = { receivers: ['otlp'], processors: one.processor ? [] : ids, exporters: ['nop'] };
  const pipelines = Object.fromEntries(signalsOf(one).map((signal) => [signal, pipeline]));
  return { receivers: { otlp: { protocols: { grpc: {} } } }, exporters: { nop: {} }, service: { pipelines } };
}

/** The text of the case file with all but the map blanked out, so that problems keep their line and column; nothing for `{ … }`. */
function blockOf({ at: { source, offset } }: MapNode): string | undefined {
  const { text } = source;
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  if (text[offset] === '{' || text.slice(lineStart, offset).trim() !== '') return undefined;
  const column = offset - lineStart;
  const rest = text.slice(offset).split('\n');
  const isOutside = (line: string) => /\S/.test(line) && !/^\s*#/.test(line) && line.search(/\S/) < column;
  const end = rest.findIndex((line, i) => i > 0 && isOutside(line));
  const kept = (end < 0 ? rest : rest.slice(0, end)).join('\n');
  return text.slice(0, offset).replace(/[^\n]/g, ' ') + kept;
}

function aroundProcessor(
  config: ResolvedConfig,
  said: Said,
  signals: readonly Signal[],
): ResolvedConfig | { issues: Issue[] } {
  const part = config.processors.get(said.text);
  if (!part) return notThere(said, config.processors.keys());
  const wrong = signals.find((signal) => !part.factory.signals.includes(signal));
  if (wrong) {
    const message = `${said.text} does not take ${wrong}: give it ${part.factory.signals.join(', ')}`;
    return { issues: [issueAt(said.node.at, [said.key], message)] };
  }
  const pipelines = signals.map((signal): [string, ResolvedPipeline] => [
    signal,
    { id: signal, signal, receivers: [stub], processors: [said.text], exporters: [stub] },
  ]);
  // What replaces exporters asks for their ids only.
  const exporters = new Map([[stub, { ...part, id: stub, kind: 'exporter' as const }]]);
  return { ...config, exporters, connectors: new Map(), service: { ...config.service, pipelines: new Map(pipelines) } };
}

/** That pipeline, fed by the case, and those that its connectors feed. */
function fromPipeline(config: ResolvedConfig, said: Said): ResolvedConfig | { issues: Issue[] } {
  const { connectors, service } = config;
  const start = service.pipelines.get(said.text);
  if (!start) return notThere(said, service.pipelines.keys());
  const reached = new Map<string, ResolvedPipeline>([[start.id, { ...start, receivers: [stub] }]]);
  // Grows while it is walked through; pipelines make no circles.
  for (const { exporters } of reached.values()) {
    const joints = exporters.filter((id) => connectors.has(id));
    for (const spec of service.pipelines.values()) {
      if (reached.has(spec.id) || !spec.receivers.some((id) => joints.includes(id))) continue;
      reached.set(spec.id, { ...spec, receivers: spec.receivers.filter((id) => connectors.has(id)) });
    }
  }
  return { ...config, service: { ...service, pipelines: reached } };
}

function notThere(said: Said, ids: Iterable<string>): { issues: Issue[] } {
  const all = [...ids];
  const advice = didYouMean(said.text, all) || `: there are ${all.join(', ') || 'none'}`;
  const message = `the configuration has no ${said.key} ${JSON.stringify(said.text)}${advice}`;
  return { issues: [issueAt(said.node.at, [said.key], message)] };
}
