import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest';
import { type Otelcol, startOtelcol } from '../../../../bench/peers/otelcol.ts';
import { peer } from '../../../../bench/peers/peer.ts';
import { startSluice } from '../../../../bench/peers/sluice.ts';
import { type Sdk, sdk } from './sdks.ts';

/**
 * Each SDK exports every batch twice: straight to the Go collector, and to Sluice which sends it on to the same collector.
 * Both arrivals are written by that collector's file exporter, and must be equal, record by record.
 */
const signals = ['traces', 'metrics', 'logs'] as const;
const ways = ['direct', 'through'] as const;

const backend = `
receivers:
  otlp/direct: { protocols: { grpc: { endpoint: "127.0.0.1:\${env:GRPC_PORT}" }, http: { endpoint: "127.0.0.1:\${env:HTTP_PORT}" } } }
  otlp/through: { protocols: { grpc: { endpoint: "127.0.0.1:\${env:HEALTH_PORT}" } } }
exporters:
${ways.flatMap((way) => signals.map((signal) => `  file/${way}-${signal}: { path: "\${env:OUT}/${way}-${signal}.jsonl" }`)).join('\n')}
service:
  pipelines:
${ways.flatMap((way) => signals.map((signal) => `    ${signal}/${way}: { receivers: [otlp/${way}], exporters: [file/${way}-${signal}] }`)).join('\n')}
`;

const between = `
receivers: { otlp: { protocols: { grpc: { endpoint: "127.0.0.1:\${env:GRPC_PORT}" }, http: { endpoint: "127.0.0.1:\${env:HTTP_PORT}" } } } }
processors: { batch: { timeout: 50ms } }
exporters: { otlp: { endpoint: "127.0.0.1:\${env:BACKEND}", tls: { insecure: true } } }
service:
  pipelines:
${signals.map((signal) => `    ${signal}: { receivers: [otlp], processors: [batch], exporters: [otlp] }`).join('\n')}
`;

const folder = mkdtempSync(join(tmpdir(), 'sluice-sdk-'));
let otelcolPath: string | undefined;
let reason = '';

beforeAll(async () => {
  const found = await peer('otelcol', { log: console.error });
  if ('missing' in found) reason = found.missing;
  else otelcolPath = found.path;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function withBoth(out: string, run: (collector: Otelcol, sluice: Otelcol) => Promise<void>): Promise<void> {
  const collector = await startOtelcol({ command: [otelcolPath!], yaml: backend, env: { OUT: out } });
  try {
    const sluice = await startSluice({ yaml: between, env: { BACKEND: String(collector.ports.health) } });
    try {
      await run(collector, sluice);
    } finally {
      await sluice.stop(); // drains
    }
  } finally {
    await collector.stop(); // flushes its files
  }
}

/** Every record with its resource and scope, as sorted lines: batches may be cut otherwise on the two ways. */
function records(path: string): string[] {
  if (!existsSync(path)) return [];
  const found: string[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n').filter(Boolean)) {
    for (const resources of Object.values(JSON.parse(line)) as any[][]) {
      for (const { resource, schemaUrl, ...scopes } of resources) {
        for (const list of Object.values(scopes) as any[][]) {
          for (const { scope, schemaUrl: scopeSchema, ...held } of list) {
            for (const items of Object.values(held) as any[][]) {
              for (const item of items) found.push(JSON.stringify({ resource, schemaUrl, scope, scopeSchema, item }));
            }
          }
        }
      }
    }
  }
  return found.sort();
}

function need(context: TestContext, program: Awaited<ReturnType<typeof sdk>>) {
  if (otelcolPath === undefined) context.skip(reason);
  if ('missing' in program) context.skip(program.missing);
  return program as Exclude<typeof program, { missing: string }>;
}

describe.each<{ name: Sdk; protocols: readonly string[] }>([
  { name: 'javascript', protocols: ['grpc', 'http', 'json'] },
  { name: 'python', protocols: ['grpc', 'http'] },
  { name: 'go', protocols: ['grpc', 'http'] },
  { name: 'java', protocols: ['grpc', 'http'] },
])('the $name SDK', ({ name, protocols }) => {
  for (const protocol of protocols) {
    test(`over ${protocol}: all three signals arrive as they were sent`, async (context) => {
      const program = need(context, await sdk(name));
      const out = mkdtempSync(join(folder, `${name}-${protocol}-`));
      await withBoth(out, async (collector, sluice) => {
        const port = protocol === 'grpc' ? 'grpc' : 'http';
        const [command, ...args] = program.command;
        const env = {
          ...process.env,
          PROTOCOL: protocol,
          DIRECT: `127.0.0.1:${collector.ports[port]}`,
          THROUGH: `127.0.0.1:${sluice.ports[port]}`,
        };
        await promisify(execFile)(command, args, { cwd: program.cwd, env, timeout: 90_000 });
      });
      for (const signal of signals) {
        const sent = records(join(out, `direct-${signal}.jsonl`));
        expect(sent.length, signal).toBeGreaterThan(3);
        expect(records(join(out, `through-${signal}.jsonl`)), signal).toEqual(sent);
      }
    });
  }
});
