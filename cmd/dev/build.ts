/** `npm run build`: bundles the program and makes one executable file, dist/sluice, that needs no Node on the machine. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';

const dist = process.argv[2] ?? 'dist';
const output = join(dist, process.platform === 'win32' ? 'sluice.exe' : 'sluice');

/** snappy's native addon, carried as an asset: the dynamic loader wants a file, so it is written out when first asked for. */
const snappyShim = `
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRawAsset } from 'node:sea';
const loaded = { exports: {} };
// A container's root may be read-only.
const places = [tmpdir(), '/dev/shm', '.'];
for (const [at, place] of places.entries()) {
  let folder;
  try {
    folder = mkdtempSync(join(place, 'sluice-'));
    const file = join(folder, 'snappy.node');
    writeFileSync(file, new Uint8Array(getRawAsset('snappy.node')), { mode: 0o500 });
    process.dlopen(loaded, file);
    break;
  } catch (error) {
    if (at === places.length - 1) throw new Error('snappy: its addon cannot be unpacked (' + error.message + '): set TMPDIR to a folder that can be written', { cause: error });
  } finally {
    if (folder) rmSync(folder, { recursive: true, force: true });
  }
}
export const compress = (input, options, signal) => loaded.exports.compress(input, options, signal);
export const compressSync = (input, options) => loaded.exports.compressSync(input, options);
export const uncompress = (input, options, signal) => loaded.exports.uncompress(input, options, signal);
export const uncompressSync = (input, options) => loaded.exports.uncompressSync(input, options);
export default { compress, compressSync, uncompress, uncompressSync };
`;

const embedSnappy: Plugin = {
  name: 'embed-snappy',
  setup(bundler) {
    bundler.onResolve({ filter: /^snappy$/ }, () => ({ path: 'snappy', namespace: 'embedded' }));
    bundler.onLoad({ filter: /.*/, namespace: 'embedded' }, () => ({ contents: snappyShim, loader: 'js' }));
  },
};

/** Messages of zod in languages other than English, a tenth of the program, are never shown. */
const oneLanguage: Plugin = {
  name: 'one-language',
  setup(bundler) {
    bundler.onLoad({ filter: /zod.v4.locales.([a-df-hj-z]|e[a-mo-z]|i[a-mo-z])[^/]*$/ }, () => ({
      contents: 'export default () => ({});',
      loader: 'js',
    }));
  },
};

/**
 * What nothing asks for: the character sets that express can read bodies in, a fifth of the program, since our pages take no bodies;
 * and Elastic's second kind of connection, a seventh, since the exporter makes the first kind.
 */
const leftOut: Plugin = {
  name: 'left-out',
  setup(bundler) {
    const filter = /node_modules.(iconv-lite.lib|undici).index\.js$/;
    bundler.onLoad({ filter }, () => ({ contents: '', loader: 'js' }));
  },
};

/** The addon of this platform among snappy's optional packages. */
function snappyAddon(): string {
  const require = createRequire(import.meta.url);
  const libc = process.platform === 'linux' ? '-gnu' : process.platform === 'win32' ? '-msvc' : '';
  const name = `${process.platform}-${process.arch}${libc}`;
  const folder = dirname(
    require.resolve(`@napi-rs/snappy-${name}/package.json`, { paths: [dirname(require.resolve('snappy'))] }),
  );
  const file = join(folder, `snappy.${name}.node`);
  if (!existsSync(file)) throw new Error(`build: no snappy addon at ${file}; run npm ci without --omit=optional`);
  return file;
}

async function bundle(): Promise<string> {
  const outfile = join(dist, 'sluice.cjs');
  await build({
    entryPoints: ['cmd/sluice/main.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    // Importing node:http from an ES module reads its every export, lazy ones too, and so loads Node's whole fetch: 15 MB. require() does not.
    format: 'cjs',
    // A function to call, as Node wraps a CommonJS module: cmd/dev/loader.cjs.
    banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
    footer: { js: '})' },
    target: 'node26',
    // What the exporter takes from it are transport's own; the client around, a class for each of Elasticsearch's calls, is an eighth of the program.
    alias: { '@elastic/elasticsearch': '@elastic/transport' },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'eof',
    plugins: [embedSnappy, oneLanguage, leftOut],
    // Only the program run from source asks for it.
    define: { 'import.meta.url': '"file:///sluice"' },
    logLevel: 'warning',
  });
  inOneByte(outfile);
  return outfile;
}

/** V8 keeps a source with other than Latin-1 characters at two bytes each; strings and expressions say the same with escapes. */
function inOneByte(file: string): void {
  const asEscape = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  writeFileSync(file, readFileSync(file, 'utf8').replace(/[\u0080-\uffff]/g, asEscape));
}

/** The code that V8 makes of the bundle for a start, a quarter of the time that one takes. */
function codeCache(bundled: string): string {
  const cache = join(dist, 'sluice.cache');
  rmSync(cache, { force: true });
  const options = { encoding: 'utf8', timeout: 60_000 } as const;
  const made = spawnSync(process.execPath, ['cmd/dev/code_cache.ts', bundled, cache], options);
  if (made.status !== 0 || !existsSync(cache)) throw new Error(`build: no code cache: ${made.stderr}`);
  const take = `const { readFileSync: read } = require('node:fs'), [, source, cache] = process.argv;
    process.exit(new (require('node:vm').Script)(read(source, 'latin1'), { cachedData: read(cache) }).cachedDataRejected ? 1 : 0)`;
  const taken = spawnSync(process.execPath, ['-e', take, bundled, cache]);
  if (taken.status !== 0) throw new Error('build: V8 does not take the code cache that it made');
  return cache;
}

function singleExecutable(bundled: string): void {
  const config = join(dist, 'sea.json');
  const unsettled = `${output}.new`;
  writeFileSync(
    config,
    JSON.stringify({
      main: resolve('cmd/dev/loader.cjs'),
      executable: process.execPath,
      output: resolve(unsettled),
      disableExperimentalSEAWarning: true,
      assets: {
        'sluice.cjs': resolve(bundled),
        'sluice.cache': resolve(codeCache(bundled)),
        'collector.yaml': resolve('configs/collector.yaml'),
        'snappy.node': snappyAddon(),
      },
    }),
  );
  const made = spawnSync(process.execPath, ['--build-sea', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (made.status !== 0) throw new Error(`build: node --build-sea failed with status ${made.status}`);
  rmSync(config);
  // A file written in pieces is kept in large parts by the page cache, and a process that maps it is charged for 35 MB more
  // than it uses; a copy is not.
  copyFileSync(unsettled, output);
  rmSync(unsettled);
}

console.log('bundling …');
mkdirSync(dist, { recursive: true });
rmSync(output, { force: true });
singleExecutable(await bundle());
if (process.platform === 'darwin') spawnSync('codesign', ['--sign', '-', output], { stdio: 'inherit' });
const said = spawnSync(resolve(output), ['--version'], { encoding: 'utf8' });
if (said.status !== 0) throw new Error(`build: ${output} does not run: ${said.stderr}`);
console.log(`${output} (${Math.round(statSync(output).size / 2 ** 20)} MiB): ${said.stdout.trim()}`);
