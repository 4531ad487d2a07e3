import { expect, test } from 'vitest';
import { peer } from '../../bench/peers/peer.ts';
import { throughOtelcol } from '../../bench/peers/through_otelcol.ts';
import { noContext } from '../../internal/core/consumer.ts';
import type { Payload, Signal } from '../../internal/otlp/payload.ts';
import { seededRandom } from '../../internal/otlp/sample.ts';
import { walkLogs, walkSpans } from '../../internal/otlp/view/walk.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import { asPayload } from '../../internal/testkit/generate.ts';
import { RecordingConsumer, testSettings } from '../../internal/testkit/settings.ts';
import { schema } from './config.ts';
import factory from './index.ts';

/*
 * The sampler beside the Go collector's: the same 100,000 items, once through each, for many configurations. What is
 * kept, and the tracestate or the attributes of each, must be equal. Skipped where that collector can neither be found
 * nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const ITEMS = 100_000;
const PER_REQUEST = 1000;

const common = [
  { mode: 'hash_seed', sampling_percentage: 10 },
  { mode: 'hash_seed', sampling_percentage: 37.7, hash_seed: 4_000_000_022 },
  { mode: 'hash_seed', sampling_percentage: 50, fail_closed: false },
  { mode: 'hash_seed', sampling_percentage: 0.001 },
  { mode: 'proportional', sampling_percentage: 25 },
  { mode: 'proportional', sampling_percentage: 33.3, sampling_precision: 14 },
  { mode: 'proportional', sampling_percentage: 0.1, sampling_precision: 1, fail_closed: false },
  { mode: 'equalizing', sampling_percentage: 10 },
  { mode: 'equalizing', sampling_percentage: 66.6, sampling_precision: 2, fail_closed: false },
  { mode: 'equalizing', sampling_percentage: 99.99, sampling_precision: 14 },
  { mode: 'equalizing', sampling_percentage: 150 },
  { sampling_percentage: 0, fail_closed: false },
];
const configs: Record<'traces' | 'logs', readonly Record<string, unknown>[]> = {
  traces: common,
  logs: [
    ...common.map((config) => ({ ...config, sampling_priority: 'priority' })),
    { mode: 'hash_seed', sampling_percentage: 40, from_attribute: 'uid' },
    { mode: 'hash_seed', sampling_percentage: 40, hash_seed: 7, attribute_source: 'record', from_attribute: 'uid' },
  ],
};

interop.each(['traces', 'logs'] as const)(
  '%s: the Go collector keeps the same items, marked the same',
  async (signal) => {
    const batches = generate(signal);
    const theirs = await throughGo(signal, batches);
    const sent = new Map<string, string>();
    for (const batch of batches) read(batch, sent);
    for (const [i, config] of configs[signal].entries()) {
      const ours = await throughSluice(signal, config, batches);
      const what = JSON.stringify(config);
      // Upstream's sampler that keeps nothing writes over a malformed tracestate where a priority saves the span; we leave it.
      const saved = (id: string) => keepsNothing(config) && ours.get(id) === sent.get(id) && theirs[i]!.has(id);
      const differing = [...new Set([...ours.keys(), ...theirs[i]!.keys()])].filter(
        (id) => ours.get(id) !== theirs[i]!.get(id) && !saved(id),
      );
      const first = differing.slice(0, 5).map((id) => ({ id, ours: ours.get(id), theirs: theirs[i]!.get(id) }));
      expect(first, `${what}: ${differing.length} of ${ITEMS} differ`).toEqual([]);
      process.stderr.write(`${signal} ${what}: both keep the same ${ours.size}\n`);
    }
  },
);

/** 14 bits of hash cannot tell 0.001 % from 0. */
function keepsNothing({ mode, sampling_percentage }: Record<string, unknown>): boolean {
  return sampling_percentage === 0 || (sampling_percentage === 0.001 && mode === 'hash_seed');
}

async function throughSluice(
  signal: Signal,
  config: object,
  batches: readonly Payload[],
): Promise<Map<string, string>> {
  const next = new RecordingConsumer();
  const sampler = factory.create(testSettings({ signal }), schema.parse(config), next);
  for (const batch of batches) await sampler.consume(batch, noContext);
  const kept = new Map<string, string>();
  for (const batch of next.taken) read(batch, kept);
  return kept;
}

async function throughGo(signal: 'traces' | 'logs', batches: readonly Payload[]): Promise<Map<string, string>[]> {
  const requests = batches.map((batch) => batch.chunks[0]!);
  const theirs = await throughOtelcol(signal, 'probabilistic_sampler', configs[signal], requests);
  return theirs.map((messages) => {
    const kept = new Map<string, string>();
    for (const bytes of messages) read(asPayload(signal, bytes), kept);
    return kept;
  });
}

/** Of each item, by its span id: the tracestate, or the sampling attributes. */
function read(batch: Payload, into: Map<string, string>): void {
  const walk = batch.signal === 'traces' ? walkSpans(batch) : walkLogs(batch);
  while (walk.nextResource()) {
    while (walk.nextScope()) {
      while (walk.nextRecord()) {
        const { record } = walk;
        const id = Buffer.from(record.spanId).toString('hex');
        if ('traceState' in record) into.set(id, record.traceState);
        else into.set(id, ['sampling.threshold', 'sampling.randomness'].map((key) => plainOf(record, key)).join(' '));
      }
    }
  }
}

function plainOf(record: ReturnType<typeof walkLogs>['record'], key: string): string {
  const { attributes } = record;
  const value = attributes.find(Buffer.from(key))?.value;
  return value ? `${key}=${value.kind}:${String(value.plain())}` : '';
}

type Value =
  | string
  | bigint
  | number
  | boolean
  | Uint8Array
  | readonly Value[]
  | { readonly map: Record<string, Value> };

/** Items as clients and hostile clients send them: most without any sampling information. */
function generate(signal: 'traces' | 'logs'): Payload[] {
  const random = seededRandom(signal === 'traces' ? 11 : 12);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('');
  const th = () => pick([() => hex(1 + Math.floor(random() * 4)), () => hex(14), () => '0', () => 'C', () => 'fffe'])();
  const ot = () =>
    pick([
      () => `th:${th()}`,
      () => `rv:${hex(14)}`,
      () => `rv:${hex(14)};th:${th()}`,
      () => `th:${th()};rv:${hex(14)};k:v.w-x`,
      () => `x:y`,
      () => `th:${th()};th:${th()}`,
      () => pick(['th:', 'th:xyz', 'rv:12', 'th:123456789012345', 'TH:8', 'th:8;', ';th:8', 'th=8', `x:${hex(300)}`]),
    ])();
  const state = () =>
    pick([
      () => `ot=${ot()}`,
      () => `a=1,ot=${ot()} , b@c=d e`,
      () => `a=1,,b=${hex(8)},`,
      () => `ot=${ot()},ot=${ot()}`,
      () => Array.from({ length: 29 + Math.floor(random() * 4) }, (_, i) => `k${i}=v`).join(','),
      () =>
        pick([
          'garbage',
          'A=1',
          'a=',
          '=1',
          `k=${hex(1100)}`,
          `${'k'.repeat(257)}=1`,
          '1a=2',
          '1a@b=2',
          'a=b\u00e9',
          'a=1;',
        ]),
    ])();
  const priority = (): Value =>
    pick<Value>([
      0n,
      1n,
      -1n,
      0,
      0.5,
      -2.5,
      '0',
      '1',
      '-1',
      '1e3',
      'x',
      '',
      'inf',
      '1e999',
      true,
      25n,
      250n,
      12.5,
      Number.NaN,
    ]);
  const uid = (): Value =>
    pick<() => Value>([
      () => hex(12),
      () => BigInt(Math.floor(random() * 1e12)),
      () => random() * 10 ** Math.floor(random() * 40 - 15),
      () => random() < 0.5,
      () => Buffer.from(hex(16), 'hex'),
      () => [1n, hex(4), [2.5, false]],
      () => ({ map: { b: hex(3), a: '<&>', c: { map: {} }, d: Buffer.from('xyz') } }),
      () => '',
    ])();
  const batches: Payload[] = [];
  for (let made = 0; made < ITEMS; ) {
    const out = new Writer(PER_REQUEST * 128);
    const resource = out.open(1);
    const scope = out.open(2);
    for (let i = 0; i < PER_REQUEST; i++, made++) {
      const record = out.open(2);
      const span = signal === 'traces';
      const id = random() < 0.02 ? (random() < 0.5 ? '' : '00'.repeat(16)) : hex(32);
      out.bytes(span ? 1 : 9, Buffer.from(id, 'hex'));
      out.bytes(span ? 2 : 10, Buffer.from((made + 1).toString(16).padStart(16, '0'), 'hex'));
      if (span && random() < 0.4) out.string(3, state());
      const attributes: [string, Value][] = [];
      if (random() < 0.3) attributes.push(['first', hex(4)]);
      if (!span && random() < 0.3)
        attributes.push(['sampling.threshold', random() < 0.9 ? th() : pick<Value>(['q', 8n, ''])]);
      if (!span && random() < 0.2)
        attributes.push(['sampling.randomness', random() < 0.9 ? hex(14) : pick<Value>(['q', 8n, ''])]);
      if (!span && random() < 0.7) attributes.push(['uid', uid()]);
      if (random() < 0.1) attributes.push([span ? 'sampling.priority' : 'priority', priority()]);
      if (random() < 0.3) attributes.push(['last', hex(4)]);
      for (const [key, value] of attributes) {
        const pair = out.open(span ? 9 : 6);
        out.string(1, key);
        writeValue(out, 2, value);
        out.close(pair);
      }
      out.close(record);
    }
    out.close(scope);
    out.close(resource);
    batches.push(asPayload(signal, out.finish()));
  }
  return batches;
}

function writeValue(out: Writer, field: number, value: Value): void {
  const any = out.open(field);
  if (typeof value === 'string') out.string(1, value);
  else if (typeof value === 'boolean') out.varint(2, value ? 1 : 0);
  else if (typeof value === 'bigint') out.varint64(3, value);
  else if (typeof value === 'number') out.double(4, value);
  else if (value instanceof Uint8Array) out.bytes(7, value);
  else if (Array.isArray(value)) {
    const list = out.open(5);
    for (const one of value) writeValue(out, 1, one);
    out.close(list);
  } else {
    const map = out.open(6);
    for (const [key, one] of Object.entries(value.map)) {
      const pair = out.open(1);
      out.string(1, key);
      writeValue(out, 2, one);
      out.close(pair);
    }
    out.close(map);
  }
  out.close(any);
}
