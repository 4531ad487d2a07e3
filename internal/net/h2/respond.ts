import { grpcResponseHeaders, httpHeaders, okTrailers, PREFIX, trailersOnly } from './answer.ts';
import { writeUint32 } from './frames.ts';
import type { Stream } from './stream.ts';
import type { GrpcAnswer, HttpAnswer } from './types.ts';

const nothing = new Uint8Array(0);

/** Answers a call, unless it has its answer or is gone. */
export function respondGrpc(stream: Stream, answer: GrpcAnswer): void {
  if (stream.answered || stream.gone) return;
  stream.answered = true;
  const { connection } = stream;
  if (answer.code !== 0) {
    connection.sender.respond(stream, trailersOnly(answer), nothing, undefined);
    return;
  }
  const frames = connection.server.ok.frames(answer.message, !connection.advertised);
  connection.advertised = true;
  if (connection.sender.ok(stream, frames)) return;
  const body = Buffer.alloc(PREFIX + answer.message.length);
  writeUint32(body, 1, answer.message.length);
  body.set(answer.message, PREFIX);
  connection.sender.respond(stream, grpcResponseHeaders(), body, okTrailers);
}

export function respondHttp(stream: Stream, answer: HttpAnswer): void {
  if (stream.answered || stream.gone) return;
  stream.answered = true;
  const body = stream.method === 'HEAD' ? nothing : answer.body;
  stream.connection.sender.respond(stream, httpHeaders(answer), body, undefined);
}
