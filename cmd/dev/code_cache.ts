/**
 * `node cmd/dev/code_cache.ts BUNDLE CACHE`: starts and stops the bundled program, and writes the code that V8 compiled for it.
 * Must run on the executable's Node: V8 takes no other's cache.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import v8 from 'node:v8';
import { constants, Script } from 'node:vm';

const [bundle, cache] = process.argv.slice(2) as [string, string];

/** What a usual collector is made of. */
const config = `
receivers: { otlp: { protocols: { grpc: { endpoint: '127.0.0.1:0' }, http: { endpoint: '127.0.0.1:0' } } } }
processors: { memory_limiter: { limit_percentage: 80, check_interval: 1s }, batch: {} }
exporters: { otlp_grpc: { endpoint: '127.0.0.1:9', tls: { insecure: true } } }
service:
  telemetry: { metrics: { readers: [{ pull: { exporter: { prometheus: { host: 127.0.0.1, port: 0 } } } }] } }
  pipelines:
    traces: { receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_grpc] }
`;

const script = new Script(readFileSync(bundle, 'latin1'), {
  filename: 'sluice.cjs',
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
// Once it has started, the program sets flags (cmd/sluice/heap.ts): V8 takes a cache only under the flags that it was made with.
const { setFlagsFromString } = v8;
v8.setFlagsFromString = (flags) => {
  v8.setFlagsFromString = setFlagsFromString;
  writeFileSync(cache, script.createCachedData());
  setFlagsFromString(flags);
  setImmediate(() => process.emit('SIGTERM'));
};
process.argv.splice(1, Number.POSITIVE_INFINITY, bundle, 'run', '--config', `yaml:${config}`);
script.runInThisContext()({}, createRequire(import.meta.url), {}, bundle, '.');
