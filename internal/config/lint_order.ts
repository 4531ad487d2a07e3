import type { ResolvedPipeline } from '../core/resolved.ts';
import { type Finding, type Linted, pathInPipeline, processor } from './lint_rule.ts';
import { isTailSampler } from './lint_samplers.ts';

export function memoryLimiterFirst(linted: Linted): Finding[] {
  return inEach(linted, (pipeline) => {
    const at = indexOf(linted, pipeline, 'memory_limiter');
    const message = 'works best as the first processor: what stands before it holds memory that it does not guard';
    return at > 0 ? { at, message } : undefined;
  });
}

export function batchBeforeSampler(linted: Linted): Finding[] {
  return inEach(linted, (pipeline) => {
    const at = indexOf(linted, pipeline, 'batch');
    const sampler = pipeline.processors.find((id, index) => index > at && isTailSampler(processor(linted, id)));
    const message = `works best behind ${sampler}: before it, it delays spans that wait there anyway, and what is kept leaves in smaller batches`;
    return at >= 0 && sampler !== undefined ? { at, message } : undefined;
  });
}

/** @param look finds one of the pipeline's processors, by its index */
function inEach(
  { config }: Linted,
  look: (pipeline: ResolvedPipeline) => { readonly at: number; readonly message: string } | undefined,
): Finding[] {
  return [...config.service.pipelines.values()].flatMap((pipeline) => {
    const found = look(pipeline);
    return found ? [{ path: pathInPipeline(pipeline, 'processors', found.at), message: found.message }] : [];
  });
}

function indexOf(linted: Linted, pipeline: ResolvedPipeline, type: string): number {
  return pipeline.processors.findIndex((id) => processor(linted, id).factory.type === type);
}
