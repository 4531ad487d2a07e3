import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { balanced, settled, unbalanced } from './balance.ts';
import { config, PatientSender } from './faults.ts';
import { ids, ledger, running, until } from './running.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-disk-'));
const mounted: string[] = [];
afterAll(() => {
  for (const path of mounted) execFileSync('umount', [path]);
  rmSync(folder, { recursive: true, force: true });
});

const soon = 'retry_on_failure: { initial_interval: 50ms, max_interval: 100ms }';

/** Names of the spans in a file of OTLP/JSON lines, each of which must be whole. */
function namesIn(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  const spans = lines.flatMap((line) => JSON.parse(line).resourceSpans.flatMap((it: any) => it.scopeSpans));
  return spans.flatMap((scope: any) => scope.spans.map((span: { name: string }) => span.name));
}

/** A file system of one megabyte, or why there is none. */
function smallDisk(): { path: string } | { missing: string } {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return { missing: 'only root on Linux may mount one' };
  const path = join(folder, 'small');
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'pipe' });
    mounted.push(path);
    return { path };
  } catch (error) {
    return { missing: `mounting a tmpfs failed: ${(error as Error).message}` };
  }
}

test('a disk that is full for a while: told, no torn line, and all is written once there is room', async (context) => {
  const disk = smallDisk();
  if ('missing' in disk) return context.skip(disk.missing);
  const out = join(disk.path, 'out.jsonl');
  const ballast = join(disk.path, 'ballast');
  writeFileSync(ballast, Buffer.alloc(1_000_000));
  const exporters = `  file: { path: ${out}, ${soon}, sending_queue: { num_consumers: 1 } }`;
  await running(config({ exporters, names: 'file' }), {}, async (sluice) => {
    const sender = new PatientSender(sluice);
    for (let n = 0; n < 50; n++) await sender.once(ids(`disk${n}-`, 50));
    expect(sender.accepted).toHaveLength(2500);
    await until('the full disk is told', () => /the disk is full: free space/.test(sluice.stderr()));
    expect((await balanced(sluice))[0]!.held).toBeGreaterThan(0);
    rmSync(ballast);
    await settled(sluice);
    expect(namesIn(out).sort()).toEqual([...sender.accepted].sort());
    sender.close();
  });
});

test('a device that is always full: held, told, and counted as lost at the end', async (context) => {
  if (!existsSync('/dev/full')) return context.skip('there is no /dev/full');
  const exporters = `  file: { path: /dev/full, ${soon}, sending_queue: { queue_size: 3 } }`;
  const yaml = config({ exporters, names: 'file', processors: 'batch', service: '  shutdown_timeout: 300ms' });
  const stopped = await running(yaml, {}, async (sluice) => {
    const sender = new PatientSender(sluice);
    for (let n = 0; n < 10; n++) await sender.once(ids(`never${n}-`, 10));
    expect(sender.accepted).toHaveLength(100);
    await until('it is told', () => /the disk is full/.test(sluice.stderr()));
    expect(unbalanced((await ledger(sluice)).branches)).toEqual([]);
    sender.close();
  });
  expect(stopped.stderr()).toMatch(/received 100, sent 0, dropped 100 \(shutdown 100\), held 0/);
});

test('a folder that cannot be written yet: told with what to do, and all is written once it can', async () => {
  // The superuser may write anywhere, but nobody into a folder that is not there.
  const place = join(folder, 'late');
  const asRoot = process.getuid?.() === 0;
  if (!asRoot) {
    mkdirSync(place);
    chmodSync(place, 0o500);
  }
  const out = join(place, 'out.jsonl');
  const exporters = `  file: { path: ${out}, ${soon}, sending_queue: }`;
  await running(config({ exporters, names: 'file' }), {}, async (sluice) => {
    const sender = new PatientSender(sluice);
    await sender.once(ids('late-', 10));
    const told = asRoot ? /the folder is missing: make it/ : /this user may not write there: change/;
    await until('it is told', () => told.test(sluice.stderr()));
    expect((await balanced(sluice))[0]!.held).toBe(10);
    if (asRoot) mkdirSync(place);
    else chmodSync(place, 0o700);
    await settled(sluice);
    expect(namesIn(out)).toEqual(sender.accepted);
    sender.close();
  });
});
