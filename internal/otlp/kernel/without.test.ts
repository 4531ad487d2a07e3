import { afterEach, expect, test, vi } from 'vitest';
import { generateRequest } from '../../testkit/generate.ts';

afterEach(() => vi.unstubAllGlobals());

class NoInstance {
  constructor() {
    throw new RangeError('could not allocate memory');
  }
}

test.each([
  ['without WebAssembly', undefined],
  ['where there is no room for its memory', { Module: class {}, Instance: NoInstance }],
])('%s requests are checked and rewritten all the same', async (_, api) => {
  vi.stubGlobal('WebAssembly', api);
  vi.resetModules();
  const { room, itemsIn } = await import('./kernel.ts');
  const { readRequest, isMalformed } = await import('../check.ts');
  const { rewriteSpans } = await import('../rewrite.ts');
  const bytes = generateRequest('traces', { items: 7 });
  expect([room.length, itemsIn(0, bytes)]).toEqual([0, -1]);
  const batch = readRequest('traces', bytes);
  if (isMalformed(batch)) throw new Error('refused');
  let seen = 0;
  const record = (_span: unknown, patch: { drop(): void }) => (seen++ < 3 ? patch.drop() : undefined);
  expect(rewriteSpans(batch, { record }, { inRoom: true }).itemCount).toBe(4);
  expect(isMalformed(readRequest('traces', Uint8Array.of(0x0a, 5)))).toBe(true);
});
