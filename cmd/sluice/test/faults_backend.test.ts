import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startSluice } from '../../../bench/peers/sluice.ts';
import type { LedgerBranch } from '../../../internal/core/ledger.ts';
import { GrpcBackend } from '../../../internal/testkit/grpc_backend.ts';
import { branchOf, differences, settled } from './balance.ts';
import { GrpcSender, ids, metrics, otlpReceiver, pipelines, type Running, until } from './running.ts';

/** One collector lives through every fault of its backend; after each of them its ledger must balance. */
let sluice: Running;
let backend: GrpcBackend;
let sender: GrpcSender;
const accepted: string[] = [];
/** Ids that the backend refused for good. */
const refused = new Set<string>();

const yaml = `${otlpReceiver}
processors: { batch: { timeout: 20ms } }
exporters:
  otlp:
    endpoint: "\${env:BACKEND}"
    tls: { insecure: true }
    timeout: 1s
    retry_on_failure: { initial_interval: 50ms, max_interval: 200ms }
${pipelines('otlp')}`;

beforeAll(async () => {
  backend = await GrpcBackend.start();
  // Down at the start: the address is known, and nobody listens there.
  backend.down();
  sluice = await startSluice({ yaml, env: { BACKEND: backend.address } });
  sender = new GrpcSender(sluice);
}, 30_000);

afterAll(async () => {
  sender?.close();
  await sluice?.stop();
  backend?.down();
});

afterEach(async () => {
  backend.reply = () => 'ok';
  await settled(sluice);
  expect(sluice.stderr()).not.toMatch(/a bug|uncaught|unhandled/i);
});

async function send(name: string, count = 20): Promise<void> {
  const batch = ids(name, count);
  expect(await sender.send('traces', batch)).toBe(0);
  accepted.push(...batch);
}

/** Everything that was accepted and not refused for good is there, once. */
async function allThere(): Promise<void> {
  const wanted = accepted.filter((id) => !refused.has(id));
  await until('everything has arrived', () => differences(wanted, backend.accepted).missing.length === 0);
  expect(differences(wanted, backend.accepted)).toEqual({ missing: [], tooOften: [] });
}

async function traces(): Promise<LedgerBranch> {
  return branchOf(await settled(sluice), 'traces');
}

function lost(branch: LedgerBranch): number {
  return Object.values(branch.dropped).reduce((sum, items) => sum + items, 0);
}

test('a backend that is down at the start gets everything once it is up', async () => {
  for (let n = 0; n < 5; n++) await send(`early${n}-`);
  await until('the outage is told', () => /backend unreachable/.test(sluice.stderr()));
  await backend.up();
  await allThere();
  await until('the end of the outage is told', () => /backend is back/.test(sluice.stderr()));
});

test('a backend that is killed in the middle of requests gets them again when it is back', async () => {
  backend.reply = () => 'hang';
  const before = backend.requests;
  await send('cut-');
  await until('the backend has the request', () => backend.requests > before);
  backend.down();
  await send('meanwhile-');
  backend.reply = () => 'ok';
  await backend.up();
  await allThere();
});

test('UNAVAILABLE with RetryInfo is waited out', async () => {
  let refusals = 0;
  backend.reply = () => (refusals++ < 4 ? { code: 14, reason: 'busy', retryAfterMs: 100 } : 'ok');
  for (let n = 0; n < 5; n++) await send(`busy${n}-`);
  await allThere();
  expect(refusals).toBeGreaterThan(4);
});

test('RESOURCE_EXHAUSTED with RetryInfo is waited out, too', async () => {
  let refusals = 0;
  backend.reply = () => (refusals++ < 3 ? { code: 8, reason: 'quota', retryAfterMs: 50 } : 'ok');
  await send('quota-');
  await allThere();
});

test('RESOURCE_EXHAUSTED without RetryInfo is final, as OTLP has it: counted and told', async () => {
  const before = await traces();
  backend.reply = () => ({ code: 8, reason: 'the quota of the month is used up' });
  for (const id of ids('over-', 20)) refused.add(id);
  await send('over-');
  const after = await traces();
  expect(lost(after) - lost(before)).toBe(20);
  await until('it is told', () => /the quota of the month is used up/.test(sluice.stderr()));
  await allThere();
});

test('what a partial success leaves out is counted as lost, and what the backend said is logged', async () => {
  const before = await traces();
  const failedBefore = await failedSpans();
  backend.reply = () => ({ rejected: 3, reason: 'three were too old' });
  await send('partly-');
  await until('it is counted', async () => lost(await traces()) - lost(before) === 3);
  const after = await traces();
  expect(after.sent - before.sent).toBe(17);
  expect((await failedSpans()) - failedBefore).toBe(3);
  await until('it is told', () => /three were too old/.test(sluice.stderr()));
});

test('one poisoned request in a batch of many is isolated: the others arrive', async () => {
  const before = await traces();
  backend.reply = (got) =>
    got.some((id) => id.startsWith('poison-')) ? { code: 3, reason: 'there is poison in it' } : 'ok';
  for (const id of ids('poison-', 5)) refused.add(id);
  const calls: Promise<void>[] = [];
  for (let n = 0; n < 40; n++) calls.push(n === 17 ? send('poison-', 5) : send(`pure${n}-`, 5));
  await Promise.all(calls);
  await allThere();
  const after = await traces();
  expect(lost(after) - lost(before)).toBe(5);
  expect(after.dropped.invalid).toBe(5);
});

test('a backend that hangs is given up after the timeout, and asked again', async () => {
  let hung = 0;
  backend.reply = () => (hung++ < 2 ? 'hang' : 'ok');
  await send('hung-');
  await allThere();
  expect(hung).toBe(3);
});

test('a slow backend gets everything once', async () => {
  backend.reply = () => ({ afterMs: 300 });
  for (let n = 0; n < 30; n++) await send(`slow${n}-`);
  await allThere();
});

test('many faults one after the other, while telemetry flows, lose nothing and invent nothing', async () => {
  let going = true;
  const traffic = (async () => {
    for (let n = 0; going; n++) await send(`flow${n}-`, 3);
  })();
  for (let round = 0; round < 3; round++) {
    const reached = backend.requests + 5;
    backend.reply = () => (round % 2 ? { code: 14, reason: 'no' } : 'ok');
    await until('some requests came', () => backend.requests >= reached);
    backend.down();
    const before = accepted.length;
    await until('telemetry is accepted meanwhile', () => accepted.length > before + 30);
    backend.reply = () => 'ok';
    await backend.up();
  }
  going = false;
  await traffic;
  const wanted = accepted.filter((id) => !refused.has(id));
  await until('everything has arrived', () => differences(wanted, backend.accepted).missing.length === 0);
  // A request that the backend took may come again where its answer was cut off: at least once, and only those.
  for (const id of differences(wanted, backend.accepted).tooOften) expect(id).toMatch(/^flow/);
});

async function failedSpans(): Promise<number> {
  const found = /^otelcol_exporter_send_failed_spans(?:_total)?\{[^}]*\} (\d+)/m.exec(await metrics(sluice));
  return Number(found?.[1] ?? 0);
}
