import type { ResolvedComponent, ResolvedPipeline } from '../core/resolved.ts';
import { type Finding, type Linted, pathInPipeline, processor, processorsOf } from './lint_rule.ts';
import { connects } from './pipelines.ts';

const samplers = ['tail_sampling', 'probabilistic_sampler', 'error_biased_sampler'];

/** What makes numbers of what passes, by upstream's names old and new, whether or not this build has them. */
const counters = [
  'spanmetrics',
  'span_metrics',
  'servicegraph',
  'service_graph',
  'count',
  'sum',
  'exceptions',
  'signaltometrics',
  'signal_to_metrics',
];

/** Whether it holds whole traces before it decides. */
export function isTailSampler({ factory, config }: ResolvedComponent): boolean {
  if (factory.type === 'error_biased_sampler') return (config as { readonly mode?: string }).mode === 'tail';
  return factory.type === 'tail_sampling';
}

function isSampler({ factory }: ResolvedComponent): boolean {
  return samplers.includes(factory.type);
}

function isCounter({ factory }: ResolvedComponent): boolean {
  return counters.includes(factory.type);
}

/** A sampler on the way that telemetry takes. */
interface Passed {
  readonly one: ResolvedComponent;
  readonly pipeline: ResolvedPipeline;
  readonly index: number;
}

export function severalSamplers(linted: Linted): Finding[] {
  const findings = new Map<string, Finding>();
  const find = ({ pipeline, index }: Passed, message: string) => {
    const path = pathInPipeline(pipeline, 'processors', index);
    findings.set(path.join(), { path, message });
  };
  walk(linted, {
    sampler(passed, before) {
      const last = before.at(-1);
      if (!last) return;
      const [first, second] = [last.one.id, passed.one.id];
      if (isTailSampler(passed.one) && !isTailSampler(last.one)) {
        const instead = 'use a probabilistic policy there in its place';
        find(last, `leaves traces out before ${second} sees them, those with errors too: ${instead}`);
      } else if ((passed.one.config as { readonly mode?: string }).mode !== 'equalizing') {
        const advice = 'keep one of them, or set mode: equalizing in a probabilistic_sampler';
        find(passed, `samples what ${first} has left over, so that their rates multiply: ${advice}`);
      }
    },
    counter() {},
  });
  return [...findings.values()];
}

export function countersBehindSamplers(linted: Linted): Finding[] {
  const findings = new Map<string, Finding>();
  walk(linted, {
    sampler() {},
    counter(pipeline, role, index, before) {
      const last = before.at(-1);
      if (!last) return;
      const path = pathInPipeline(pipeline, role, index);
      const message = `counts only what ${last.one.id} (${last.pipeline.id}) has kept: give it a pipeline of its own that takes the same telemetry unsampled`;
      findings.set(path.join(), { path, message });
    },
  });
  return [...findings.values()];
}

interface Visitor {
  /** @param before samplers passed until then */
  sampler(passed: Passed, before: readonly Passed[]): void;
  counter(pipeline: ResolvedPipeline, role: 'processors' | 'exporters', index: number, before: readonly Passed[]): void;
}

/** Follows telemetry from each pipeline with a receiver through connectors that hand on what they get. Circles are errors, so that it ends. */
function walk(linted: Linted, visitor: Visitor): void {
  const { connectors, service } = linted.config;
  const follow = (pipeline: ResolvedPipeline, from: readonly Passed[]): void => {
    let before = from;
    for (const [index, id] of pipeline.processors.entries()) {
      const one = processor(linted, id);
      if (isCounter(one)) visitor.counter(pipeline, 'processors', index, before);
      if (!isSampler(one)) continue;
      const passed = { one, pipeline, index };
      visitor.sampler(passed, before);
      before = [...before, passed];
    }
    for (const [index, id] of pipeline.exporters.entries()) {
      const connector = connectors.get(id);
      if (!connector) continue;
      if (isCounter(connector)) visitor.counter(pipeline, 'exporters', index, before);
      if (!connects(connector.factory, pipeline.signal, pipeline.signal)) continue;
      for (const next of service.pipelines.values()) {
        if (next.signal === pipeline.signal && next.receivers.includes(id)) follow(next, before);
      }
    }
  };
  for (const pipeline of service.pipelines.values()) {
    if (pipeline.receivers.some((id) => !connectors.has(id))) follow(pipeline, []);
  }
}

export function nothingIsKept(linted: Linted): Finding[] {
  const found = processorsOf<{ readonly sampling_percentage?: number; readonly sampling_priority?: string }>(
    linted,
    'probabilistic_sampler',
  );
  return found.flatMap(({ path, config }) => {
    if (config.sampling_percentage !== 0 || config.sampling_priority) return [];
    return [
      { path: [...path, 'sampling_percentage'], message: 'is 0, which keeps nothing: set it, or remove the sampler' },
    ];
  });
}
