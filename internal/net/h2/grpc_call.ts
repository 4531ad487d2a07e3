import { overloaded, refusal } from './answer.ts';
import { askAdmission, type Exchange, type Replies, run, threw } from './exchange.ts';
import { inflateMessage } from './inflate.ts';
import { respondGrpc, respondHttp } from './respond.ts';
import type { Stream } from './stream.ts';
import type { GrpcAnswer } from './types.ts';

/** A unary call: the body is one message behind a prefix of a flag and a length. */
export const grpcCall: Exchange = { begin, data, end, tooSlow };

const replies: Replies<GrpcAnswer> = {
  respond: respondGrpc,
  bug: (stream) => refuse(stream, 13, 'internal error; see the log of the server'),
};

const PREFIX = 5;
/** What a message gets at first when the budget is half full; it doubles as the bytes come. */
const FIRST_STEP = 16 * 1024;
const nothing = new Uint8Array(0);

function begin(stream: Stream, endStream: boolean): void {
  const { connection, head } = stream;
  const method = head.unary;
  if (head.cut) {
    const limit = connection.server.limits.maxHeaderListBytes;
    refuse(stream, 8, `the headers of the request are larger than the ${limit} bytes that the server takes`);
  } else if (head.method !== 'POST') {
    respondHttp(stream, { status: 405, headers: { allow: 'POST' }, body: nothing });
  } else if (!method) {
    refuse(stream, 12, `unknown method ${head.path}`);
  } else if (endStream) {
    noMessage(stream);
  } else if (method.admit) {
    askAdmission(
      stream,
      replies,
      () => method.admit!(stream),
      () => admitted(stream),
    );
  }
}

function admitted(stream: Stream): void {
  if (stream.reserved > 0) stream.connection.openWindow(stream, stream.reserved - stream.filled);
  if (stream.endedEarly) end(stream);
}

/** The message goes into one buffer of its size, or is not copied at all. */
function data(stream: Stream, chunk: Buffer, start: number, end: number): void {
  let at = start;
  if (stream.prefixBytes < PREFIX) {
    for (; stream.prefixBytes < PREFIX && at < end; at++, stream.prefixBytes++) {
      if (stream.prefixBytes === 0) stream.compressed = chunk[at]!;
      else stream.length = stream.length * 256 + chunk[at]!;
    }
    if (stream.prefixBytes < PREFIX || !beginMessage(stream)) return;
    if (end - at === stream.length) {
      stream.message = at === end ? nothing : stream.connection.server.slab.takeOut(chunk, at, end);
      stream.filled = stream.length;
      return;
    }
    if (end - at < stream.length) stream.message = Buffer.allocUnsafeSlow(stream.length);
  }
  if (end - at > stream.length - stream.filled) {
    refuse(stream, 12, 'the call has bytes after its message: a unary call has exactly one');
    return;
  }
  if (at === end) return;
  chunk.copy(stream.message as Buffer, stream.filled, at, end);
  stream.filled += end - at;
  if (stream.reserved < stream.length && stream.filled * 2 >= stream.reserved) reserveMore(stream);
}

/** The prefix is in: the length is known, and nothing of the message has been kept yet. */
function beginMessage(stream: Stream): boolean {
  const { server } = stream.connection;
  const { compressed, length } = stream;
  const encoding = stream.head.grpcEncoding ?? 'identity';
  if (compressed > 1) {
    refuse(stream, 13, `the message's compressed flag is ${compressed}; it is 0 or 1`);
  } else if (compressed === 1 && encoding === 'identity') {
    refuse(stream, 13, 'a compressed message without a grpc-encoding');
  } else if (compressed === 1 && !server.encodings.has(encoding)) {
    refuse(stream, 12, `grpc-encoding ${encoding} is not supported`);
  } else if (length > server.limits.maxMessageBytes) {
    refuse(stream, 8, `a message of ${length} bytes; the server takes ${server.limits.maxMessageBytes}`);
  } else {
    // A length is only a claim: those of clients that never send take no more than half of the budget.
    const { used, capacity } = server.memory;
    return reserve(stream, (used + length) * 2 <= capacity ? length : Math.min(length, FIRST_STEP));
  }
  return false;
}

/** As much again as is reserved, now that half of that has come. */
function reserveMore(stream: Stream): void {
  reserve(stream, Math.min(stream.reserved, stream.length - stream.reserved));
}

function reserve(stream: Stream, bytes: number): boolean {
  if (!stream.connection.server.memory.tryReserve(bytes)) {
    stream.head.unary?.turnedAway?.('no memory for the message');
    respondGrpc(stream, overloaded(stream.length));
    return false;
  }
  stream.reserved += bytes;
  if (!stream.admitting) stream.connection.openWindow(stream, stream.reserved - stream.filled);
  return true;
}

function end(stream: Stream): void {
  if (stream.admitting) {
    stream.endedEarly = true;
    return;
  }
  if (stream.prefixBytes === 0) {
    noMessage(stream);
    return;
  }
  if (stream.prefixBytes < PREFIX || stream.filled < stream.length) {
    refuse(stream, 13, `the call ended after ${stream.filled} of ${stream.length} bytes of its message`);
    return;
  }
  stream.connection.started(stream);
  if (stream.compressed === 0) {
    handle(stream, stream.message!);
    return;
  }
  const inflated = inflateMessage(stream);
  if (!(inflated instanceof Promise)) {
    handle(stream, inflated);
    return;
  }
  inflated.then(
    (message) => handle(stream, message),
    (error) => threw(stream, replies, error),
  );
}

function handle(stream: Stream, message: Uint8Array | GrpcAnswer): void {
  if (message instanceof Uint8Array) {
    stream.message = undefined; // the handler's now
    run(stream, replies, () => stream.head.unary!.handle(message, stream));
    return;
  }
  stream.connection.settled(stream);
  if (message.code !== 0) stream.head.unary!.turnedAway?.(message.reason);
  respondGrpc(stream, message);
}

function tooSlow(stream: Stream): void {
  refuse(stream, 4, 'the body of the request came too slowly');
}

function noMessage(stream: Stream): void {
  refuse(stream, 12, 'the call has no message: a unary call has exactly one');
}

function refuse(stream: Stream, code: Exclude<GrpcAnswer['code'], 0>, reason: string): void {
  stream.head.unary?.turnedAway?.(reason);
  respondGrpc(stream, refusal(code, reason));
}
