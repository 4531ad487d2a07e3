import { expect, test } from 'vitest';
import forward from '../../connectors/forward/index.ts';
import batch from '../../processors/batch/index.ts';
import { MemoryBudget } from '../core/memory.ts';
import { accepted, type Outcome, partial, permanent, retryable } from '../core/outcome.ts';
import { retryOnFailure, sendingQueue } from '../exporterhelper/schema.ts';
import { exporter } from '../exporterhelper/stack.ts';
import { type FakeClock, settled } from '../testkit/clock.ts';
import { exporterOf, Inlet, type Part, resolvedConfig, type TestConfig } from '../testkit/collector.ts';
import { testSettings } from '../testkit/settings.ts';
import { idsOf, stamped } from '../testkit/stamped.ts';
import { buildCollector, type Collector } from './collector.ts';

/**
 * Whole collectors under random faults and reloads on virtual time; a seed replays a run exactly.
 * Proves: the books balance after every step, nothing is invented, and whatever the sender heard yes for has arrived or
 * is counted as lost. Does not prove anything of real sockets or of the order of items.
 */

interface Dice {
  (): number;
  below(n: number): number;
  chance(p: number): boolean;
}

/** mulberry32 */
function dice(seed: number): Dice {
  let state = seed;
  const roll = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Object.assign(roll, {
    below: (n: number) => Math.floor(roll() * n),
    chance: (p: number) => roll() < p,
  });
}

/** A backend that answers as the dice say, and remembers what it took. */
class Backend {
  readonly arrived = new Set<string>();
  /** Items of all batches it said yes to, less those it rejected. */
  taken = 0;
  inexact = false;
  /** Share of tries that go wrong. */
  trouble: number;
  readonly #dice: Dice;

  constructor(rolls: Dice) {
    this.#dice = rolls;
    this.trouble = rolls();
  }

  answer(ids: readonly string[]): Outcome | Promise<Outcome> {
    const fault = this.#dice.chance(this.trouble) ? this.#dice.below(8) : -1;
    if (fault === 0) throw new Error('a bug in the sender');
    if (fault === 1) return new Promise(() => {});
    if (fault === 2) return permanent('rejected', 'no');
    if (fault === 3 && ids.length > 1) {
      this.taken += ids.length - 1;
      for (const id of ids) this.arrived.add(id);
      return partial(1, 'one is bad');
    }
    if (fault === 4) return retryable('slow down', this.#dice.below(2000));
    if (fault >= 5) return retryable('down');
    this.taken += ids.length;
    for (const id of ids) this.arrived.add(id);
    return settled().then(() => accepted);
  }
}

function exporterPart(backend: Backend, rolls: Dice): Part {
  const wait = rolls.chance(0.3);
  const block = rolls.chance(0.3);
  const policy = rolls.chance(0.5) ? 'refuse' : rolls.chance(0.5) ? 'drop_new' : 'drop_oldest';
  const enabled = rolls.chance(0.8);
  const queue = {
    enabled,
    queue_size: 2 + rolls.below(30),
    num_consumers: 1 + rolls.below(4),
    wait_for_result: wait,
    block_on_overflow: block,
    // A queue that gives up lets nobody wait.
    on_overflow: !enabled || wait || block ? 'refuse' : policy,
    budget_percentage: rolls.chance(0.3) ? 1 + rolls.below(60) : undefined,
    batch: rolls.chance(0.5) ? { min_size: 1 + rolls.below(10), max_size: rolls.chance(0.5) ? 10 : 0 } : undefined,
  };
  // Of a request sent in two parts of which one must come again, the other is not counted as sent.
  if (wait && queue.batch?.max_size) backend.inexact = true;
  const retry = { enabled: rolls.chance(0.8), initial_interval: '500ms', max_elapsed_time: `${1 + rolls.below(60)}s` };
  const factory = exporterOf((settings, { queue, retry }) => {
    const stack = {
      sending_queue: sendingQueue().parse(queue),
      retry_on_failure: retryOnFailure().parse(retry),
      timeout: 2000,
    };
    return exporter(settings, stack, { send: async (payload) => backend.answer(idsOf(payload)) });
  });
  return { factory, config: { queue, retry } };
}

function randomConfig(inlet: Inlet, backends: readonly Backend[], rolls: Dice): TestConfig {
  const [first, second] = backends.map((backend) => exporterPart(backend, rolls));
  const batchConfig = {
    send_batch_size: 1 + rolls.below(20),
    timeout: rolls.chance(0.2) ? 0 : 200,
    send_batch_max_size: rolls.chance(0.3) ? 20 : 0,
    metadata_keys: [],
    metadata_cardinality_limit: 1000,
  };
  const processors = rolls.chance(0.7) ? ['batch'] : [];
  const exporters = rolls.chance(0.7) ? ['first', 'second'] : ['first'];
  const base = {
    receivers: { inlet },
    processors: { batch: { factory: batch, config: batchConfig } },
    exporters: { first: first!, second: second! },
    connectors: { forward: { factory: forward } },
  };
  if (!rolls.chance(0.3)) return { ...base, pipelines: { traces: { receivers: ['inlet'], processors, exporters } } };
  return {
    ...base,
    pipelines: {
      traces: { receivers: ['inlet'], processors, exporters: ['forward'] },
      'traces/out': { receivers: ['forward'], exporters },
    },
  };
}

/** @returns whether everything ended before the deadline */
async function stop(collector: Collector, clock: FakeClock, patient: boolean): Promise<boolean> {
  const deadline = new AbortController();
  let stopped = false;
  const stopping = collector.shutdown(deadline.signal).then(() => (stopped = true));
  for (let waited = 0; !stopped && waited < 100; waited++) {
    if (!patient && waited === 2) deadline.abort();
    await clock.advance(1000);
  }
  const drained = stopped && !deadline.signal.aborted;
  deadline.abort();
  await stopping;
  return drained;
}

const seeds = Array.from({ length: 60 }, (_, i) => i + 1);

test.each(seeds)('seed %i: faults, reloads and a shutdown lose nothing uncounted and invent nothing', async (seed) => {
  const rolls = dice(seed);
  const memory = new MemoryBudget(rolls.chance(0.3) ? 2000 : 1 << 20);
  const env = testSettings({ memory, random: rolls });
  const inlet = new Inlet();
  const backends = [new Backend(rolls), new Backend(rolls)];
  const reloads = rolls.chance(0.5);
  const collector = buildCollector(resolvedConfig(randomConfig(inlet, backends, rolls)), env);
  await collector.start();

  const sent = new Set<string>();
  const promised = new Set<string>();
  const answers: Promise<void>[] = [];
  for (let step = 0; step < 40; step++) {
    for (let request = rolls.below(4); request > 0; request--) {
      const ids = Array.from({ length: 1 + rolls.below(6) }, (_, i) => `${step}.${request}.${i}`);
      for (const id of ids) sent.add(id);
      answers.push(
        inlet.send(stamped('traces', ids)).then((outcome) => {
          if (outcome.status === 'accepted' && !outcome.rejectedItems) for (const id of ids) promised.add(id);
        }),
      );
    }
    if (rolls.chance(0.1)) backends[rolls.below(2)]!.trouble = rolls();
    if (reloads && rolls.chance(0.1)) await collector.reload(resolvedConfig(randomConfig(inlet, backends, rolls)));
    await env.clock.advance(rolls.below(500));
    expect(collector.ledger().branches.filter(({ balanced }) => !balanced)).toEqual([]);
  }
  const drained = await stop(collector, env.clock, rolls.chance(0.5));
  await Promise.all(answers);

  const { branches } = collector.ledger();
  expect(branches.filter(({ balanced, held }) => !balanced || held !== 0)).toEqual([]);
  expect(memory.used).toBe(0);
  expect(env.clock.timers).toBe(0);
  for (const [i, name] of ['first', 'second'].entries()) {
    const rows = branches.filter(({ exporter }) => exporter === name);
    const counted = rows.reduce((sum, row) => sum + row.sent, 0);
    // A send that the deadline cancelled may have arrived all the same.
    if (drained && !backends[i]!.inexact) expect(counted).toBe(backends[i]!.taken);
    else expect(counted).toBeLessThanOrEqual(backends[i]!.taken);
    expect([...backends[i]!.arrived].filter((id) => !sent.has(id))).toEqual([]);
  }
  if (reloads) return;
  const total = (row: { dropped: Readonly<Record<string, number>> }) =>
    Object.values(row.dropped).reduce((sum, items) => sum + items, 0);
  for (const row of branches.filter(({ exporter }) => exporter !== 'forward')) {
    const backend = backends[row.exporter === 'first' ? 0 : 1]!;
    const missing = [...promised].filter((id) => !backend.arrived.has(id)).length;
    const upstream = branches.find(({ exporter }) => exporter === 'forward');
    expect(missing).toBeLessThanOrEqual(total(row) + (upstream ? total(upstream) : 0));
  }
});
