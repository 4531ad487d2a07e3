import { type Finding, type Linted, processorsOf, type Used } from './lint_rule.ts';

/** Of what holds whole traces, as far as sizes go. */
interface Sizes {
  readonly num_traces?: number;
  readonly expected_new_traces_per_sec?: number;
  /** Milliseconds. */
  readonly decision_wait?: number;
  readonly decision_cache?: { readonly sampled_cache_size?: number; readonly non_sampled_cache_size?: number };
  readonly max_buffer_mib?: number;
  /** Of `error_biased_sampler`: `head` holds nothing. */
  readonly mode?: string;
}

const mebibyte = 2 ** 20;
/** As `service.memory_budget_mib` is where it is left away. */
const defaultBudget = 128 * mebibyte;

function holders(linted: Linted): Used<Sizes>[] {
  const biased = processorsOf<Sizes>(linted, 'error_biased_sampler').filter(({ config }) => config.mode !== 'head');
  return [...processorsOf<Sizes>(linted, 'tail_sampling'), ...biased];
}

export function cachesBelowTraces(linted: Linted): Finding[] {
  return holders(linted).flatMap(({ path, config }) =>
    (['sampled_cache_size', 'non_sampled_cache_size'] as const).flatMap((field): Finding[] => {
      const size = config.decision_cache?.[field];
      const traces = config.num_traces ?? 0;
      if (size === undefined || size >= traces) return [];
      const got = size === 0 ? 'is off' : `is ${size}, less than num_traces (${traces})`;
      const message = `${got}: spans that come after their trace was forgotten get a second, maybe contrary decision; leave it away for 10 times num_traces`;
      return [{ path: [...path, 'decision_cache', field], message }];
    }),
  );
}

export function tracesBelowRate(linted: Linted): Finding[] {
  return processorsOf<Sizes>(linted, 'tail_sampling').flatMap(({ path, config }): Finding[] => {
    const { num_traces = 0, expected_new_traces_per_sec: rate = 0, decision_wait = 0 } = config;
    const seconds = decision_wait / 1000;
    const needed = Math.ceil(rate * seconds);
    if (needed <= num_traces) return [];
    const message = `is ${num_traces}, less than the ${needed} traces that ${rate} a second make in a decision_wait of ${seconds}s: the oldest would be decided early; raise it, or lower decision_wait`;
    return [{ path: [...path, 'num_traces'], message }];
  });
}

export function buffersAboveMemory(linted: Linted): Finding[] {
  const { config, memoryBytes } = linted;
  if (memoryBytes === undefined) return [];
  const buffers = holders(linted).flatMap(({ path, config, pipelines }) => {
    const mib = config.max_buffer_mib;
    return mib === undefined ? [] : [{ path, bytes: mib * mebibyte * pipelines.length }];
  });
  const budget = config.service.memoryBudgetBytes ?? Math.min(defaultBudget, memoryBytes / 4);
  const total = buffers.reduce((sum, { bytes }) => sum + bytes, budget);
  if (total <= memoryBytes || buffers.length === 0) return [];
  const largest = buffers.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  const mib = (bytes: number) => `${Math.floor(bytes / mebibyte)} MiB`;
  const message = `makes ${mib(total)} with every pipeline's buffer and service.memory_budget_mib, more than the ${mib(memoryBytes)} there are: lower it, or the process may be killed`;
  return [{ path: [...largest.path, 'max_buffer_mib'], message }];
}
