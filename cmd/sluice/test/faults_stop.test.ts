import { expect, test } from 'vitest';
import { GrpcBackend } from '../../../internal/testkit/grpc_backend.ts';
import { differences, settled, unbalanced } from './balance.ts';
import { config, otlp, PatientSender } from './faults.ts';
import { ids, ledger, metrics, running, until } from './running.ts';

test('retries that are exhausted are counted as lost, with that reason', async () => {
  const backend = await GrpcBackend.start();
  backend.down();
  const exporters = otlp().replace('max_interval: 100ms', 'max_interval: 100ms, max_elapsed_time: 300ms');
  const stopped = await running(config({ exporters }), { BACKEND: backend.address }, async (sluice) => {
    const sender = new PatientSender(sluice);
    expect(await sender.once(ids('patience-', 10))).toBe(true);
    await until('it is given up', async () => (await ledger(sluice)).branches[0].held === 0);
    expect((await settled(sluice))[0]!.dropped).toEqual({ retries_exhausted: 10 });
    sender.close();
  });
  expect(stopped.stderr()).toMatch(/received 10, sent 0, dropped 10 \(retries_exhausted 10\), held 0/);
});

/** The state in which the signal finds the exporter, and what the backend has done until then. */
const states: readonly (readonly [state: string, prepare: (backend: GrpcBackend) => void])[] = [
  ['the backend is dead', (backend) => backend.down()],
  ['the backend hangs', (backend) => (backend.reply = () => 'hang')],
  [
    'the backend refuses for now',
    (backend) => (backend.reply = () => ({ code: 14, reason: 'busy', retryAfterMs: 500 })),
  ],
];

for (const [state, prepare] of states) {
  for (const processors of ['', 'batch']) {
    test(`a stop while ${state}${processors && ', with batch before it'}: what is left is counted in the last lines`, async () => {
      const backend = await GrpcBackend.start();
      prepare(backend);
      // Half a queue of 4 that 2 consumers work at: some are being sent, some wait, with batch some wait before it.
      const exporters = otlp('    sending_queue: { queue_size: 4, num_consumers: 2 }');
      const yaml = config({ exporters, processors, service: '  shutdown_timeout: 400ms' });
      let taken = 0;
      let received = 0;
      const stopped = await running(yaml, { BACKEND: backend.address }, async (sluice) => {
        const sender = new PatientSender(sluice);
        for (let n = 0; n < 12; n++) {
          await sender.once(ids(`left${n}-`, 10));
          received += 10;
          if (processors && n < 8)
            await until('the batch has left', async () => queueIs(await metrics(sluice), Math.min(n + 1, 4)));
        }
        taken = sender.accepted.length;
        const { branches } = await ledger(sluice);
        expect(unbalanced(branches)).toEqual([]);
        expect(branches[0].held).toBe(taken);
        sender.close();
      });
      expect(taken).toBe(processors ? 120 : 40);
      const refused = received - taken ? ` refused ${received - taken},` : '';
      const lastLine = `received ${received}, sent 0,${refused} dropped ${taken} (shutdown ${taken}), held 0`;
      expect(stopped.stderr()).toContain(lastLine);
      expect(backend.accepted).toEqual([]);
      backend.down();
    });
  }
}

function queueIs(text: string, size: number): boolean {
  return new RegExp(`^otelcol_exporter_queue_size\\{[^}]*\\} ${size}$`, 'm').test(text);
}

test('a stop while all is well drains everything, and the last line says so', async () => {
  const backend = await GrpcBackend.start();
  backend.reply = () => ({ afterMs: 50 });
  const yaml = config({ exporters: otlp('    sending_queue: { num_consumers: 2 }'), processors: 'batch' });
  const accepted: string[] = [];
  const stopped = await running(yaml, { BACKEND: backend.address }, async (sluice) => {
    const sender = new PatientSender(sluice);
    for (let n = 0; n < 30; n++) await sender.once(ids(`well${n}-`, 10));
    accepted.push(...sender.accepted);
    sender.close();
  });
  expect(accepted).toHaveLength(300);
  expect(differences(accepted, backend.accepted)).toEqual({ missing: [], tooOften: [] });
  expect(stopped.stderr()).toMatch(/received 300, sent 300, dropped 0, held 0/);
  backend.down();
});
