import { expect, test } from 'vitest';
import { GrpcBackend, type Reply } from '../../../internal/testkit/grpc_backend.ts';
import { stamped } from '../../../internal/testkit/stamped.ts';
import { balanced, branchOf, differences, settled } from './balance.ts';
import { config, otlp, PatientSender } from './faults.ts';
import { type GrpcReply, GrpcSender, ids, metrics, type Running, running, until } from './running.ts';

/** UNAVAILABLE, with the time after which to come again. */
function expectAskedToRetry(refusals: readonly GrpcReply[]): void {
  expect(refusals.length).toBeGreaterThan(0);
  for (const refusal of refusals) {
    expect(refusal).toMatchObject({ code: 14 });
    expect(refusal.retryAfterMs).toBeGreaterThan(0);
  }
}

async function exactly(sender: PatientSender, backend: GrpcBackend): Promise<void> {
  await until('all is there', () => differences(sender.accepted, backend.accepted).missing.length === 0);
  expect(differences(sender.accepted, backend.accepted)).toEqual({ missing: [], tooOften: [] });
}

test('a full queue asks senders to retry, and what it took arrives when the backend is back', async () => {
  const backend = await GrpcBackend.start();
  backend.down();
  const yaml = config({ exporters: otlp('    sending_queue: { queue_size: 5, num_consumers: 2 }') });
  await running(yaml, { BACKEND: backend.address }, async (sluice) => {
    const sender = new PatientSender(sluice);
    for (let n = 0; n < 20; n++) await sender.once(ids(`full${n}-`, 10));
    expect(sender.accepted).toHaveLength(50);
    expectAskedToRetry(sender.refusals);
    expect(sender.refusals[0]!.reason).toMatch(/queue is full/);
    const [branch] = await balanced(sluice);
    expect(branch).toMatchObject({ received: 200, refused: 150, held: 50 });
    await until('it is told', () => /refusing batches.*queue is full/.test(sluice.stderr()));
    await backend.up();
    for (let n = 0; n < 20; n++) await sender.untilTaken(ids(`again${n}-`, 10));
    await exactly(sender, backend);
    expect(branchOf(await settled(sluice), 'traces').dropped).toEqual({});
    sender.close();
  });
  backend.down();
});

test.for([
  ['the queue', ''],
  ['batch', 'batch'],
])(
  'a full memory budget before %s asks senders to retry, holds no more than it may, and frees itself',
  async ([, processors]) => {
    const backend = await GrpcBackend.start();
    backend.down();
    const yaml = config({ exporters: otlp(), processors: processors!, service: '  memory_budget_mib: 2' });
    await running(yaml, { BACKEND: backend.address }, async (sluice) => {
      const sender = new PatientSender(sluice);
      for (let n = 0; n < 40; n++) await sender.once(ids(`heavy${n}-`, 10), 100_000);
      expectAskedToRetry(sender.refusals);
      expect(sender.accepted.length).toBeGreaterThan(100);
      const held = await heldBytes(sluice);
      expect(held).toBeLessThanOrEqual(2 * 2 ** 20);
      expect(held).toBeGreaterThan(1.5 * 2 ** 20);
      await balanced(sluice);
      await backend.up();
      for (let n = 0; n < 10; n++) await sender.untilTaken(ids(`light${n}-`, 10));
      await exactly(sender, backend);
      await settled(sluice);
      expect(await heldBytes(sluice)).toBe(0);
      sender.close();
    });
    backend.down();
  },
);

async function heldBytes(sluice: Running): Promise<number> {
  return Number(/^sluice_memory_held_bytes(?:\{[^}]*\})? (\d+)/m.exec(await metrics(sluice))?.[1]);
}

const twoExporters = `${otlp('    sending_queue: { queue_size: 4 }', 'DEAD', 'otlp/dead')}${otlp('', 'BACKEND', 'otlp/alive')}`;

test('fan-out to two, one of them dead: the living one has it all, and both balance', async () => {
  const [dead, alive] = await Promise.all([GrpcBackend.start(), GrpcBackend.start()]);
  dead.down();
  const yaml = config({
    exporters: twoExporters,
    names: 'otlp/dead, otlp/alive',
    service: '  shutdown_timeout: 500ms',
  });
  const stopped = await running(yaml, { DEAD: dead.address, BACKEND: alive.address }, async (sluice) => {
    const sender = new PatientSender(sluice);
    for (let n = 0; n < 10; n++) await sender.once(ids(`both${n}-`, 10));
    // Four fit into the queue of the dead one; then the sender is told to come again.
    expect(sender.accepted).toHaveLength(40);
    expectAskedToRetry(sender.refusals);
    await until('the living one has it', () => differences(sender.accepted, alive.accepted).missing.length === 0);
    const branches = await balanced(sluice);
    expect(branchOf(branches, 'traces', 'otlp/dead')).toMatchObject({ received: 100, refused: 60, held: 40 });
    expect(branchOf(branches, 'traces', 'otlp/alive')).toMatchObject({ received: 100, refused: 60, surplus: 60 });
    sender.close();
  });
  expect(stopped.stderr()).toMatch(/traces → otlp\/dead: received 100, sent 0, refused 60, dropped 40 \(shutdown 40\)/);
  expect(stopped.stderr()).toMatch(
    /traces → otlp\/alive: received 100, taken twice 60, sent 100, refused 60, dropped 0/,
  );
  alive.down();
});

test('fan-out behind batch, one of them dead for a while: nothing is lost, and both balance', async () => {
  const [dead, alive] = await Promise.all([GrpcBackend.start(), GrpcBackend.start()]);
  dead.down();
  const yaml = config({ exporters: twoExporters, names: 'otlp/dead, otlp/alive', processors: 'batch' });
  await running(yaml, { DEAD: dead.address, BACKEND: alive.address }, async (sluice) => {
    const sender = new PatientSender(sluice);
    for (let n = 0; n < 30; n++) {
      await sender.untilTaken(ids(`fan${n}-`, 5));
      // Each in a batch of its own, so that the dead one's queue overflows.
      await until('it has left', () => alive.accepted.includes(`fan${n}-0`) || n > 5);
    }
    await balanced(sluice);
    await dead.up();
    for (const backend of [dead, alive]) {
      await until('all is there', () => differences(sender.accepted, backend.accepted).missing.length === 0);
    }
    await settled(sluice);
    sender.close();
  });
  dead.down();
  alive.down();
});

test('wait_for_result: the sender hears what the backend said', async () => {
  const backend = await GrpcBackend.start();
  const said: Reply[] = [
    'ok',
    { code: 3, reason: 'not like this' },
    { rejected: 2, reason: 'two are too many' },
    { code: 14, reason: 'busy', retryAfterMs: 30 },
    'ok',
  ];
  backend.reply = () => said.shift() ?? 'ok';
  const yaml = config({ exporters: otlp('    sending_queue: { wait_for_result: true }') });
  await running(yaml, { BACKEND: backend.address }, async (sluice) => {
    const sender = new GrpcSender(sluice);
    const send = (name: string) => sender.exchange('traces', Buffer.concat(stamped('traces', ids(name, 10)).chunks));
    expect((await send('yes-')).code).toBe(0);
    expect(await send('no-')).toMatchObject({ code: 3, reason: expect.stringMatching(/not like this/) });
    expect((await send('partly-')).code).toBe(0);
    expect((await send('later-')).code).toBe(0);
    expect(backend.accepted).toEqual([...ids('yes-', 10), ...ids('partly-', 10), ...ids('later-', 10)]);
    const [branch] = await settled(sluice);
    expect(branch).toMatchObject({ received: 40, sent: 28, refused: 12, dropped: {} });
    sender.close();
  });
  backend.down();
});

test('wait_for_result: a sender whose backend is dead is not told yes, and nothing is held for it', async () => {
  const backend = await GrpcBackend.start();
  backend.down();
  const more = '    sending_queue: { wait_for_result: true }\n';
  const exporters = otlp(more).replace('max_interval: 100ms', 'max_interval: 100ms, max_elapsed_time: 300ms');
  await running(config({ exporters }), { BACKEND: backend.address }, async (sluice) => {
    const sender = new PatientSender(sluice);
    expect(await sender.once(ids('nobody-', 10))).toBe(false);
    expect(sender.refusals[0]!.code).toBe(14);
    const [branch] = await settled(sluice);
    expect(branch).toMatchObject({ received: 10, sent: 0, refused: 10, dropped: {} });
    sender.close();
  });
});
