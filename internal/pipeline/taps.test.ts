import { expect, test } from 'vitest';
import type { TapPlace } from '../core/tap.ts';
import { Inlet, Middle, Outlet, runningCollector, type TestConfig } from '../testkit/collector.ts';
import { idsOf, stamped } from '../testkit/stamped.ts';
import { Taps } from './taps.ts';

const pass = () => new Middle((payload, ctx, next) => next.consume(payload, ctx));

function config(inlet: Inlet, middle: Middle, outlet: Outlet): TestConfig {
  return {
    receivers: { inlet },
    processors: { middle },
    exporters: { outlet },
    pipelines: { traces: { receivers: ['inlet'], processors: ['middle'], exporters: ['outlet'] } },
  };
}

test('out of receivers, into processors and into exporters: each place of a configuration is known', async () => {
  const { collector } = await runningCollector(config(new Inlet(), pass(), new Outlet()));
  expect(collector.taps.places()).toEqual([
    { kind: 'exporter', id: 'outlet', signal: 'traces', pipeline: 'traces' },
    { kind: 'processor', id: 'middle', signal: 'traces', pipeline: 'traces' },
    { kind: 'receiver', id: 'inlet', signal: 'traces' },
  ]);
});

test('what passes is seen at each place in turn, also after a reload has put another component there', async () => {
  const [inlet, outlet] = [new Inlet(), new Outlet()];
  const { collector, reload } = await runningCollector(config(inlet, pass(), outlet));
  const seen: string[] = [];
  const end = collector.taps.tap(
    ({ id }) => id !== 'nobody',
    ({ id }, batch) => seen.push(`${id} ${idsOf(batch)}`),
  );
  await inlet.send(stamped('traces', ['a']));
  expect(seen).toEqual(['inlet a', 'middle a', 'outlet a']);
  await reload(config(inlet, pass(), outlet));
  await inlet.send(stamped('traces', ['b']));
  expect(seen.slice(3)).toEqual(['inlet b', 'middle b', 'outlet b']);
  end();
  end();
  await inlet.send(stamped('traces', ['c']));
  expect(seen.length).toBe(6);
  expect(outlet.taken.flatMap(idsOf)).toEqual(['a', 'b', 'c']);
});

test('where nobody taps an edge has nothing to call, and each tap ends alone', () => {
  const taps = new Taps();
  const place: TapPlace = { kind: 'processor', id: 'a', signal: 'logs', pipeline: 'logs' };
  const [slot, other] = [taps.slot(place), taps.slot({ ...place, id: 'b' })];
  expect(taps.slot({ ...place })).toBe(slot);
  const seen: string[] = [];
  const wanted = ({ id }: TapPlace) => id === 'a';
  const ends = ['first', 'second'].map((name) => taps.tap(wanted, () => seen.push(name)));
  expect(other.saw).toBeUndefined();
  slot.saw!(stamped('logs', ['x']));
  ends[0]!();
  slot.saw!(stamped('logs', ['x']));
  expect(seen).toEqual(['first', 'second', 'second']);
  ends[1]!();
  expect(slot.saw).toBeUndefined();
});
