import { CANCEL } from './frames.ts';
import type { Stream } from './stream.ts';
import type { HttpAnswer, HttpHandler } from './types.ts';

/** Memory is reserved, and the window opened, in steps of this size where a body does not tell its length. */
const STEP = 64 * 1024;

/** The headers of a request that is not a gRPC call are in. */
export function beginHttp(stream: Stream): void {
  const { server } = stream.connection;
  const { http, limits } = server;
  if (stream.head.cut) return answerWith(stream, 431, 'the headers are larger than the server takes');
  if (!http) return answerWith(stream, 415, 'expected content-type application/grpc');
  if (stream.head.contentLength > limits.maxHttpBodyBytes) return tooLarge(stream);
  if (!http.admit) return;
  let verdict: ReturnType<NonNullable<HttpHandler['admit']>>;
  try {
    verdict = http.admit(stream);
  } catch (error) {
    return bug(stream, error);
  }
  if (!verdict) return;
  if (!('then' in verdict)) return stream.connection.respondHttp(stream, verdict);
  stream.admitting = true;
  verdict.then(
    (answer) => {
      stream.admitting = false;
      if (stream.gone) return;
      if (answer) return stream.connection.respondHttp(stream, answer);
      stream.connection.openWindow(stream, remaining(stream));
      if (stream.endedEarly) endHttp(stream);
    },
    (error) => bug(stream, error),
  );
}

/** `stream.received` counts these bytes already. */
export function httpData(stream: Stream, chunk: Buffer, start: number, end: number): void {
  const { memory, limits } = stream.connection.server;
  if (stream.received > limits.maxHttpBodyBytes) return tooLarge(stream);
  const short = stream.received - stream.reserved;
  if (short > 0) {
    const step = Math.max(short, Math.min(remaining(stream) + (end - start), limits.maxHttpBodyBytes), 0);
    if (!memory.tryReserve(step)) {
      const headers = { 'content-type': 'text/plain', 'retry-after': '1' };
      return stream.connection.respondHttp(stream, { status: 503, headers, body: Buffer.from('no memory, try later') });
    }
    stream.reserved += step;
  }
  stream.chunks ??= [];
  stream.chunks.push(Buffer.from(chunk.subarray(start, end)));
  if (!stream.admitting) stream.connection.openWindow(stream, remaining(stream));
}

/** Bytes of the body that are still to come, as far as it is known. */
function remaining(stream: Stream): number {
  const { contentLength } = stream.head;
  return contentLength < 0 ? STEP : contentLength - stream.received;
}

export function endHttp(stream: Stream): void {
  if (stream.admitting) {
    stream.endedEarly = true;
    return;
  }
  const chunks = stream.chunks ?? [];
  const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  stream.chunks = undefined;
  stream.connection.started(stream);
  let answer: Promise<HttpAnswer>;
  try {
    answer = stream.connection.server.http!.handle(body, stream);
  } catch (error) {
    return bug(stream, error);
  }
  answer.then(
    (value) => {
      stream.connection.settled(stream);
      if (!stream.gone) stream.connection.respondHttp(stream, value);
    },
    (error) => bug(stream, error),
  );
}

function bug(stream: Stream, error: unknown): void {
  stream.connection.server.logger.error('an HTTP handler threw', { path: stream.path, error });
  if (stream.running) stream.connection.settled(stream);
  if (!stream.gone) answerWith(stream, 500, 'internal error; see the log of the server');
}

function tooLarge(stream: Stream): void {
  answerWith(stream, 413, `a body over ${stream.connection.server.limits.maxHttpBodyBytes} bytes`);
}

function answerWith(stream: Stream, status: number, text: string): void {
  stream.connection.respondHttp(stream, { status, headers: { 'content-type': 'text/plain' }, body: Buffer.from(text) });
}
void CANCEL;
