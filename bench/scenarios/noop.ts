import { type LoadShape, Rig } from '../measure/rig.ts';
import type { FigureSpec, Figures, Scenario } from './scenario.ts';
import { SHAPES } from './throughput.ts';

const CASES = ['grpc-512', 'grpc-1', 'grpc-8192', 'gzip-512', 'logs-512', 'metrics-512', 'http-512'] as const;

/** Load straight to the sink, both on one core: the most that this harness can put through a subject. */
export const noop: Scenario = {
  name: 'noop',
  summary: 'the harness itself: the load sends straight to the sink, items per second',
  defaultSeconds: 3,
  runs: 1,
  alone: true,
  figures: CASES.map((key): FigureSpec => ({ key, label: key })),
  goals: [],
  measure: async (_subject, settings) => {
    const figures: Record<string, number> = {};
    for (const name of CASES) {
      figures[name] = await capacity(SHAPES[name], settings.seconds);
      settings.log(`${name}: ${Math.round(figures[name])} items/s`);
    }
    return figures satisfies Figures;
  },
};

async function capacity(shape: LoadShape, seconds: number): Promise<number> {
  const rig = await Rig.open({ shape });
  try {
    await rig.send(1, 10);
    const before = rig.tally.account().delivered;
    const began = performance.now();
    const complete = await rig.send(seconds, 10);
    const elapsed = (performance.now() - began) / 1000;
    const { delivered, lost, duplicates, unknown, altered } = rig.tally.account();
    if (!complete || lost + duplicates + unknown + altered > 0) {
      throw new Error(`the harness is broken: ${JSON.stringify(rig.tally.account())}`);
    }
    return (delivered - before) / elapsed;
  } finally {
    await rig.close();
  }
}
