import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { uncompressSync } from 'snappy';
import { type ReadRequest, readMessage } from './oracle.ts';

export interface Seen {
  readonly version: 1 | 2;
  readonly headers: IncomingMessage['headers'];
  readonly request: ReadRequest;
  /** `name{…} value@ms`, in the order of the message. */
  readonly samples: readonly string[];
}

export type Answer = (response: ServerResponse, seen: Seen, call: number) => void;

/** A server of remote write that remembers what it was sent, and answers as it is told. Default: as one that took everything. */
export class FakeServer {
  readonly seen: Seen[] = [];
  /** What it has said yes to. */
  readonly taken: string[] = [];
  /** Requests under way. */
  open = 0;
  mostOpen = 0;
  answer: Answer = (response, seen) => this.take(response, seen);
  readonly #server: Server = createServer((request, response) => {
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    response.on('close', () => this.open--);
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const version = request.headers['x-prometheus-remote-write-version'] === '2.0.0' ? 2 : 1;
      const read = readMessage(version, uncompressSync(Buffer.concat(parts)) as Buffer);
      const samples = read.series.flatMap((series) =>
        series.samples.map(({ value, timestamp }) => `${series.series} ${value}@${timestamp}`),
      );
      const seen = { version, headers: request.headers, request: read, samples } as const;
      this.answer(response, seen, this.seen.push(seen) - 1);
    });
  });

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api/v1/write`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** Yes, with the headers that a server of this version has. */
  take(
    response: ServerResponse,
    { version, samples, request }: Seen,
    most = Number.POSITIVE_INFINITY,
    status = 204,
  ): void {
    this.taken.push(...samples.slice(0, most));
    response.statusCode = status;
    if (version === 2) {
      const of = (part: 'histograms' | 'exemplars') =>
        request.series.reduce((sum, series) => sum + series[part].length, 0);
      response.setHeader('X-Prometheus-Remote-Write-Samples-Written', Math.min(most, samples.length));
      response.setHeader('X-Prometheus-Remote-Write-Histograms-Written', of('histograms'));
      response.setHeader('X-Prometheus-Remote-Write-Exemplars-Written', of('exemplars'));
    }
    response.end();
  }
}

export function say(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, headers);
  response.end(`${text}\n`);
}
