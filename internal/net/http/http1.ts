import http from 'node:http';
import type { Socket } from 'node:net';
import type { ClientMetadata } from '../../core/consumer.ts';
import type { MemoryBudget } from '../../core/memory.ts';
import { permanent } from '../../core/outcome.ts';
import type { Logger } from '../../core/telemetry.ts';
import type { HttpAnswer, HttpRequest } from '../h2/types.ts';
import { toHttp } from '../status.ts';
import type { ServerTls } from '../tls.ts';
import { readBody } from './body.ts';
import type { ExportHandler } from './export.ts';

export interface Http1Options {
  readonly handler: ExportHandler;
  readonly maxBodyBytes: number;
  readonly memory: MemoryBudget;
  readonly logger: Logger;
  readonly tls?: ServerTls | undefined;
  /** Milliseconds for the headers of a request. */
  readonly headersTimeoutMs: number;
  /** Milliseconds for a whole request: what stops the sender of one byte a second. */
  readonly requestTimeoutMs: number;
  /** Milliseconds a kept-alive connection may wait for its next request. */
  readonly idleTimeoutMs: number;
  /** Milliseconds a client may leave an answer unread. */
  readonly writeTimeoutMs: number;
  readonly keepAlive: boolean;
}

/**
 * What a request costs besides its body, about: node's objects and the headers. Counted, because a client may send
 * any number of small requests without waiting for an answer.
 */
export const requestBytes = 8 * 1024;

/** Serves `handler` on node:http, or on node:https where `tls` is given. Does not listen yet. */
export async function createHttp1Server(options: Http1Options): Promise<http.Server> {
  const serverOptions: http.ServerOptions = {
    keepAliveTimeout: options.idleTimeoutMs,
    headersTimeout: options.headersTimeoutMs,
    requestTimeout: Math.max(options.requestTimeoutMs, options.headersTimeoutMs),
    connectionsCheckingInterval: Math.min(1000, options.headersTimeoutMs),
    noDelay: true,
  };
  /** Requests of each connection that wait for their answer. */
  const underWay = new WeakMap<Socket, number>();
  const serve = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    const { socket } = req;
    underWay.set(socket, (underWay.get(socket) ?? 0) + 1);
    res.once('close', () => underWay.set(socket, underWay.get(socket)! - 1));
    answerRequest(options, server, req, res).catch((error) => answerBug(options, res, error));
  };
  const server = options.tls
    ? await createHttpsServer(serverOptions, options.tls, options.headersTimeoutMs, serve)
    : http.createServer(serverOptions, serve);
  // Without these listeners node would ask for the body before anyone looked at the headers.
  server.on('checkContinue', serve);
  server.on('checkExpectation', (_req, res) => res.writeHead(417, { connection: 'close' }).end());
  server.on('clientError', answerBrokenRequest);
  server.setTimeout(options.writeTimeoutMs, (socket) => {
    // A quiet connection may be waiting for us; one that leaves its answers unread, or has no request, is not.
    if (socket.writableLength > 0 || !underWay.get(socket)) socket.destroy();
  });
  return server;
}

/** Without TLS the megabytes of node's TLS code are never loaded. */
async function createHttpsServer(
  options: http.ServerOptions,
  tls: ServerTls,
  handshakeTimeout: number,
  serve: http.RequestListener,
): Promise<http.Server> {
  const https = await import('node:https');
  return https.createServer({ ...options, ...tls.options, ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout }, serve);
}

async function answerRequest(
  options: Http1Options,
  server: http.Server,
  req: http.IncomingMessage,
  res: http.ServerResponse,
): Promise<void> {
  const { handler, memory } = options;
  const request = new Http1Request(req, res);
  let answer = handler.admit(request);
  if (answer instanceof Promise) answer = await answer;
  if (answer) return refuse(options, req, res, answer);

  const declared = req.headers['content-length'] === undefined ? undefined : Number(req.headers['content-length']);
  let reserved = requestBytes + (declared ?? 0);
  if (!memory.tryReserve(reserved)) return refuse(options, req, res, handler.noRoom(request));
  try {
    if (req.headers.expect) res.writeContinue();
    const read = await readBody(req, declared, options.maxBodyBytes, memory);
    reserved += read.grown;
    if (read.end === 'whole') {
      send(res, await handler.handle(read.body, request), options.keepAlive && server.listening);
    } else if (read.end !== 'gone') {
      refuse(options, req, res, read.end === 'too_large' ? handler.tooLarge(request) : handler.noRoom(request));
    }
  } finally {
    memory.release(reserved);
  }
}

function answerBug(options: Http1Options, res: http.ServerResponse, error: unknown): void {
  options.logger.error('a bug: answering a request threw', { error });
  if (res.headersSent) res.destroy();
  else send(res, toHttp(permanent('bug', 'an error inside the collector'), 'traces', 'json'), false);
}

function send(res: http.ServerResponse, answer: HttpAnswer, keepAlive: boolean): void {
  if (!keepAlive) res.shouldKeepAlive = false;
  // RFC 9110 8.6: an answer 204 has no content-length.
  res.writeHead(
    answer.status,
    answer.status === 204 ? answer.headers : { ...answer.headers, 'content-length': answer.body.length },
  );
  res.end(answer.body);
}

/**
 * Answers before the body was read. Closing at once would reset the connection, and with it the answer on its way;
 * so the rest is read and thrown away, up to as much as one body may have.
 */
function refuse(options: Http1Options, req: http.IncomingMessage, res: http.ServerResponse, answer: HttpAnswer): void {
  let drained = 0;
  req.on('data', (chunk: Buffer) => {
    drained += chunk.length;
    if (drained > options.maxBodyBytes) req.socket.destroy();
  });
  send(res, answer, options.keepAlive);
}

const broken: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Nobody hears an answer: they have gone, or it would wait for the end of a handshake that does not come. */
const unanswerable: ReadonlySet<string> = new Set(['ECONNRESET', 'ERR_TLS_HANDSHAKE_TIMEOUT']);

/** What node:http could not read as a request, or waited too long for. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || unanswerable.has(error.code ?? '')) {
    socket.destroy();
    return;
  }
  const status = broken[error.code ?? ''] ?? '400 Bad Request';
  const late = status.startsWith('408');
  const message = late ? 'the request did not come in time' : `this is no HTTP request: ${error.message}`;
  const body = JSON.stringify({ code: late ? 4 : 3, message });
  const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`;
  socket.end(`HTTP/1.1 ${status}\r\n${headers}\r\n\r\n${body}`, () => socket.destroy());
}

/** A node:http request by the interface that HTTP/2 requests have too. */
class Http1Request implements HttpRequest {
  readonly #req: http.IncomingMessage;
  readonly #res: http.ServerResponse;
  #abort: AbortController | undefined;

  constructor(req: http.IncomingMessage, res: http.ServerResponse) {
    this.#req = req;
    this.#res = res;
  }

  get method(): string {
    return this.#req.method ?? '';
  }

  get path(): string {
    return this.#req.url ?? '';
  }

  get peer(): string {
    const { remoteAddress, remotePort } = this.#req.socket;
    if (remoteAddress === undefined) return 'unix';
    return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`;
  }

  header(name: string): string | undefined {
    const value = this.#req.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  metadata(): ClientMetadata {
    const values = Object.entries(this.#req.headersDistinct);
    return new Map(values.filter((entry): entry is [string, string[]] => entry[1] !== undefined));
  }

  get abort(): AbortSignal {
    if (!this.#abort) {
      const abort = new AbortController();
      const gone = () => {
        if (!this.#res.writableFinished) abort.abort(new Error('the client has gone'));
      };
      if (this.#res.closed) gone();
      else this.#res.once('close', gone);
      this.#abort = abort;
    }
    return this.#abort.signal;
  }
}
