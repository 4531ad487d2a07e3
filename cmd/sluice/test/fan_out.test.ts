import { expect, test } from 'vitest';
import { GrpcBackend } from '../../../internal/testkit/grpc_backend.ts';
import { balanced, branchOf, differences, settled } from './balance.ts';
import { config, otlp, PatientSender } from './faults.ts';
import { ids, metrics, type Running, running, until } from './running.ts';

const budgetMib = 12;
const names = ['alive1', 'alive2', 'ill'] as const;

/** One pipeline to three backends; what the third one's queue does when it is full is `policy`. */
function toThree(policy: string, processors: string): string {
  const exporters = names.map((name) => {
    const queue = name === 'ill' ? `    sending_queue: { ${policy} }` : '';
    return otlp(queue, name.toUpperCase(), `otlp/${name}`);
  });
  return config({
    exporters: exporters.join(''),
    names: names.map((name) => `otlp/${name}`).join(', '),
    processors,
    service: `  memory_budget_mib: ${budgetMib}\n  shutdown_timeout: 500ms`,
  });
}

async function gauge(sluice: Running, name: string): Promise<number> {
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(await metrics(sluice))?.[1]);
}

/** Some 30 MB from four senders at once, several times what the budget holds. @returns what was taken */
async function fullIntake(sluice: Running): Promise<string[]> {
  const senders = [1, 2, 3, 4].map(() => new PatientSender(sluice));
  await Promise.all(
    senders.map(async (sender, s) => {
      for (let n = 0; n < 75; n++) await sender.untilTaken(ids(`${s}.${n}-`, 10), 100_000);
    }),
  );
  for (const sender of senders) sender.close();
  return senders.flatMap((sender) => sender.accepted);
}

test.each([
  ['dead', 'drop_oldest', ''],
  ['dead', 'drop_oldest', 'batch'],
  ['dead', 'drop_new', 'batch'],
  ['silent', 'drop_oldest', 'batch'],
] as const)(
  'three backends, one of them %s with on_overflow: %s, processors [%s]: the other two have everything at full intake',
  async (illness, policy, processors) => {
    const [alive1, alive2, ill] = (await Promise.all(names.map(() => GrpcBackend.start()))) as [
      GrpcBackend,
      GrpcBackend,
      GrpcBackend,
    ];
    if (illness === 'dead') ill.down();
    else ill.reply = () => 'hang';
    const env = { ALIVE1: alive1.address, ALIVE2: alive2.address, ILL: ill.address };
    const yaml = toThree(`on_overflow: ${policy}, num_consumers: 2`, processors);
    const stopped = await running(yaml, env, async (sluice) => {
      // With `refuse` it would end when the queue of the ill one is full.
      const accepted = await fullIntake(sluice);
      expect(accepted).toHaveLength(3000);
      for (const backend of [alive1, alive2]) {
        await until('the living have it all', () => backend.accepted.length >= 3000);
        expect(differences(accepted, backend.accepted)).toEqual({ missing: [], tooOften: [] });
      }
      await until('only the ill one holds something', async () => {
        const branches = await balanced(sluice);
        return branches.every(({ exporter, held }) => exporter === 'otlp/ill' || held === 0);
      });
      const branches = await balanced(sluice);
      for (const name of ['alive1', 'alive2']) {
        expect(branchOf(branches, 'traces', `otlp/${name}`)).toMatchObject({ sent: 3000, surplus: 0, dropped: {} });
      }
      const { held, dropped } = branchOf(branches, 'traces', 'otlp/ill');
      expect(dropped).toEqual({ queue_full: 3000 - held });
      expect(held).toBeGreaterThan(0);
      expect(await gauge(sluice, 'otelcol_exporter_enqueue_failed_spans\\{[^}]*otlp/ill[^}]*\\}')).toBe(3000 - held);
      // What is handed on is counted twice for a moment, by who gives and by who takes (docs/adr/0005): up to half as much
      // again as the budget, and the batch that tips it.
      const tipping = 2 ** 20;
      const most = budgetMib * 2 ** 20 * 1.5 + tipping;
      expect(await gauge(sluice, 'sluice_memory_held_peak_bytes')).toBeLessThanOrEqual(most);
      expect(await gauge(sluice, 'sluice_memory_held_bytes')).toBeLessThanOrEqual((budgetMib * 2 ** 20) / 4);
      await comesBack(sluice, ill, illness, held);
    });
    const told = stopped
      .stderr()
      .split('\n')
      .filter((line) => line.includes('giving items up for good'));
    // Once in ten seconds, however much is given up.
    const times = told.map((line) => Date.parse(line.split(' ', 1)[0]!) / 10_000);
    expect(times.length).toBeGreaterThan(0);
    expect(times.length).toBeLessThanOrEqual(1 + Math.ceil(times.at(-1)! - times[0]!));
    for (const backend of [alive1, alive2, ill]) backend.down();
  },
  // 30 MB through five processes: three seconds, or a minute where a dozen tests share two cores.
  180_000,
);

/** What its queue has kept arrives once it is well again. */
async function comesBack(sluice: Running, ill: GrpcBackend, illness: 'dead' | 'silent', held: number): Promise<void> {
  if (illness === 'silent') {
    ill.reply = () => 'ok';
    ill.release();
  } else await ill.up();
  const branch = branchOf(await settled(sluice), 'traces', 'otlp/ill');
  expect(branch).toMatchObject({ sent: held, dropped: { queue_full: 3000 - held } });
  expect(new Set(ill.accepted).size).toBe(held);
}
