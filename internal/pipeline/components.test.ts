import { expect, test } from 'vitest';
import { type Component, defineProcessor, type RunningComponent } from '../core/component.ts';
import { Inlet, Middle, Outlet, testCollector } from '../testkit/collector.ts';
import { deferred } from '../testkit/settings.ts';

test('components are those of now: after a reload the new instances', async () => {
  const pass = () => new Middle((batch, ctx, next) => next.consume(batch, ctx)).factory;
  const config = (setting: string) => ({
    receivers: { inlet: { factory: new Inlet().factory } },
    processors: { middle: { factory: pass(), config: setting } },
    exporters: { outlet: { factory: new Outlet().factory } },
    pipelines: { 'traces/a': { receivers: ['inlet'], processors: ['middle'], exporters: ['outlet'] } },
  });
  const { collector, reload } = testCollector(config('one'));
  await collector.start();
  const middle = () => collector.components().find(({ kind }) => kind === 'processor');
  const before = middle();
  expect(before).toMatchObject({ id: 'middle', pipelines: ['traces/a'] });
  expect(
    collector
      .components()
      .map(({ kind }) => kind)
      .sort(),
  ).toEqual(['exporter', 'processor', 'receiver']);
  await reload(config('two'));
  expect(middle()?.component).not.toBe(before?.component);
  await collector.shutdown(AbortSignal.abort());
});

test.each([
  ['is still asked until it has ended its work', false, ['b', 'a']],
  ['is asked no more once it has handed its work over, since the new one has it', true, ['b']],
])('an instance that a reload has replaced %s', async (_, handsOver, want) => {
  const work = deferred<void>();
  const factory = defineProcessor<string>({
    type: 'sampler',
    signals: ['traces'],
    stability: 'development',
    summary: '',
    schema: { _zod: { output: '' } },
    create: (_settings, name, next) => ({
      consume: (batch, ctx) => next.consume(batch, ctx),
      shutdown: () => (name === 'a' ? work.promise : Promise.resolve()),
      handOver: () => handsOver,
      explainsSince: () => (name === 'a' ? 1 : 2),
    }),
  });
  const config = (name: string) => ({
    receivers: { inlet: { factory: new Inlet().factory } },
    processors: { sampler: { factory, config: name } },
    exporters: { outlet: { factory: new Outlet().factory } },
    pipelines: { traces: { receivers: ['inlet'], processors: ['sampler'], exporters: ['outlet'] } },
  });
  const { collector, reload } = testCollector(config('a'));
  await collector.start();
  await reload(config('b'));
  const nameOf = (component: Component) => (component.explainsSince?.() === 1 ? 'a' : 'b');
  const asked = () => {
    const processors = collector.components().filter(({ kind }: RunningComponent) => kind === 'processor');
    return processors.map(({ component }) => nameOf(component));
  };
  expect(asked()).toEqual(want);
  work.resolve();
  await expect.poll(asked).toEqual(['b']);
  await collector.shutdown(AbortSignal.abort());
});
