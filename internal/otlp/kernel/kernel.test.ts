import { expect, test } from 'vitest';
import { Dice } from '../../testkit/dice.ts';
import { generateRequest, randomRequest } from '../../testkit/generate.ts';
import { inspectRequest, isMalformed } from '../check.ts';
import type { Signal } from '../payload.ts';
import { seededRandom } from '../sample.ts';
import { requestOf } from '../schema.ts';
import { Writer } from '../writer.ts';
import { itemsIn } from './kernel.ts';

const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];

/** Both checks agree: -1 for what is malformed, the same items for the rest. */
function agree(signal: Signal, bytes: Uint8Array, what: string): boolean {
  const inspected = inspectRequest(signal, bytes);
  const items = itemsIn(requestOf(signal).index, bytes);
  expect(items, what).toBe(isMalformed(inspected) ? -1 : inspected.items);
  return items >= 0;
}

test('requests of every shape hold as many items as the slow check counts', () => {
  for (const signal of signals) {
    for (let seed = 1; seed <= 200; seed++) {
      const bytes = randomRequest(signal, seed, { padded: true, disorder: true });
      expect(agree(signal, bytes, `${signal}, seed ${seed}`)).toBe(true);
    }
  }
});

test('what the slow check refuses is refused, and nothing else: one byte changed', () => {
  for (const signal of signals) {
    let passed = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const bytes = Buffer.from(generateRequest(signal, { items: 2, seed }));
      const dice = new Dice(seededRandom(seed));
      for (let at = 0; at < bytes.length; at++) {
        const before = bytes[at]!;
        // A group is left to the slow check: tags with wire types 3 and 4 only come about by chance.
        bytes[at] = dice.below(256);
        const inspected = inspectRequest(signal, bytes);
        const items = itemsIn(requestOf(signal).index, bytes);
        if (items >= 0) passed++;
        if (isMalformed(inspected)) expect(items, `${signal}, seed ${seed}, byte ${at}`).toBe(-1);
        else if (items >= 0) expect(items).toBe(inspected.items);
        bytes[at] = before;
      }
    }
    expect(passed).toBeGreaterThan(100);
  }
});

test('every proper prefix is judged alike', () => {
  for (const signal of signals) {
    const bytes = generateRequest(signal, { items: 3, resources: 3 });
    for (let size = 0; size < bytes.length; size++) agree(signal, bytes.subarray(0, size), `${signal}, ${size} bytes`);
  }
});

test('text is UTF-8 exactly where Node says so: all pairs of bytes, alone and within longer text', () => {
  const inSpan = (text: Uint8Array) => {
    const out = new Writer(64);
    const opened = [out.open(1), out.open(2), out.open(2)];
    out.bytes(5, text);
    for (const each of opened.reverse()) out.close(each);
    return out.finish();
  };
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second += first < 0x80 ? 16 : 1) {
      agree('traces', inSpan(Uint8Array.of(first, second)), `${first} ${second}`);
      if (first < 0xc0) continue;
      agree('traces', inSpan(Uint8Array.of(first, second, 0x80)), `${first} ${second} 80`);
      agree('traces', inSpan(Uint8Array.of(first, second, 0xbf, 0x80)), `${first} ${second} bf 80`);
      agree(
        'traces',
        inSpan(
          Buffer.concat([Buffer.from('fifteen letters'), Uint8Array.of(first, second, 0xbf), Buffer.from('and more')]),
        ),
        'long',
      );
    }
  }
});

test('a request may lie anywhere and be of any size up to where the slow check takes over', () => {
  const small = generateRequest('logs', { items: 5 });
  const copies = Math.ceil((9 << 20) / small.length);
  const large = Buffer.concat(Array.from({ length: copies }, () => small));
  expect(itemsIn(requestOf('logs').index, large)).toBe(-1);
  expect(inspectRequest('logs', large)).toEqual({ items: 5 * copies });
  const most = large.subarray(0, small.length * Math.floor((8 << 20) / small.length));
  expect(itemsIn(requestOf('logs').index, most)).toBe(5 * Math.floor((8 << 20) / small.length));
  const shifted = Buffer.concat([Buffer.alloc(3, 0xff), small]).subarray(3);
  expect(itemsIn(requestOf('logs').index, shifted)).toBe(5);
});

test('groups are left to the slow check', () => {
  const out = new Writer(64);
  const opened = [out.open(1), out.open(2), out.open(2)];
  out.raw(Uint8Array.of(0x8b, 0x02, 0x08, 0x01, 0x8c, 0x02));
  for (const each of opened.reverse()) out.close(each);
  const bytes = out.finish();
  expect(itemsIn(requestOf('traces').index, bytes)).toBe(-1);
  expect(inspectRequest('traces', bytes)).toEqual({ items: 1 });
});
