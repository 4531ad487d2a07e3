import type { ResolvedComponent, ResolvedConfig, ResolvedPipeline } from '../core/resolved.ts';
import type { Path } from './issues.ts';

/** A configuration without errors, as rules see it. */
export interface Linted {
  readonly config: ResolvedConfig;
  /** Bytes of the container, or of the machine; undefined where nobody said. */
  readonly memoryBytes: number | undefined;
}

/** Something that is allowed and yet hardly meant. */
export interface Finding {
  /** Where it stands; the nearest thing around it is shown where it is left to its default. */
  readonly path: Path;
  /** What is wrong with it and what to do. */
  readonly message: string;
}

/** Looks for one kind of mistake. A new one goes into the list of `lint.ts`, with a test that says where it points. */
export type Rule = (linted: Linted) => readonly Finding[];

/** A component that serves in a pipeline. */
export interface Used<C> {
  readonly id: string;
  readonly path: Path;
  readonly config: C;
  /** Pipelines it serves in: each has an instance of its own. */
  readonly pipelines: readonly ResolvedPipeline[];
}

/** The processors of a type that are in a pipeline. What a rule reads of their configuration is by upstream's names. */
export function processorsOf<C>({ config }: Linted, type: string): Used<C>[] {
  const pipelines = [...config.service.pipelines.values()];
  return [...config.processors.values()].flatMap((one) => {
    const used = pipelines.filter(({ processors }) => processors.includes(one.id));
    if (one.factory.type !== type || used.length === 0) return [];
    return [{ id: one.id, path: ['processors', one.id], config: one.config as C, pipelines: used }];
  });
}

/** The processor of this id. */
export function processor({ config }: Linted, id: string): ResolvedComponent {
  return config.processors.get(id)!;
}

export function pathInPipeline(pipeline: ResolvedPipeline, role: 'processors' | 'exporters', index: number): Path {
  return ['service', 'pipelines', pipeline.id, role, index];
}
