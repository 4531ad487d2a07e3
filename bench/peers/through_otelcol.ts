import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OtelcolOptions, startOtelcol } from './otelcol.ts';

/**
 * The same requests once through each of these configurations of a processor in the Go collector: one receiver feeds a
 * pipeline for each. @param requests Export*ServiceRequests @param options which build of the collector, and its environment
 * @returns for each configuration what came out, requests again
 *
 * @throws Error when the collector does not start or refuses a request
 */
export async function throughOtelcol(
  signal: 'traces' | 'logs' | 'metrics',
  type: string,
  configs: readonly object[],
  requests: readonly Uint8Array[],
  options: Pick<OtelcolOptions, 'peer' | 'env'> = {},
): Promise<Uint8Array[][]> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-through-otelcol-'));
  const file = (i: number) => join(folder, `${i}.bin`);
  const each = (line: (config: object, i: number) => string) => configs.map(line).join('\n');
  try {
    const otelcol = await startOtelcol({
      ...options,
      yaml: `
receivers:
  otlp: { protocols: { http: { endpoint: '127.0.0.1:\${env:HTTP_PORT}' } } }
processors:
${each((config, i) => `  ${type}/${i}: ${JSON.stringify(config).replaceAll('$', '$$$$')}`)}
exporters:
${each((_, i) => `  file/${i}: { path: ${file(i)}, format: proto }`)}
service:
  telemetry: { logs: { level: error } }
  extensions: [health_check]
  pipelines:
${each((_, i) => `    ${signal}/${i}: { receivers: [otlp], processors: [${type}/${i}], exporters: [file/${i}] }`)}
extensions:
  health_check: { endpoint: '127.0.0.1:\${env:HEALTH_PORT}' }
`,
    });
    try {
      for (const request of requests) await post(`http://127.0.0.1:${otelcol.ports.http}/v1/${signal}`, request);
    } finally {
      await otelcol.stop();
    }
    return await Promise.all(configs.map(async (_, i) => messagesOf(await readFile(file(i)))));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws Error for anything but 200 */
export async function post(url: string, body: Uint8Array): Promise<void> {
  const headers = { 'content-type': 'application/x-protobuf' };
  const answer = await fetch(url, { method: 'POST', headers, body: body as Uint8Array<ArrayBuffer> });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`the collector answered ${answer.status}: ${text}`);
}

/** The file exporter's proto format: each message behind its length, 32 bits big-endian. */
export function messagesOf(bytes: Buffer): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    messages.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return messages;
}
