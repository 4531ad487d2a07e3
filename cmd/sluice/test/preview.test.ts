import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { sluiceCommand } from '../../../bench/peers/sluice.ts';
import { encodeJson } from '../../../internal/otlp/json_encode.ts';
import type { Signal } from '../../../internal/otlp/payload.ts';
import { generatePayload, generateRequest, stampsOf } from '../../../internal/testkit/generate.ts';
import { sluice } from './command.ts';

/*
 * The command around the exporters' own preview functions, which have tests of their own. That nothing is sent is shown by the
 * endpoints being closed ports.
 */

const folder = mkdtempSync(join(tmpdir(), 'sluice-preview-'));
afterAll(() => rmSync(folder, { recursive: true }));

const signals: readonly Signal[] = ['traces', 'metrics', 'logs'];

function file(name: string, ...records: (string | Uint8Array)[]): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(records.map((record) => Buffer.from(record as string))));
  return path;
}

function json(signal: Signal, items = 3, seed = 1): string {
  return `${Buffer.from(encodeJson(generatePayload(signal, { items, seed }))).toString()}\n`;
}

const all = file('all.jsonl', ...signals.map((signal) => json(signal)));

const lines = (text: string) => text.split('\n').slice(0, -1);

describe('with the defaults', () => {
  test('jaeger: a line for each span, and a word of what Jaeger does not take', async () => {
    const { code, stdout, stderr } = await sluice(['preview', 'jaeger', all]);
    expect(code).toBe(0);
    const spans = lines(stdout).map((line) => JSON.parse(line));
    expect(spans.map(({ spanID }) => spanID)).toEqual(stampsOf(generatePayload('traces', { items: 3 })));
    expect(spans[0]).toMatchObject({ process: { serviceName: 'frontend' } });
    expect(stderr).toMatch(/3 items of metrics are left out: jaeger takes traces/);
  });

  test('prometheus: series with their labels', async () => {
    const { code, stdout } = await sluice(['preview', 'prometheus', all]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^http_server_request_count_total\{.*job="shop\/frontend".*\} \d/m);
    expect(stdout).toMatch(/^target_info\{.*\} 1 1700000000000$/m);
  });

  test('elasticsearch: the index and the document of each item', async () => {
    const { code, stdout } = await sluice(['preview', 'elasticsearch', all]);
    expect(code).toBe(0);
    const parsed = lines(stdout).map((line) => JSON.parse(line));
    const indices = new Set(parsed.filter(({ create }) => create).map(({ create }) => create._index));
    for (const signal of signals) expect(indices).toContain(`${signal}-generic.otel-default`);
    expect(parsed.filter(({ create }) => !create).length).toBe(parsed.length / 2);
  });

  test('a file of protobuf records is read as well', async () => {
    const request = generateRequest('traces', { items: 5 });
    const length = Buffer.alloc(4);
    length.writeUInt32BE(request.length);
    const { code, stdout } = await sluice(['preview', 'jaeger', file('records', length, request)]);
    expect({ code, spans: lines(stdout).length }).toEqual({ code: 0, spans: 5 });
  });
});

describe('with a configuration', () => {
  const config = file(
    'config.yaml',
    `receivers: { otlp: { protocols: { grpc: } } }
exporters:
  prometheus_remote_write/a: { endpoint: "http://127.0.0.1:1/w", namespace: acme, external_labels: { site: east } }
  prometheus_remote_write/b: { endpoint: "http://127.0.0.1:1/w" }
  elasticsearch: { endpoint: "http://127.0.0.1:1", traces_index: spans-of-ours }
service: { pipelines: { metrics: { receivers: [otlp], exporters: [prometheus_remote_write/a, prometheus_remote_write/b] }, traces: { receivers: [otlp], exporters: [elasticsearch] } } }
`,
  );
  const preview = (...args: string[]) => sluice(['preview', ...args, '--config', config, all]);

  test('the settings of the exporter that is named count', async () => {
    const { code, stdout } = await preview('prometheus', '--exporter', 'prometheus_remote_write/a');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^acme_http_server_request_count_total\{.*site="east".*\}/m);
  });

  test('the only one of its type need not be named', async () => {
    const { stdout } = await preview('elasticsearch');
    expect(stdout).toContain('"_index":"spans-of-ours"');
  });

  test('of several one must be named, and one that there is', async () => {
    const several = await preview('prometheus');
    expect(several).toMatchObject({ code: 1, stdout: '' });
    expect(several.stderr).toMatch(
      /2 exporters of type prometheus_remote_write \(.*\/a, .*\/b\): name one with --exporter/,
    );
    const wrong = await preview('prometheus', '--exporter', 'elasticsearch');
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/expected an exporter of type prometheus_remote_write, got "elasticsearch"/);
    expect((await preview('jaeger')).stderr).toMatch(/0 exporters of type jaeger \(none\)/);
  });
});

test('only so many records as asked for', async () => {
  const many = file('many.jsonl', ...Array.from({ length: 20 }, (_, n) => json('traces', 1, n + 1)));
  const few = await sluice(['preview', 'jaeger', many]);
  expect(lines(few.stdout)).toHaveLength(10);
  expect(few.stderr).toMatch(/the first 10 records are shown/);
  expect(lines((await sluice(['preview', 'jaeger', '--records', '0', many])).stdout)).toHaveLength(20);
});

test('what cannot be read is told with its place, and the rest is shown', async () => {
  const { code, stdout, stderr } = await sluice(['preview', 'jaeger', file('odd.jsonl', '{"a":1}\n', json('traces'))]);
  expect({ code, spans: lines(stdout).length }).toEqual({ code: 0, spans: 3 });
  expect(stderr).toMatch(/odd\.jsonl, record 1: a record is none of resourceSpans/);
});

test.each([
  [['preview'], 2, /expected prometheus, elasticsearch, jaeger/],
  [['preview', 'zipkin', all], 2, /got "zipkin"/],
  [['preview', 'jaeger'], 2, /expected a file/],
  [['preview', 'jaeger', '--exporter', 'jaeger', all], 2, /--exporter: expected --config/],
  [['preview', 'jaeger', '--records', 'x', all], 2, /--records/],
  [['preview', 'jaeger', '/nowhere'], 1, /\/nowhere: there is no such file/],
])('%j ends with %i', async (args, want, words) => {
  const { code, stderr } = await sluice(args);
  expect(code).toBe(want);
  expect(stderr).toMatch(words);
});

test('a reader that has seen enough ends it without an error', async () => {
  const many = file('long.jsonl', ...Array.from({ length: 300 }, () => json('traces', 20)));
  const command = [...sluiceCommand, 'preview', 'jaeger', '--records', '0', many];
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += text));
  child.stdout.once('data', () => child.stdout.destroy());
  const [code] = await once(child, 'close');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('a file with nothing for this backend is an error', async () => {
  const { code, stderr } = await sluice(['preview', 'jaeger', file('logs.jsonl', json('logs'))]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/there is nothing in it that jaeger would send/);
});
