import { expect, test } from 'vitest';
import { Dice } from '../../testkit/dice.ts';
import { asPayload, generatePayload, generateRequest, randomRequest } from '../../testkit/generate.ts';
import { encodeField, encodeValue, KeptField, Workbench } from '../attributes/encode.ts';
import { Keys } from '../attributes/keys.ts';
import { AttributeList } from '../attributes/list.ts';
import type { Payload, Signal } from '../payload.ts';
import { type Patch, type RewriteOptions, rewriteLogs, rewriteMetrics, rewriteSpans } from '../rewrite.ts';
import { seededRandom } from '../sample.ts';
import type { Cursor } from '../view/cursor.ts';
import { isOccupied, room } from './kernel.ts';

const signals: readonly Signal[] = ['traces', 'logs', 'metrics'];
const names = [
  'http.route',
  'http.request.method',
  'a',
  '',
  'service.name',
  'k'.repeat(127),
  'no.such.key',
  'url.path',
];
const texts = ['', 'x', 'fifteen letters', 'sixteen letters!', 'y'.repeat(64), 'z'.repeat(65), 'ü'.repeat(300)];

/** Adds, replaces and removes attributes of everything, by the fall of the dice. */
function edited(payload: Payload, seed: number, options: RewriteOptions): Payload {
  const dice = new Dice(seededRandom(seed));
  const keys = new Keys();
  const ids = names.map((name) => keys.add(Buffer.from(name)));
  const list = new AttributeList();
  const bench = new Workbench(true);
  const edit = (message: Cursor, field: number, patch: Patch) => {
    bench.clear();
    list.read(message, field, keys, dice.chance(0.5));
    for (let i = 0; i < 3; i++) {
      const which = dice.below(names.length);
      const at = list.at(ids[which]!);
      const value = encodeValue(dice.pick(texts));
      const made = dice.chance(0.5)
        ? encodeField(field, Buffer.from(names[which]!), value)
        : bench.field(field, Buffer.from(names[which]!), value, 0, value.length);
      if (at < 0) list.add(made, ids[which]);
      else if (dice.chance(0.5)) list.remove(at);
      else if (!list.hasValue(at, made)) list.replace(at, made);
    }
    list.write(patch);
    if (dice.chance(0.05)) patch.drop();
  };
  const record = (field: number) => (message: Cursor, patch: Patch) => edit(message, field, patch);
  const resource = ({ resource }: { resource: Cursor }, patch: Patch) => edit(resource, 1, patch);
  if (payload.signal === 'traces') return rewriteSpans(payload, { resource, record: record(9) }, options);
  if (payload.signal === 'logs') return rewriteLogs(payload, { resource, record: record(6) }, options);
  return rewriteMetrics(
    payload,
    { resource, point: (point, patch) => edit(point, point.attributesField, patch) },
    options,
  );
}

const bytesOf = (payload: Payload) => Buffer.concat(payload.chunks);

test('what is rewritten in the room is what is rewritten outside of it', () => {
  for (const signal of signals) {
    for (let seed = 1; seed <= 100; seed++) {
      const bytes =
        seed % 2
          ? randomRequest(signal, seed, { unknown: true, padded: seed % 4 === 1, disorder: true })
          : generateRequest(signal, { items: 20, resources: 3, seed });
      const payload = asPayload(signal, bytes);
      const outside = edited(payload, seed, {});
      const inside = edited(payload, seed, { inRoom: true });
      expect(bytesOf(inside).equals(bytesOf(outside)), `${signal}, seed ${seed}`).toBe(true);
      expect(inside.itemCount).toBe(outside.itemCount);
    }
  }
});

test('nothing of the room is handed out: not where nothing changed, nor where one piece was kept', () => {
  const payload = generatePayload('traces', { items: 12, resources: 3 });
  expect(rewriteSpans(payload, { record() {} }, { inRoom: true })).toBe(payload);
  let groups = 0;
  const last = rewriteSpans(
    payload,
    { resource: (_, patch) => (groups++ < 2 ? patch.drop() : undefined) },
    { inRoom: true },
  );
  const added = rewriteSpans(payload, { record: (_, patch) => patch.append(Uint8Array.of(0x50, 1)) }, { inRoom: true });
  for (const { chunks } of [last, added]) for (const chunk of chunks) expect(chunk.buffer).not.toBe(room.buffer);
  const again = rewriteSpans(
    generatePayload('traces', { items: 12, seed: 9 }),
    { record: (_, patch) => patch.drop() },
    { inRoom: true },
  );
  expect(again.itemCount).toBe(0);
  expect(bytesOf(last).equals(bytesOf(payload).subarray(-last.byteLength))).toBe(true);
});

test('what grows beyond the room goes on outside of it', () => {
  const small = generateRequest('traces', { items: 64 });
  const chunk = Buffer.concat(Array.from({ length: Math.floor((7 << 20) / small.length) }, () => small));
  const payload = asPayload('traces', chunk);
  const field = encodeField(9, Buffer.from('more'), encodeValue('m'.repeat(1000)));
  const visitor = { record: (_: Cursor, patch: Patch) => patch.append(field.bytes) };
  const inside = rewriteSpans(payload, visitor, { inRoom: true });
  expect(inside.byteLength).toBeGreaterThan(16 << 20);
  expect(bytesOf(inside).equals(bytesOf(rewriteSpans(payload, visitor)))).toBe(true);
});

test('a chunk that does not fit is rewritten outside', () => {
  const small = generateRequest('logs', { items: 64 });
  const chunk = Buffer.concat(Array.from({ length: Math.ceil((9 << 20) / small.length) }, () => small));
  const visitor = {
    record(_: Cursor, patch: Patch) {
      expect(isOccupied()).toBe(false);
      patch.drop();
    },
  };
  expect(rewriteLogs(asPayload('logs', chunk), visitor, { inRoom: true }).itemCount).toBe(0);
});

test('one rewriting at a time is in the room, and it is left when a visitor throws', () => {
  const payload = generatePayload('traces', { items: 5 });
  const inner = generatePayload('logs', { items: 5 });
  const once = rewriteSpans(
    payload,
    {
      record(_, patch) {
        expect(isOccupied()).toBe(true);
        const inside = edited(inner, 3, { inRoom: true });
        expect(bytesOf(inside).equals(bytesOf(edited(inner, 3, {})))).toBe(true);
        patch.append(Uint8Array.of(0x50, 1));
      },
    },
    { inRoom: true },
  );
  expect(once.byteLength).toBeGreaterThan(payload.byteLength);
  const fail = () => {
    throw new Error('on purpose');
  };
  expect(() => rewriteSpans(payload, { record: fail }, { inRoom: true })).toThrow('on purpose');
  expect(isOccupied()).toBe(false);
});

test('more keys, or longer ones, than the room has a place for are looked for outside of it', () => {
  const many = new Keys();
  for (let i = 0; i < 1100; i++) many.add(Buffer.from(`key.${i}`));
  const long = new Keys();
  for (let i = 0; i < 400; i++) long.add(Buffer.from(`${i}`.padStart(120, '-')));
  for (const keys of [many, long]) {
    const id = keys.add(Buffer.from('http.route'));
    const list = new AttributeList();
    let found = 0;
    const record = (span: Cursor) => void (list.read(span, 9, keys, false).at(id) >= 0 && found++);
    rewriteSpans(generatePayload('traces', { items: 6 }), { record }, { inRoom: true });
    expect(found).toBe(6);
  }
});

test('keys that are added later are found', () => {
  const keys = new Keys();
  const list = new AttributeList();
  const found: number[] = [];
  const payload = generatePayload('traces', { items: 2 });
  for (const name of ['url.path', 'http.route']) {
    const id = keys.add(Buffer.from(name));
    rewriteSpans(
      payload,
      { record: (span) => void found.push(list.read(span, 9, keys, false).at(id)) },
      { inRoom: true },
    );
  }
  expect(found.every((at) => at >= 0)).toBe(true);
});

test('fields that go into many records are the same in the room, also where they are more than it keeps', () => {
  const fields = Array.from({ length: 900 }, (_, i) =>
    encodeField(9, Buffer.from(`kept.${i}`), encodeValue('v'.repeat(i % 200))),
  );
  const kept = fields.map((field) => new KeptField(field));
  const dice = new Dice(seededRandom(4));
  for (let turn = 0; turn < 40; turn++) {
    const payload = generatePayload('traces', { items: 30, seed: turn });
    const chosen = Array.from({ length: 30 }, () => dice.below(fields.length));
    const rewritten = (of: (which: number) => { bytes: Uint8Array; from: number; to: number }, inRoom: boolean) => {
      let at = 0;
      const record = (_: Cursor, patch: Patch) => {
        for (const which of [chosen[at]!, chosen[29 - at]!]) {
          const { bytes, from, to } = of(which);
          patch.append(bytes, from, to);
        }
        at++;
      };
      return bytesOf(rewriteSpans(payload, { record }, { inRoom }));
    };
    const inside = rewritten((which) => kept[which]!.here, true);
    expect(inside.equals(rewritten((which) => fields[which]!, false)), `turn ${turn}`).toBe(true);
  }
});
