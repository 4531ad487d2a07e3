import type { Socket } from 'node:net';
import { Backpressure } from './backpressure.ts';
import { ClosedStreams } from './closed_streams.ts';
import { controlFrame } from './control.ts';
import type { Deadlines } from './deadlines.ts';
import { Departure } from './departure.ts';
import * as f from './frames.ts';
import { grpcCall } from './grpc_call.ts';
import { HeadReader } from './head_reader.ts';
import { HeaderBlocks } from './header_blocks.ts';
import { httpCall } from './http_call.ts';
import { Lifetime } from './lifetime.ts';
import { LeakyBucket } from './limits.ts';
import { FrameReader, type FrameSink } from './reader.ts';
import { Sender } from './sender.ts';
import type { ServerState } from './server_state.ts';
import { Stream } from './stream.ts';
import { checkTimes } from './times.ts';

/** Noise that each answered call makes up for. */
const FORGIVEN = 4;

/** One HTTP/2 connection, the server's side (RFC 9113). What is public is for the files beside this one. */
export class Connection implements FrameSink {
  readonly server: ServerState;
  readonly socket: Socket;
  readonly sender: Sender;
  readonly streams = new Map<number, Stream>();
  readonly lifetime: Lifetime;
  readonly departure = new Departure(this);
  readonly blocks = new HeaderBlocks(this);
  readonly startedAt: number;
  /** Monotonic milliseconds, taken once for each read. */
  now: number;
  /** Nothing more is read: the connection has failed or is closing. */
  deaf = false;
  closingSince: number | undefined;
  readonly backpressure: Backpressure;
  settingsAcked = false;
  /** An answer has told which encodings are taken. */
  advertised = false;
  lastId = 0;
  readonly #reader = new FrameReader(this);
  readonly #heads: HeadReader;
  readonly #closed = new ClosedStreams();
  readonly #resets: LeakyBucket;
  readonly #noise: LeakyBucket;
  #deadlines: Deadlines;
  /** Handlers at work, and how many of those on streams that are gone. */
  #running = 0;
  #orphans = 0;
  #dataStream: Stream | undefined;
  /** What the client may send on the connection, and what came since it was told so. */
  #window = f.DEFAULT_WINDOW;
  #consumed = 0;
  #sawSettings = false;
  #peer: string | undefined;

  constructor(server: ServerState, socket: Socket) {
    const { limits } = server;
    this.server = server;
    this.socket = socket;
    this.now = server.clock.monotonic();
    this.startedAt = this.now;
    this.backpressure = new Backpressure(socket, limits.maxUnreadAnswerBytes);
    this.sender = new Sender(
      socket,
      (stream) => this.#sent(stream),
      () => this.backpressure.written(this.now),
    );
    this.lifetime = new Lifetime(server.keepalive, this.now, server.random());
    this.#heads = new HeadReader(server.methods, limits.maxHeaderListBytes);
    this.#resets = new LeakyBucket(limits.resetBurst, limits.resetsPerSecond);
    this.#noise = new LeakyBucket(limits.noiseBurst, limits.noisePerSecond);
    this.#deadlines = server.deadlines;
    this.#listen();
    this.sender.settings([
      [f.SETTINGS_MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams],
      [f.SETTINGS_MAX_HEADER_LIST_SIZE, limits.maxHeaderListBytes],
    ]);
    this.#replenish(limits.connectionWindowBytes - f.DEFAULT_WINDOW);
  }

  get peer(): string {
    if (this.#peer) return this.#peer;
    const { remoteAddress: host, remotePort: port, remoteFamily } = this.socket;
    this.#peer = host === undefined ? 'unix' : remoteFamily === 'IPv6' ? `[${host}]:${port}` : `${host}:${port}`;
    return this.#peer;
  }

  /** No call is open, and no handler works. */
  get idle(): boolean {
    return this.streams.size === 0 && this.#running === 0;
  }

  #listen(): void {
    const { socket, server } = this;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('drain', () => this.backpressure.drained());
    socket.on('error', (error) => server.logger.debug('connection failed', { peer: this.peer, error: error.message }));
    socket.on('close', () => this.#lost());
  }

  read(chunk: Buffer): void {
    if (this.deaf) return;
    this.now = this.server.clock.monotonic();
    this.lifetime.heard(this.now);
    this.#reader.push(chunk);
    if (this.#consumed * 2 >= this.server.limits.connectionWindowBytes) this.#replenish(this.#consumed);
  }

  #replenish(bytes: number): void {
    this.#consumed = 0;
    if (bytes <= 0 || this.deaf) return;
    this.#window += bytes;
    this.sender.windowUpdate(0, bytes);
  }

  // What the reader tells.

  frameHeader(type: number, id: number, length: number): void {
    if (!this.#sawSettings) {
      // 3.4: the client's preface ends with a SETTINGS frame
      if (type !== f.SETTINGS) {
        this.fail(f.PROTOCOL_ERROR, 'the first frame is not SETTINGS');
        return;
      }
      this.#sawSettings = true;
    }
    this.blocks.expects(type, id, length);
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (type === f.HEADERS) this.blocks.headers(flags, id, bytes, start, end);
    else if (type === f.CONTINUATION) this.blocks.continuation(flags, bytes, start, end);
    else controlFrame(this, type, flags, id, bytes.subarray(start, end));
  }

  dataStart(id: number, length: number): void {
    this.#window -= length;
    this.#consumed += length;
    const stream = this.streams.get(id);
    this.#dataStream = stream;
    if (this.#window < 0) {
      this.fail(f.FLOW_CONTROL_ERROR, 'more DATA than the window of the connection');
    } else if (!stream) {
      this.#strayData(id);
    } else if (stream.remoteClosed) {
      this.streamError(stream, f.STREAM_CLOSED);
    } else {
      stream.recvWindow -= length;
      if (stream.recvWindow < 0) this.streamError(stream, f.FLOW_CONTROL_ERROR);
    }
  }

  /** DATA on a stream that is not open, RFC 9113 5.1 and 6.1. */
  #strayData(id: number): void {
    if (id === 0 || this.isIdle(id)) {
      this.fail(f.PROTOCOL_ERROR, 'DATA on an idle stream');
      return;
    }
    if (this.#closed.resetByUs(id) || id > this.departure.lastTaken) return;
    this.sender.reset(id, f.STREAM_CLOSED);
    this.countReset();
  }

  dataBytes(chunk: Buffer, start: number, end: number): void {
    const stream = this.#dataStream;
    if (!stream || stream.gone || stream.answered) return;
    stream.received += end - start;
    stream.heardAt = this.now;
    stream.exchange.data(stream, chunk, start, end);
  }

  dataEnd(endStream: boolean, length: number): void {
    if (endStream) {
      if (this.#dataStream) this.#endStream(this.#dataStream);
    } else if (length === 0) {
      this.noisy(); // nothing, or nothing but padding
    }
    this.#dataStream = undefined;
  }

  keep(bytes: number): boolean {
    if (this.server.memory.tryReserve(bytes)) return true;
    this.fail(f.ENHANCE_YOUR_CALM, 'no memory for a frame that is cut in two');
    return false;
  }

  unkeep(bytes: number): void {
    this.server.memory.release(bytes);
  }

  // Streams.

  /** Neither opened nor skipped yet (RFC 9113 5.1.1); even numbers are ours, and we open none. */
  isIdle(id: number): boolean {
    return id > this.lastId || (id & 1) === 0;
  }

  /** A whole header block. */
  headerBlock(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const endStream = (flags & f.FLAG_END_STREAM) !== 0;
    if ((id & 1) === 0) {
      this.fail(f.PROTOCOL_ERROR, 'HEADERS on a stream that no client opens');
    } else if (id <= this.lastId) {
      this.#lateHeaders(id, endStream, bytes, start, end);
    } else {
      this.lastId = id;
      this.#open(id, endStream, bytes, start, end);
    }
  }

  #open(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const head = this.#heads.request(bytes, start, end);
    if (head === 'broken') {
      this.fail(f.COMPRESSION_ERROR, this.#heads.problem);
    } else if (id > this.departure.lastTaken) {
      // the client will take it elsewhere
    } else if (head === 'malformed') {
      this.#refuse(id, f.PROTOCOL_ERROR);
    } else if (this.streams.size + this.#orphans >= this.server.limits.maxConcurrentStreams) {
      this.#refuse(id, f.REFUSED_STREAM);
    } else if (endStream && head.contentLength > 0) {
      this.#refuse(id, f.PROTOCOL_ERROR); // 8.1.1
    } else {
      const stream = new Stream(this, id, head, head.isGrpc ? grpcCall : httpCall);
      stream.remoteClosed = endStream;
      this.streams.set(id, stream);
      stream.exchange.begin(stream, endStream);
    }
  }

  /** Trailers, or HEADERS where none may be. */
  #lateHeaders(id: number, endStream: boolean, bytes: Buffer, start: number, end: number): void {
    const trailers = this.#heads.trailers(bytes, start, end);
    const stream = this.streams.get(id);
    if (trailers === 'broken') {
      this.fail(f.COMPRESSION_ERROR, this.#heads.problem);
    } else if (!stream) {
      if (this.#closed.resetByUs(id)) return;
      // 5.1 for a stream that was; 5.1.1 for one that was skipped
      if (this.#closed.has(id)) this.fail(f.STREAM_CLOSED, 'HEADERS on a closed stream');
      else this.fail(f.PROTOCOL_ERROR, 'a stream id lower than the last');
    } else if (stream.remoteClosed) {
      this.streamError(stream, f.STREAM_CLOSED);
    } else if (!endStream || trailers === 'malformed') {
      this.streamError(stream, f.PROTOCOL_ERROR); // 8.1: trailers end the stream
    } else {
      this.#endStream(stream);
    }
  }

  #endStream(stream: Stream): void {
    if (stream.gone || stream.remoteClosed) return;
    stream.remoteClosed = true;
    if (stream.answered) return; // the answer is on its way and closes the stream
    const { contentLength } = stream.head;
    // 8.1.1
    if (contentLength >= 0 && contentLength !== stream.received) this.streamError(stream, f.PROTOCOL_ERROR);
    else stream.exchange.end(stream);
  }

  // What calls ask for.

  /** Lets the client send so many bytes more of this stream's body; they are reserved. */
  openWindow(stream: Stream, bytes: number): void {
    const increment = bytes - stream.recvWindow;
    if (increment <= 0 || stream.gone || stream.remoteClosed) return;
    stream.recvWindow += increment;
    this.sender.windowUpdate(stream.id, increment);
  }

  /** The handler gets the message now. */
  started(stream: Stream): void {
    stream.running = true;
    this.#running++;
    if (stream.head.timeoutMs !== undefined) this.#deadlines.add(stream);
  }

  /** The handler has settled: the bytes are free. */
  settled(stream: Stream): void {
    stream.running = false;
    stream.deadline?.cancel();
    stream.release();
    this.#running--;
    if (!stream.gone) return;
    this.#orphans--;
    this.departure.check();
  }

  #sent(stream: Stream): void {
    this.lifetime.answered();
    this.#noise.forgive(FORGIVEN);
    // RFC 9113 8.1: the answer is complete, the client may stop sending
    if (!stream.remoteClosed) this.sender.reset(stream.id, f.NO_ERROR);
    this.remove(stream, !stream.remoteClosed, undefined);
  }

  /** @param aborted why nobody waits for the answer; undefined: it was given */
  remove(stream: Stream, resetByUs: boolean, aborted: string | undefined): void {
    if (stream.gone) return;
    stream.gone = true;
    this.streams.delete(stream.id);
    this.#closed.add(stream.id, resetByUs);
    if (stream.pending) this.sender.forget(stream);
    stream.deadline?.cancel();
    if (stream.running) this.#orphans++;
    else stream.release();
    if (aborted !== undefined) stream.cancel(aborted);
    if (this.streams.size > 0) return;
    this.lifetime.idle(this.now);
    this.departure.check();
  }

  // Errors and the end.

  /** A stream error that the client caused (RFC 9113 5.4.2); it can make us work with too many of them (CVE-2025-8671). */
  streamError(stream: Stream, code: number): void {
    this.sender.reset(stream.id, code);
    this.remove(stream, true, 'a breach of the protocol');
    this.countReset();
  }

  #refuse(id: number, code: number): void {
    this.sender.reset(id, code);
    this.#closed.add(id, true);
    this.countReset();
  }

  countReset(): void {
    if (!this.#resets.add(this.now)) this.fail(f.ENHANCE_YOUR_CALM, 'too many resets');
  }

  noisy(): void {
    if (!this.#noise.add(this.now)) this.fail(f.ENHANCE_YOUR_CALM, 'too many frames that carry nothing');
  }

  /** A connection error (RFC 9113 5.4.1). */
  fail(code: number, reason: string): void {
    if (this.deaf) return;
    this.server.logger.debug('connection closed for an error', { peer: this.peer, code, reason });
    this.sender.goAway(this.lastId, code, reason);
    this.close();
  }

  close(): void {
    if (this.closingSince !== undefined) return;
    this.closingSince = this.now;
    this.deaf = true;
    this.sender.flush();
    this.socket.end();
  }

  sweep(now: number): void {
    this.now = now;
    checkTimes(this, now);
  }

  #lost(): void {
    this.deaf = true;
    this.#reader.close();
    this.blocks.drop();
    for (const stream of [...this.streams.values()]) this.remove(stream, false, 'the connection was lost');
    this.server.closed(this);
  }
}
