import { decodeExportResponse } from '../otlp/response.ts';
import { isMalformed } from '../otlp/wire.ts';

export interface Sender {
  /** @returns what went wrong, or undefined; rejects when the far end cannot be reached or `abort` fires */
  send(body: Uint8Array, abort: AbortSignal): Promise<string | undefined>;
  close(): void;
}

/** @param endpoint the path is kept; without one it is the specification's `/v1/metrics` */
export function httpSender(endpoint: string, configured: Readonly<Record<string, string>>): Sender {
  const url = new URL(endpoint);
  if (url.pathname === '/') url.pathname = '/v1/metrics';
  const headers = { ...configured, 'content-type': 'application/x-protobuf' };
  return {
    async send(body, signal) {
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body: Buffer.from(body),
        signal,
        redirect: 'error',
      });
      const answer = new Uint8Array(await response.arrayBuffer());
      if (!response.ok) return `the answer was ${response.status} ${response.statusText}`;
      return rejection(answer);
    },
    close() {},
  };
}

/** The words of a partial success. An answer that is no OTLP still means that the request was taken. */
export function rejection(answer: Uint8Array): string | undefined {
  const response = decodeExportResponse(answer);
  if (isMalformed(response) || response.rejectedItems === 0) return undefined;
  return `${response.rejectedItems} data points were rejected: ${response.message}`;
}
