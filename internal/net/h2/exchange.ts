import type { Stream } from './stream.ts';

/** What a stream carries: a unary gRPC call or a plain HTTP request. Without state; that is the stream's. */
export interface Exchange {
  /** The headers are in; `endStream`: and nothing follows. */
  begin(stream: Stream, endStream: boolean): void;
  /** Bytes of the body, counted in `stream.received` already; valid during the call only. */
  data(stream: Stream, chunk: Buffer, start: number, end: number): void;
  /** The client has sent all. */
  end(stream: Stream): void;
  /** Ends a request that does not come fast enough. */
  tooSlow(stream: Stream): void;
}

/** How one kind of exchange answers. */
export interface Replies<A> {
  respond(stream: Stream, answer: A): void;
  bug(stream: Stream): void;
}

/**
 * Asks whether the call may go on. Until a promised verdict is there the body is taken as far as the first window
 * reaches, and `admitted` is called after it.
 */
export function askAdmission<A extends object>(
  stream: Stream,
  replies: Replies<A>,
  ask: () => A | undefined | Promise<A | undefined>,
  admitted: () => void,
): void {
  let verdict: A | undefined | Promise<A | undefined>;
  try {
    verdict = ask();
  } catch (error) {
    threw(stream, replies, error);
    return;
  }
  if (!verdict) return;
  if (!(verdict instanceof Promise)) {
    replies.respond(stream, verdict);
    return;
  }
  stream.admitting = true;
  verdict.then(
    (answer) => {
      stream.admitting = false;
      if (stream.answered || stream.gone) return;
      if (answer) replies.respond(stream, answer);
      else admitted();
    },
    (error) => threw(stream, replies, error),
  );
}

/** Gives the request to its handler; the call is over, and its bytes are free, when the promise settles. */
export function run<A>(stream: Stream, replies: Replies<A>, handle: () => Promise<A>): void {
  let answer: Promise<A>;
  try {
    answer = handle();
  } catch (error) {
    threw(stream, replies, error);
    return;
  }
  answer.then(
    (value) => {
      stream.connection.settled(stream);
      replies.respond(stream, value);
    },
    (error) => threw(stream, replies, error),
  );
}

export function threw<A>(stream: Stream, replies: Replies<A>, error: unknown): void {
  stream.connection.server.logger.error('a request handler threw', { path: stream.path, error });
  if (stream.running) stream.connection.settled(stream);
  replies.bug(stream);
}
