import { expect, test } from 'vitest';
import { Inlet, Middle, Outlet, testCollector } from '../testkit/collector.ts';

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
