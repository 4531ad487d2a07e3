import { type ClientRequest, type Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { type Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';

/** Upstream reads no more of an answer either. */
const maxAnswerBytes = 64 * 1024;

export interface HttpEnd {
  readonly status: number;
  header(name: string): string | undefined;
  /** The first 64 KiB of it. */
  readonly body: Uint8Array;
  /** All of the request had been handed to the system by then: nobody reads its buffers any more. */
  readonly requestSent: boolean;
}

export interface Posting {
  readonly url: URL;
  readonly agent: HttpAgent | HttpsAgent;
  /** TLS and other options of the request. */
  readonly options: RequestOptions;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: readonly Uint8Array[];
  readonly abort: AbortSignal | undefined;
}

/** How often a request goes again because the connection it was given was already dying. */
const maxStale = 2;

/**
 * @returns the answer, or the error of the connection.
 * A kept connection that the server closed just as we began is no failure of the backend: that request goes again
 * at once on another one, as Go's client does it.
 */
export async function post(posting: Posting): Promise<HttpEnd | Error> {
  for (let again = 0; ; again++) {
    const { end, stale } = await postOnce(posting);
    if (!stale || again === maxStale || posting.abort?.aborted) return end;
  }
}

interface Attempt {
  readonly end: HttpEnd | Error;
  readonly stale: boolean;
}

function postOnce({ url, agent, options, headers, body, abort }: Posting): Promise<Attempt> {
  return new Promise((resolve) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request: ClientRequest = send(url, { agent, ...options, method: 'POST', headers });
    const onAbort = () => request.destroy(new Error('aborted'));
    const settle = (end: HttpEnd | Error) => {
      abort?.removeEventListener('abort', onAbort);
      const code = end instanceof Error ? (end as NodeJS.ErrnoException).code : undefined;
      resolve({ end, stale: request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE') });
    };
    request.once('response', (response) => readAnswer(request, response, settle));
    request.on('error', settle);
    if (abort?.aborted) onAbort();
    else abort?.addEventListener('abort', onAbort, { once: true });
    request.cork();
    for (const chunk of body) request.write(chunk);
    request.end();
    request.uncork();
  });
}

function readAnswer(request: ClientRequest, response: IncomingMessage, settle: (end: HttpEnd | Error) => void): void {
  const parts: Buffer[] = [];
  let bytes = 0;
  const done = () =>
    settle({
      status: response.statusCode ?? 0,
      header: (name) => {
        const value = response.headers[name];
        return Array.isArray(value) ? value[0] : value;
      },
      body: Buffer.concat(parts).subarray(0, maxAnswerBytes),
      requestSent: request.writableFinished,
    });
  response.on('data', (part: Buffer) => {
    parts.push(part);
    bytes += part.length;
    if (bytes <= maxAnswerBytes) return;
    done();
    response.destroy();
  });
  response.once('end', done);
  response.once('error', settle);
}
