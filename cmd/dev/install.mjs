// Runs on whatever Node the host has (20 or newer), before the project's own Node is there: plain JavaScript, built-ins only.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const stamp = 'node_modules/.sluice-installed';
const wanted = readFileSync('package-lock.json', 'utf8');
const have = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';

if (have !== wanted) {
  console.error('sluice: installing packages (once) …');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'];
  const run = npm
    ? spawnSync(process.execPath, [npm, ...args], { stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (run.status !== 0) {
    console.error(
      'sluice: npm ci failed; its message is above. Check the network or the npm registry, then run the command again.',
    );
    process.exit(run.status ?? 1);
  }
  if (!existsSync('node_modules/.bin/node') && !existsSync('node_modules/.bin/node.cmd')) {
    console.error(`sluice: no Node 26 package for ${process.platform}-${process.arch}; using Node ${process.version}.`);
    if (Number(process.versions.node.split('.')[0]) < 26) {
      console.error('sluice: it is too old. Install Node 26 or newer, then run the command again.');
      process.exit(1);
    }
  }
  checkRuntime();
  writeFileSync(stamp, wanted);
}

/** Node's Linux build wants libatomic, which slim images leave out; say so rather than fail at the first script. */
function checkRuntime() {
  const node = 'node_modules/.bin/node';
  if (!existsSync(node)) return;
  const run = spawnSync(node, ['--version'], { encoding: 'utf8' });
  if (run.status === 0) return;
  console.error(`sluice: the project's own Node does not run here: ${(run.stderr || run.error?.message || '').trim()}`);
  if (/libatomic/.test(run.stderr ?? ''))
    console.error('sluice: install libatomic (Debian: apt-get install libatomic1), then run the command again.');
  process.exit(1);
}
