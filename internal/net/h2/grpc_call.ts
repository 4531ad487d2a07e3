import { overloaded, refusal } from './answer.ts';
import { inflateMessage } from './inflate.ts';
import type { Stream } from './stream.ts';
import type { GrpcAnswer } from './types.ts';

/** A message that makes up less of the read it came in than one part in this many is copied out of it. */
const WORTH_KEEPING = 2;

/** The call's headers are in. */
export function beginGrpc(stream: Stream, endStream: boolean): void {
  const { connection, head } = stream;
  if (head.cut) return refuse(stream, 8, `the request's headers are larger than the server takes`);
  if (head.method !== 'POST')
    return connection.respondHttp(stream, { status: 405, headers: { allow: 'POST' }, body: nothing });
  const method = head.unary;
  if (!method) return refuse(stream, 12, `unknown method ${head.path}`);
  if (endStream) return refuse(stream, 12, 'the call has no message: a unary call has exactly one');
  if (method.admit) admit(stream, () => method.admit!(stream));
}

function admit(stream: Stream, ask: () => GrpcAnswer | undefined | Promise<GrpcAnswer | undefined>): void {
  let verdict: ReturnType<typeof ask>;
  try {
    verdict = ask();
  } catch (error) {
    return bug(stream, error);
  }
  if (!verdict) return;
  if (!('then' in verdict)) return stream.connection.respondGrpc(stream, verdict);
  stream.admitting = true;
  verdict.then(
    (answer) => {
      stream.admitting = false;
      if (stream.gone) return;
      if (answer) return stream.connection.respondGrpc(stream, answer);
      stream.connection.openWindow(stream, stream.length - stream.filled);
      if (stream.endedEarly) endGrpc(stream);
    },
    (error) => bug(stream, error),
  );
}

/** Bytes of the body. The message goes into one buffer of its size, or is not copied at all. */
export function grpcData(stream: Stream, chunk: Buffer, start: number, end: number): void {
  let at = start;
  if (stream.prefixBytes < 5) {
    while (stream.prefixBytes < 5 && at < end) {
      if (stream.prefixBytes === 0) stream.compressed = chunk[at]!;
      else stream.length = stream.length * 256 + chunk[at]!;
      stream.prefixBytes++;
      at++;
    }
    if (stream.prefixBytes < 5 || !beginMessage(stream)) return;
    if (end - at >= stream.length) {
      stream.message = stream.length === 0 ? nothing : takeOut(chunk, at, at + stream.length);
      stream.filled = stream.length;
      if (end - at > stream.length) tooMany(stream);
      return;
    }
    stream.message = Buffer.allocUnsafeSlow(stream.length);
  }
  if (at === end) return;
  if (end - at > stream.length - stream.filled) return tooMany(stream);
  chunk.copy(stream.message!, stream.filled, at, end);
  stream.filled += end - at;
}

/** The prefix is in: the length is known, and nothing of the message has been kept yet. */
function beginMessage(stream: Stream): boolean {
  const { server } = stream.connection;
  const { compressed, length } = stream;
  const encoding = stream.head.grpcEncoding ?? 'identity';
  if (compressed > 1) refuse(stream, 13, `the message's compressed flag is ${compressed}; it is 0 or 1`);
  else if (compressed === 1 && encoding === 'identity')
    refuse(stream, 13, 'a compressed message without a grpc-encoding');
  else if (compressed === 1 && !server.encodings.has(encoding))
    refuse(stream, 12, `grpc-encoding ${encoding} is not supported`);
  else if (length > server.limits.maxMessageBytes) {
    refuse(stream, 8, `a message of ${length} bytes; the server takes ${server.limits.maxMessageBytes}`);
  } else if (!server.memory.tryReserve(length)) noMemory(stream, length);
  else {
    stream.reserved = length;
    if (!stream.admitting) stream.connection.openWindow(stream, length);
    return true;
  }
  return false;
}

/** A piece of a read stays a view where it is most of it; else it would keep the whole read alive. */
function takeOut(chunk: Buffer, start: number, end: number): Uint8Array {
  const view = chunk.subarray(start, end);
  if (view.length * WORTH_KEEPING >= chunk.buffer.byteLength) return view;
  const own = Buffer.allocUnsafe(view.length);
  own.set(view);
  return own;
}

/** The client has sent all. */
export function endGrpc(stream: Stream): void {
  if (stream.admitting) {
    stream.endedEarly = true;
    return;
  }
  if (stream.prefixBytes === 0) return refuse(stream, 12, 'the call has no message: a unary call has exactly one');
  if (stream.prefixBytes < 5 || stream.filled < stream.length) {
    return refuse(stream, 13, `the call ended after ${stream.filled} of ${stream.length} bytes of its message`);
  }
  stream.connection.started(stream);
  if (stream.compressed === 0) return handle(stream, stream.message!);
  const inflated = inflateMessage(stream);
  if (inflated instanceof Promise)
    inflated.then(
      (message) => handle(stream, message),
      (error) => bug(stream, error),
    );
  else handle(stream, inflated);
}

function handle(stream: Stream, message: Uint8Array | GrpcAnswer): void {
  if (!(message instanceof Uint8Array)) return settle(stream, message);
  stream.message = undefined; // the handler's now
  let answer: Promise<GrpcAnswer>;
  try {
    answer = stream.head.unary!.handle(message, stream);
  } catch (error) {
    return bug(stream, error);
  }
  answer.then(
    (value) => settle(stream, value),
    (error) => bug(stream, error),
  );
}

function settle(stream: Stream, answer: GrpcAnswer): void {
  stream.connection.settled(stream);
  if (!stream.gone) stream.connection.respondGrpc(stream, answer);
}

function bug(stream: Stream, error: unknown): void {
  stream.connection.server.logger.error('a gRPC handler threw', { path: stream.path, error });
  if (stream.running) stream.connection.settled(stream);
  if (!stream.gone) refuse(stream, 13, 'internal error; see the log of the server');
}

function refuse(stream: Stream, code: Exclude<GrpcAnswer['code'], 0>, reason: string): void {
  stream.connection.respondGrpc(stream, refusal(code, reason));
}

function tooMany(stream: Stream): void {
  refuse(stream, 12, 'the call has bytes after its message: a unary call has exactly one');
}

function noMemory(stream: Stream, bytes: number): void {
  stream.connection.respondGrpc(stream, overloaded(bytes));
}

const nothing = new Uint8Array(0);
