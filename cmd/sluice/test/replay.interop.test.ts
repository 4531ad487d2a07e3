import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startOtelcol } from '../../../bench/peers/otelcol.ts';
import { peer } from '../../../bench/peers/peer.ts';
import { Sample } from '../../../internal/otlp/sample.ts';
import { sluice } from './command.ts';
import type { Running } from './running.ts';

/*
 * Replay beside the OpenTelemetry Collector: it reads what that one's file exporter writes, and predicts what its samplers keep.
 * Skipped where it can neither be found nor built.
 */

const found = await peer('otelcol', { log: (line) => process.stderr.write(`${line}\n`) });
if ('missing' in found) process.stderr.write(`skipped: ${found.missing}\n`);
const interop = test.skipIf('missing' in found);

const folder = mkdtempSync(join(tmpdir(), 'sluice-replay-interop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const spans = 4000;
const requests = 20;

const yaml = (exporters: string, names: string, processors = '', order = '') => `
receivers: { otlp: { protocols: { grpc: { endpoint: "127.0.0.1:\${env:GRPC_PORT}" }, http: { endpoint: "127.0.0.1:\${env:HTTP_PORT}" } } } }
processors: { ${processors} }
exporters: { ${exporters} }
service: { pipelines: { traces: { receivers: [otlp], processors: [${order}], exporters: [${names}] } } }
`;

async function send(collector: Running): Promise<void> {
  const sample = new Sample('traces', { items: spans / requests, resources: 4 });
  for (let n = 0; n < requests; n++) {
    const answer = await fetch(`http://127.0.0.1:${collector.ports.http}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: sample.next(BigInt(Date.now()) * 1_000_000n),
    });
    expect(answer.status).toBe(200);
  }
}

interop('captures of the Go collector are read, whatever its file exporter writes', async () => {
  const formats = {
    json: 'format: json',
    proto: 'format: proto',
    'json.zstd': 'format: json, compression: zstd',
    'proto.zstd': 'format: proto, compression: zstd',
  };
  const path = (name: string) => join(folder, `capture.${name}`);
  const exporters = Object.entries(formats).map(
    ([name, options]) => `file/${name}: { path: "${path(name)}", ${options} }`,
  );
  const names = Object.keys(formats).map((name) => `file/${name}`);
  const collector = await startOtelcol({ yaml: yaml(exporters.join(', '), names.join(', ')) });
  await send(collector);
  await collector.stop();
  const config = join(folder, 'all.yaml');
  writeFileSync(config, yaml('nop: {}', 'nop').replaceAll(/\$\{env:\w+\}/g, '0'));
  for (const name of Object.keys(formats)) {
    const { code, stdout, stderr } = await sluice(['replay', '--json', '--config', config, path(name)]);
    expect({ code, stderr }, name).toEqual({ code: 0, stderr: '' });
    const { capture, exporters: got } = JSON.parse(stdout);
    expect(capture, name).toMatchObject({ records: requests, passedOver: 0, items: { traces: spans } });
    expect(got, name).toEqual([expect.objectContaining({ exporter: 'nop', items: spans, errorTracesMissed: 0 })]);
  }
});

interop('what replay predicts of a tail sampling section is what the Go collector does with it', async () => {
  const tail = `tail_sampling: { decision_wait: 1s, policies: [
    { name: errors, type: status_code, status_code: { status_codes: [ERROR] } },
    { name: some, type: probabilistic, probabilistic: { sampling_percentage: 25 } } ] }`;
  const [all, kept] = [join(folder, 'all.json'), join(folder, 'kept.json')];
  const collector = await startOtelcol({
    yaml: `${yaml(
      `file/all: { path: "${all}" }, file/kept: { path: "${kept}" }`,
      'file/kept',
      tail,
      'tail_sampling',
    ).replace('pipelines: {', 'pipelines: { traces/all: { receivers: [otlp], exporters: [file/all] },')}`,
  });
  await send(collector);
  await collector.stop();
  const config = join(folder, 'candidate.yaml');
  writeFileSync(config, yaml('nop: {}', 'nop', tail, 'tail_sampling').replaceAll(/\$\{env:\w+\}/g, '0'));
  const { stdout, stderr } = await sluice(['replay', '--json', '--config', config, all]);
  expect(stderr).toBe('');
  const { capture, exporters, samplers } = JSON.parse(stdout);
  const ids = (path: string) => new Set(readFileSync(path, 'utf8').match(/"traceId":"[0-9a-f]{32}"/g));
  expect(ids(kept).size).toBeGreaterThan(100);
  expect(capture.traces).toBe(ids(all).size);
  expect(exporters[0]).toMatchObject({ traces: ids(kept).size, errorTracesMissed: 0 });
  expect(exporters[0].items).toBe(readFileSync(kept, 'utf8').match(/"spanId"/g)!.length);
  expect(samplers[0].policies.map(({ policy }: { policy?: string }) => policy)).toEqual(['errors', 'some', undefined]);
});
