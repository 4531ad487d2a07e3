import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { vi } from 'vitest';
import type { Otelcol } from '../../../bench/peers/otelcol.ts';
import { startSluice } from '../../../bench/peers/sluice.ts';
import type { LedgerSnapshot } from '../../../internal/core/ledger.ts';
import { decodeStatus } from '../../../internal/net/status_details.ts';
import type { Signal } from '../../../internal/otlp/payload.ts';
import { stamped } from '../../../internal/testkit/stamped.ts';

export type Running = Otelcol;

/** OTLP on both protocols, on ports of its own. */
export const otlpReceiver = `
receivers:
  otlp: { protocols: { grpc: { endpoint: "127.0.0.1:\${env:GRPC_PORT}" }, http: { endpoint: "127.0.0.1:\${env:HTTP_PORT}" } } }`;

/** One pipeline per signal from otlp to these exporters. */
export function pipelines(exporters: string, processors = 'batch'): string {
  const row = `{ receivers: [otlp], processors: [${processors}], exporters: [${exporters}] }`;
  return `
service:
  pipelines: { traces: ${row}, metrics: ${row}, logs: ${row} }`;
}

/** Runs the program while `work` does, and stops it in any case. */
export async function running(
  yaml: string,
  env: Readonly<Record<string, string>>,
  work: (sluice: Running) => Promise<void>,
): Promise<Running> {
  const sluice = await startSluice({ yaml, env: { ...env } });
  try {
    await work(sluice);
  } catch (error) {
    (error as Error).message += `\n--- log of the collector ---\n${sluice.stderr().slice(-4000)}`;
    throw error;
  } finally {
    await sluice.stop();
  }
  return sluice;
}

/** @returns the HTTP status */
export async function post(sluice: Running, signal: Signal, ids: readonly string[]): Promise<number> {
  const body = Buffer.concat(stamped(signal, ids).chunks);
  const answer = await fetch(`http://127.0.0.1:${sluice.ports.http}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-protobuf' },
    body,
  });
  await answer.arrayBuffer();
  return answer.status;
}

const service = { traces: 'trace.v1.TraceService', metrics: 'metrics.v1.MetricsService', logs: 'logs.v1.LogsService' };

export interface GrpcReply {
  readonly code: number;
  readonly reason: string;
  /** Of the RetryInfo, when the server sent one. */
  readonly retryAfterMs: number | undefined;
}

function replyOf({ code, details, metadata }: ServiceError): GrpcReply {
  const [status] = metadata.get('grpc-status-details-bin');
  const retryAfterMs = status === undefined ? undefined : decodeStatus(Buffer.from(status))?.retryAfterMs;
  return { code, reason: details, retryAfterMs };
}

/** A gRPC client of one running collector. */
export class GrpcSender {
  readonly #client: Client;

  constructor(sluice: Running) {
    this.#client = new Client(`127.0.0.1:${sluice.ports.grpc}`, credentials.createInsecure());
  }

  /** @returns the gRPC status code */
  async call(signal: Signal, bytes: Uint8Array): Promise<number> {
    return (await this.exchange(signal, bytes)).code;
  }

  exchange(signal: Signal, bytes: Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<GrpcReply> {
    const raw = (value: Buffer) => value;
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const path = `/opentelemetry.proto.collector.${service[signal]}/Export`;
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(path, raw, raw, Buffer.from(bytes), metadata, (error: ServiceError | null) =>
        resolve(error ? replyOf(error) : { code: 0, reason: '', retryAfterMs: undefined }),
      );
    });
  }

  send(signal: Signal, ids: readonly string[]): Promise<number> {
    return this.call(signal, Buffer.concat(stamped(signal, ids).chunks));
  }

  close(): void {
    this.#client.close();
  }
}

export async function ledger(sluice: Running): Promise<LedgerSnapshot> {
  const response = await fetch(`http://127.0.0.1:${sluice.ports.metrics}/ledger`);
  return (await response.json()) as LedgerSnapshot;
}

export async function metrics(sluice: Running): Promise<string> {
  return (await fetch(`http://127.0.0.1:${sluice.ports.metrics}/metrics`)).text();
}

/** Ids n0 … n(count-1) with a name in front. */
export function ids(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${name}${n}`);
}

/** Works in hooks too, where `expect.poll` does not. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const check = async () => {
    if (!(await holds())) throw new Error(`not within ${timeoutMs} ms: ${what}`);
  };
  await vi.waitFor(check, { timeout: timeoutMs, interval: 20 });
}
