import { askAdmission, type Exchange, type Replies, run } from './exchange.ts';
import { respondHttp } from './respond.ts';
import type { Stream } from './stream.ts';
import type { HttpAnswer } from './types.ts';

/** Any other request: the body as it comes, up to a limit, then one answer. */
export const httpCall: Exchange = { begin, data, end, tooSlow };

const replies: Replies<HttpAnswer> = {
  respond: respondHttp,
  bug: (stream) => answerWith(stream, 500, 'internal error; see the log of the server'),
};

/** Memory is reserved, and the window opened, in steps of this size where a body does not tell its length. */
const STEP = 64 * 1024;

function begin(stream: Stream, endStream: boolean): void {
  const { http, limits } = stream.connection.server;
  if (stream.head.cut) answerWith(stream, 431, `headers over ${limits.maxHeaderListBytes} bytes`);
  else if (!http) answerWith(stream, 415, 'expected content-type application/grpc');
  else if (stream.head.contentLength > limits.maxHttpBodyBytes) tooLarge(stream);
  else if (http.admit) {
    askAdmission(
      stream,
      replies,
      () => http.admit!(stream),
      () => admitted(stream),
    );
  }
  if (endStream && !stream.answered) end(stream);
}

function admitted(stream: Stream): void {
  stream.connection.openWindow(stream, remaining(stream));
  if (stream.endedEarly) end(stream);
}

function data(stream: Stream, chunk: Buffer, start: number, end: number): void {
  const { memory, limits } = stream.connection.server;
  if (stream.received > limits.maxHttpBodyBytes) {
    tooLarge(stream);
    return;
  }
  if (stream.received > stream.reserved) {
    const more = stream.received - stream.reserved + Math.max(0, remaining(stream));
    if (!memory.tryReserve(more)) {
      noRoom(stream, more);
      return;
    }
    stream.reserved += more;
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

function end(stream: Stream): void {
  if (stream.admitting) {
    stream.endedEarly = true;
    return;
  }
  const chunks = stream.chunks ?? [];
  const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  stream.chunks = undefined;
  stream.connection.started(stream);
  run(stream, replies, () => stream.connection.server.http!.handle(body, stream));
}

function tooSlow(stream: Stream): void {
  answerWith(stream, 408, 'the body of the request came too slowly');
}

function tooLarge(stream: Stream): void {
  const { http, limits } = stream.connection.server;
  if (http?.tooLarge) respondHttp(stream, http.tooLarge(stream));
  else answerWith(stream, 413, `a body over ${limits.maxHttpBodyBytes} bytes`);
}

function noRoom(stream: Stream, bytes: number): void {
  const { http } = stream.connection.server;
  if (http?.noRoom) respondHttp(stream, http.noRoom(stream));
  else answerWith(stream, 503, `no memory for ${bytes} more bytes now, send it again later`, { 'retry-after': '1' });
}

function answerWith(stream: Stream, status: number, text: string, headers: Record<string, string> = {}): void {
  const body = Buffer.from(text);
  respondHttp(stream, { status, headers: { 'content-type': 'text/plain', ...headers }, body });
}
