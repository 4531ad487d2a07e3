import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type ProxyEnv,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

/** The largest real answers, nodes of Kubernetes and instances with many tags, have some ten thousand bytes. */
const maxAnswerBytes = 1 << 20;
/** Longest silence. These services are on the same machine or in the same rack. */
const usualSilenceMs = 1000;

export interface Asking {
  readonly method?: 'GET' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  /** Of an https address: whom to trust. */
  readonly tls?: { readonly ca?: string; readonly rejectUnauthorized?: boolean };
  /** Path of a Unix socket that is used in place of the host. */
  readonly socketPath?: string;
  /** Default: none, since these services are this machine's own. */
  readonly proxyEnv?: ProxyEnv;
  /** Longest silence, if it may be more than that of a metadata service. */
  readonly silenceMs?: number;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
  header(name: string): string | undefined;
}

/** A metadata service did not say what was wanted. */
export class AskError extends Error {
  /** Of HTTP; 0 where no answer came. */
  readonly status: number;
  /** Somebody took the connection. */
  readonly connected: boolean;

  constructor(message: string, status: number, connected: boolean) {
    super(message);
    this.status = status;
    this.connected = connected;
  }

  /** Another try may go better. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** Nobody is there, or somebody who does not know the question: another cloud's service at the same address. */
  get isElsewhere(): boolean {
    return this.status === 0 || (this.status >= 300 && this.status < 500 && this.status !== 429);
  }
}

/** @returns the answer with whatever status @throws AskError where none came, or a too large one */
export function ask(url: string, abort: AbortSignal, asking: Asking = {}): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const where = new URL(url);
  const secure = where.protocol === 'https:';
  const { method = 'GET', headers = {}, tls, socketPath, proxyEnv, silenceMs = usualSilenceMs } = asking;
  // An agent of our own: the global one would use the proxy of the environment, which knows nothing of this machine.
  const own = { keepAlive: false, ...(proxyEnv && { proxyEnv }) };
  const agent = secure ? new HttpsAgent(own) : new HttpAgent(own);
  const options: RequestOptions = { agent, method, headers, timeout: silenceMs, signal: abort, ...tls };
  const request = (secure ? httpsRequest : httpRequest)(where, socketPath ? { ...options, socketPath } : options);
  let connected = false;
  const fail = (error: Error, status = 0) =>
    reject(new AskError(`${method} ${told(where)}: ${troubleOf(error, abort)}`, status, connected));
  request.on('socket', (socket) => socket.once('connect', () => (connected = true)));
  request.on('timeout', () => request.destroy(new Error(`no answer within ${silenceMs} ms`)));
  request.on('error', fail);
  request.on('response', (response) => {
    response.on('error', fail);
    bodyOf(response).then(
      (text) => resolve({ status: response.statusCode ?? 0, text, header: (name) => headerOf(response, name) }),
      (error) => {
        fail(error, error instanceof TooLarge ? response.statusCode : 0);
        request.destroy();
      },
    );
  });
  request.end();
  return promise.finally(() => agent.destroy());
}

/** The text of a good answer. @throws AskError where it is another one */
export async function askText(url: string, abort: AbortSignal, asking?: Asking): Promise<string> {
  const reply = await ask(url, abort, asking);
  if (reply.status === 200) return reply.text;
  throw refusal(url, reply, asking);
}

/** The JSON object of a good answer. @throws AskError where it is none */
export async function askJson(url: string, abort: AbortSignal, asking?: Asking): Promise<Record<string, unknown>> {
  const text = await askText(url, abort, asking);
  const object = parsed(text);
  if (object) return object;
  throw new AskError(`${told(new URL(url))} answered with something that is no JSON object`, 200, true);
}

export function refusal(url: string, { status }: Reply, { method = 'GET' }: Asking = {}): AskError {
  return new AskError(`${method} ${told(new URL(url))} was answered ${status}`, status, true);
}

/** A text field of an answer; undefined where there is none. */
export function textIn(object: unknown, ...path: string[]): string | undefined {
  let at = object;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return typeof at === 'string' ? at : undefined;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {}
  return undefined;
}

class TooLarge extends Error {}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxAnswerBytes) throw new TooLarge(`the answer has more than ${maxAnswerBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function headerOf(response: IncomingMessage, name: string): string | undefined {
  const value = response.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Without credentials and query. */
function told({ origin, pathname }: URL): string {
  return origin + pathname;
}

function troubleOf(error: Error, abort: AbortSignal): string {
  if (abort.aborted) return abort.reason instanceof Error ? abort.reason.message : String(abort.reason);
  if (error instanceof AggregateError) return error.errors.map((one: Error) => one.message).join(', ');
  return error.message;
}
