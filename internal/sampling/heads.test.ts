import { expect, test } from 'vitest';
import { walkSpans } from '../otlp/view/walk.ts';
import { Heads } from './heads.ts';
import { request } from './test/rig.ts';

/** Where the one ResourceSpans of a request lies, and its scopes. */
function resourceOf(service: string, scopes: readonly string[]) {
  const walk = walkSpans(request(scopes.map((scope) => ({ name: 'n', trace: '1', service, scope }))));
  walk.nextResource();
  const { buf, start: from, end: to } = walk.resource;
  const ranges: [number, number][] = [];
  while (walk.nextScope()) ranges.push([walk.scope.start, walk.scope.end]);
  return { buf, from, to, ranges };
}

test('the same resource and scope are stored once, for as long as a span needs them', () => {
  const heads = new Heads();
  const { buf, from, to, ranges } = resourceOf('a', ['s', 't']);
  expect(ranges.length).toBe(2);
  const enter = ([start, end]: [number, number]) => {
    heads.enterResource(buf, from, to);
    return heads.enterScope(buf, start, end);
  };
  const s = enter(ranges[0]!);
  const t = enter(ranges[1]!);
  expect(t).not.toBe(s);
  expect(heads.of(t).resource).toBe(heads.of(s).resource);
  const { bytes } = heads;
  heads.use(s);
  expect(enter(ranges[0]!)).toBe(s);
  expect(heads.bytes).toBe(bytes);
  for (let i = 0; i < 3; i++) heads.release(s);
  expect(heads.bytes).toBeLessThan(bytes);
  heads.release(t);
  expect(heads.bytes).toBe(0);
});

test('a resource that goes while its request is still read comes back as one', () => {
  const heads = new Heads();
  const { buf, from, to, ranges } = resourceOf('a', ['s', 't']);
  heads.enterResource(buf, from, to);
  // All spans of the first scope were left out.
  heads.release(heads.enterScope(buf, ...ranges[0]!));
  const t = heads.enterScope(buf, ...ranges[1]!);
  heads.enterResource(buf, from, to);
  const s = heads.enterScope(buf, ...ranges[0]!);
  expect(heads.of(s).resource).toBe(heads.of(t).resource);
  heads.release(s);
  heads.release(t);
  expect(heads.bytes).toBe(0);
});
