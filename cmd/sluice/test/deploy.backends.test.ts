import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { promtoolPath } from '../../../bench/peers/backends/prometheus.ts';
import { isMissing } from '../../../bench/peers/backends/skip.ts';

const run = promisify(execFile);

test.skipIf(await isMissing('prometheus')).each([
  ['check', 'config', 'prometheus.yml'],
  ['check', 'rules', '--lint-fatal', 'alerts.yml'],
  ['test', 'rules', 'alerts_test.yml'],
])('promtool %s %s', async (...args) => {
  const { stdout } = await run(await promtoolPath(), args, { cwd: 'deploy/backends' });
  expect(stdout).toContain('SUCCESS');
});
