import type { Socket } from 'node:net';
import { grpcResponseHeaders, httpHeaders, okTrailers, PREFIX, trailersOnly } from './answer.ts';
import { ClosedStreams } from './closed_streams.ts';
import * as f from './frames.ts';
import { beginGrpc, endGrpc, grpcData } from './grpc_call.ts';
import { BROKEN, HpackDecoder, OVER_LIMIT } from './hpack/decoder.ts';
import { beginHttp, endHttp, httpData } from './http_call.ts';
import { Lifetime } from './lifetime.ts';
import { LeakyBucket } from './limits.ts';
import { FrameReader, type FrameSink } from './reader.ts';
import { type RequestHead, readHead, trailersAreRight } from './request_head.ts';
import { Sender } from './sender.ts';
import type { ServerState } from './server_state.ts';
import { Stream } from './stream.ts';
import type { GrpcAnswer, HttpAnswer } from './types.ts';

/** How long a closed connection may take to read our last words. */
const LINGER_MS = 1000;
/** How long the client may take to answer the ping between the two GOAWAY frames. */
const GOAWAY_PING_MS = 1000;
const goAwayPing = Buffer.from('goaway!!', 'latin1');
const keepalivePing = Buffer.from('alive???', 'latin1');
/** Header blocks whose meaning is kept: a client calls a handful of methods over and over. */
const HEADS = 4;

interface KnownHead {
  readonly block: Buffer;
  readonly generation: number;
  readonly head: RequestHead;
}

/** A block that goes on in CONTINUATION frames. */
interface OpenBlock {
  readonly id: number;
  readonly flags: number;
  readonly parts: Buffer[];
  bytes: number;
}

/** One HTTP/2 connection, the server's side (RFC 9113). */
export class Connection implements FrameSink {
  readonly server: ServerState;
  readonly sender: Sender;
  deaf = false;
  /** Monotonic milliseconds, taken once for each read. */
  now: number;
  #socket: Socket;
  #reader = new FrameReader(this);
  #hpack = new HpackDecoder();
  #heads: KnownHead[] = [];
  #nextHead = 0;
  #streams = new Map<number, Stream>();
  #closed = new ClosedStreams();
  #lastId = 0;
  /** Streams the client reset whose handlers still work. */
  #orphans = 0;
  #running = 0;
  #block: OpenBlock | undefined;
  #dataStream: Stream | undefined;
  #window: number;
  #consumed = 0;
  #sawSettings = false;
  #settingsAcked = false;
  #startedAt: number;
  #blockSince = 0;
  #resets: LeakyBucket;
  #noise: LeakyBucket;
  #lifetime: Lifetime;
  #leaving: 'no' | 'announced' | 'final' = 'no';
  #announcedAt = 0;
  #refuseAfter = f.MAX_STREAM_ID;
  #closingAt: number | undefined;
  #pausedAt: number | undefined;
  #advertised = false;
  #timed: Stream[] = [];
  #peer: string | undefined;

  constructor(server: ServerState, socket: Socket) {
    const { limits } = server;
    this.server = server;
    this.#socket = socket;
    this.now = server.clock.monotonic();
    this.#startedAt = this.now;
    this.sender = new Sender(
      socket,
      (stream) => this.#sent(stream),
      () => this.#written(),
    );
    this.#window = f.DEFAULT_WINDOW;
    this.#resets = new LeakyBucket(limits.resetBurst, limits.resetsPerSecond);
    this.#noise = new LeakyBucket(limits.noiseBurst, limits.noisePerSecond);
    this.#lifetime = new Lifetime(server.keepalive, this.now, server.random());
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('error', (error) => server.logger.debug('connection failed', { peer: this.peer, error: error.message }));
    socket.on('close', () => this.#lost());
    this.sender.settings([
      [f.SETTINGS_MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams],
      [f.SETTINGS_MAX_HEADER_LIST_SIZE, limits.maxHeaderListBytes],
    ]);
    this.#replenish(limits.connectionWindowBytes - f.DEFAULT_WINDOW);
  }

  get peer(): string {
    if (this.#peer) return this.#peer;
    const { remoteAddress: host, remotePort: port, remoteFamily } = this.#socket;
    this.#peer = host === undefined ? 'unix' : remoteFamily === 'IPv6' ? `[${host}]:${port}` : `${host}:${port}`;
    return this.#peer;
  }

  /** The first bytes, which somebody else has read already. */
  feed(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  #read(chunk: Buffer): void {
    if (this.deaf) return;
    this.now = this.server.clock.monotonic();
    this.#lifetime.heard(this.now);
    this.#reader.push(chunk);
    if (this.#consumed * 2 >= this.server.limits.connectionWindowBytes) this.#replenish(this.#consumed);
  }

  #replenish(bytes: number): void {
    this.#consumed = 0;
    if (bytes <= 0) return;
    this.#window += bytes;
    this.sender.windowUpdate(0, bytes);
  }

  // What the reader tells.

  frameHeader(type: number, _flags: number, id: number, length: number): void {
    if (!this.#sawSettings) {
      // 3.4: the client's preface ends with a SETTINGS frame
      if (type !== f.SETTINGS) return this.fail(f.PROTOCOL_ERROR, 'the first frame is not SETTINGS');
      this.#sawSettings = true;
    }
    const block = this.#block;
    if (block) {
      // 6.10
      if (type !== f.CONTINUATION || id !== block.id) {
        return this.fail(f.PROTOCOL_ERROR, 'a header block is interrupted by another frame');
      }
      if (block.bytes + length > this.server.limits.maxHeaderListBytes) {
        return this.fail(f.ENHANCE_YOUR_CALM, 'a header block that does not end');
      }
    } else if (type === f.CONTINUATION) {
      this.fail(f.PROTOCOL_ERROR, 'CONTINUATION without an open header block');
    }
  }

  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    switch (type) {
      case f.HEADERS:
        return this.#headers(flags, id, bytes, start, end);
      case f.CONTINUATION:
        return this.#continuation(flags, bytes, start, end);
      case f.WINDOW_UPDATE:
        return this.#windowUpdate(id, bytes, start, end);
      case f.SETTINGS:
        return this.#settings(flags, id, bytes, start, end);
      case f.PING:
        return this.#ping(flags, id, bytes, start, end);
      case f.RST_STREAM:
        return this.#rstStream(id, bytes, start, end);
      case f.PRIORITY:
        return this.#priority(id, bytes, start, end);
      case f.GOAWAY:
        if (id !== 0) return this.fail(f.PROTOCOL_ERROR, 'GOAWAY on a stream');
        if (end - start < 8) return this.fail(f.FRAME_SIZE_ERROR, 'GOAWAY without its fields');
        return this.#noisy();
      case f.PUSH_PROMISE:
        return this.fail(f.PROTOCOL_ERROR, 'PUSH_PROMISE from a client');
      default:
        this.#noisy(); // 4.1: frames of unknown types are ignored
    }
  }

  dataStart(_flags: number, id: number, length: number): void {
    if (!this.#sawSettings) return this.fail(f.PROTOCOL_ERROR, 'the first frame is not SETTINGS');
    if (this.#block) return this.fail(f.PROTOCOL_ERROR, 'a header block is interrupted by another frame');
    if (id === 0) return this.fail(f.PROTOCOL_ERROR, 'DATA on stream 0');
    this.#window -= length;
    this.#consumed += length;
    if (this.#window < 0) return this.fail(f.FLOW_CONTROL_ERROR, 'more DATA than the connection window');
    const stream = this.#streams.get(id);
    this.#dataStream = stream;
    if (!stream) return this.#strayData(id);
    if (stream.remoteClosed) return this.#streamError(stream, f.STREAM_CLOSED);
    stream.recvWindow -= length;
    if (stream.recvWindow < 0) this.#streamError(stream, f.FLOW_CONTROL_ERROR);
  }

  /** DATA on a stream that is not open, RFC 9113 5.1. */
  #strayData(id: number): void {
    if ((id & 1) === 0 || id > this.#lastId) return this.fail(f.PROTOCOL_ERROR, 'DATA on an idle stream');
    if (this.#closed.resetByUs(id) || id > this.#refuseAfter) return;
    this.sender.reset(id, f.STREAM_CLOSED);
    this.#countReset();
  }

  dataBytes(chunk: Buffer, start: number, end: number): void {
    const stream = this.#dataStream;
    if (!stream || stream.gone || stream.answered) return;
    stream.received += end - start;
    stream.heardAt = this.now;
    if (stream.head.isGrpc) grpcData(stream, chunk, start, end);
    else httpData(stream, chunk, start, end);
  }

  dataEnd(flags: number): void {
    const stream = this.#dataStream;
    if (!stream) return;
    this.#dataStream = undefined;
    if (flags & f.FLAG_END_STREAM) this.#endStream(stream);
    else if (stream.heardAt !== this.now) this.#noisy(); // nothing but padding
  }

  keep(bytes: number): boolean {
    if (this.server.memory.tryReserve(bytes)) return true;
    this.fail(f.ENHANCE_YOUR_CALM, 'no memory for a frame that is cut in two');
    return false;
  }

  unkeep(bytes: number): void {
    this.server.memory.release(bytes);
  }

  // Headers.

  #headers(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0 || (id & 1) === 0) return this.fail(f.PROTOCOL_ERROR, 'HEADERS on a stream that no client opens');
    let from = start;
    let to = end;
    if (flags & f.FLAG_PADDED) {
      to -= bytes[from++] ?? 0;
    }
    if (flags & f.FLAG_PRIORITY) {
      if (to - from >= 5 && (f.readUint32(bytes, from) & 0x7fff_ffff) === id) {
        return this.fail(f.PROTOCOL_ERROR, 'a stream that depends on itself');
      }
      from += 5;
    }
    if (from > to || from > end) return this.fail(f.PROTOCOL_ERROR, 'HEADERS padding is longer than the frame');
    if (flags & f.FLAG_END_HEADERS) return this.#headerBlock(flags, id, bytes, from, to);
    if (!this.keep(to - from)) return;
    this.#block = { id, flags, parts: [Buffer.from(bytes.subarray(from, to))], bytes: to - from };
    this.#blockSince = this.now;
  }

  #continuation(flags: number, bytes: Buffer, start: number, end: number): void {
    const block = this.#block!;
    if (end - start === 0 || block.parts.length > 8) this.#noisy();
    if (this.deaf || !this.keep(end - start)) return;
    block.parts.push(Buffer.from(bytes.subarray(start, end)));
    block.bytes += end - start;
    if ((flags & f.FLAG_END_HEADERS) === 0) return;
    this.#dropBlock();
    const whole = Buffer.concat(block.parts);
    this.#headerBlock(block.flags, block.id, whole, 0, whole.length);
  }

  #dropBlock(): void {
    if (this.#block) this.unkeep(this.#block.bytes);
    this.#block = undefined;
  }

  #headerBlock(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const stream = this.#streams.get(id);
    if (stream || id <= this.#lastId) return this.#lateHeaders(stream, flags, id, bytes, start, end);
    this.#lastId = id;
    const head = this.#readHead(bytes, start, end);
    if (this.deaf || id > this.#refuseAfter) return;
    if (!head) return this.#refuse(id, f.PROTOCOL_ERROR);
    if (this.#streams.size + this.#orphans >= this.server.limits.maxConcurrentStreams) {
      return this.#refuse(id, f.REFUSED_STREAM);
    }
    const opened = new Stream(this, id, head, this.sender.initialWindow, this.now);
    this.#streams.set(id, opened);
    const ends = (flags & f.FLAG_END_STREAM) !== 0;
    opened.remoteClosed = ends;
    if (ends && head.contentLength > 0) return this.#streamError(opened, f.PROTOCOL_ERROR);
    if (head.isGrpc) return beginGrpc(opened, ends);
    beginHttp(opened);
    if (ends && !opened.answered) endHttp(opened);
  }

  /** The head of a block that has been seen before, or a new one; undefined for a malformed request. */
  #readHead(bytes: Buffer, start: number, end: number): RequestHead | undefined {
    const hpack = this.#hpack;
    const generation = hpack.generation;
    for (const known of this.#heads) {
      if (known.generation === generation && sameBytes(known.block, bytes, start, end)) return known.head;
    }
    const status = hpack.decode(bytes, start, end, this.server.limits.maxHeaderListBytes);
    if (status === BROKEN) {
      this.fail(f.COMPRESSION_ERROR, hpack.problem);
      return undefined;
    }
    const head = readHead(hpack.fields, status === OVER_LIMIT);
    if (!head) return undefined;
    head.unary = this.server.methods.get(head.path);
    if (hpack.generation === generation && end - start <= 256) {
      this.#heads[this.#nextHead] = { block: Buffer.from(bytes.subarray(start, end)), generation, head };
      this.#nextHead = (this.#nextHead + 1) % HEADS;
    }
    return head;
  }

  /** Trailers, or HEADERS where none may be. */
  #lateHeaders(s: Stream | undefined, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    const status = this.#hpack.decode(bytes, start, end, this.server.limits.maxHeaderListBytes);
    if (status === BROKEN) return this.fail(f.COMPRESSION_ERROR, this.#hpack.problem);
    if (!s) {
      if (this.#closed.resetByUs(id)) return;
      // 5.1 for a stream that was; 5.1.1 for one that was skipped
      if (this.#closed.has(id)) return this.fail(f.STREAM_CLOSED, 'HEADERS on a closed stream');
      return this.fail(f.PROTOCOL_ERROR, 'a stream id lower than the last');
    }
    if (s.remoteClosed) return this.#streamError(s, f.STREAM_CLOSED);
    // 8.1: trailers end the stream
    if ((flags & f.FLAG_END_STREAM) === 0 || !trailersAreRight(this.#hpack.fields)) {
      return this.#streamError(s, f.PROTOCOL_ERROR);
    }
    this.#endStream(s);
  }

  #endStream(stream: Stream): void {
    if (stream.gone || stream.remoteClosed) return;
    stream.remoteClosed = true;
    if (stream.answered) return; // the answer is on its way and closes the stream
    const { head } = stream;
    // 8.1.1
    if (head.contentLength >= 0 && head.contentLength !== stream.received) {
      return this.#streamError(stream, f.PROTOCOL_ERROR);
    }
    if (head.isGrpc) endGrpc(stream);
    else endHttp(stream);
  }

  // Other frames.

  #settings(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) return this.fail(f.PROTOCOL_ERROR, 'SETTINGS on a stream');
    if (flags & f.FLAG_ACK) {
      if (end !== start) return this.fail(f.FRAME_SIZE_ERROR, 'an acknowledgement with settings');
      this.#settingsAcked = true;
      return;
    }
    if ((end - start) % 6 !== 0) return this.fail(f.FRAME_SIZE_ERROR, 'SETTINGS of an odd length');
    this.#noisy();
    for (let at = start; at < end && !this.deaf; at += 6) {
      this.#setting((bytes[at]! << 8) | bytes[at + 1]!, f.readUint32(bytes, at + 2));
    }
    if (!this.deaf) this.sender.settingsAck();
  }

  /** RFC 9113 6.5.2. */
  #setting(id: number, value: number): void {
    if (id === f.SETTINGS_ENABLE_PUSH && value > 1) {
      this.fail(f.PROTOCOL_ERROR, `SETTINGS_ENABLE_PUSH ${value}`);
    } else if (id === f.SETTINGS_MAX_FRAME_SIZE) {
      if (value < f.DEFAULT_MAX_FRAME || value > 0xff_ffff) {
        return this.fail(f.PROTOCOL_ERROR, `SETTINGS_MAX_FRAME_SIZE ${value}`);
      }
      this.sender.maxFrame = Math.min(value, f.DEFAULT_MAX_FRAME);
    } else if (id === f.SETTINGS_INITIAL_WINDOW_SIZE) {
      if (value > f.MAX_WINDOW) return this.fail(f.FLOW_CONTROL_ERROR, `SETTINGS_INITIAL_WINDOW_SIZE ${value}`);
      // 6.9.2: applies to open streams too, and may leave a window negative
      const delta = value - this.sender.initialWindow;
      this.sender.initialWindow = value;
      if (delta === 0) return;
      for (const stream of this.#streams.values()) {
        if (!this.sender.growStream(stream, delta)) {
          return this.fail(f.FLOW_CONTROL_ERROR, 'SETTINGS make a stream window overflow');
        }
      }
    }
  }

  #ping(flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (id !== 0) return this.fail(f.PROTOCOL_ERROR, 'PING on a stream');
    if (end - start !== 8) return this.fail(f.FRAME_SIZE_ERROR, 'PING of another length than 8');
    const payload = bytes.subarray(start, end);
    if (flags & f.FLAG_ACK) {
      if (this.#leaving === 'announced' && goAwayPing.equals(payload)) this.#finalGoAway();
      return;
    }
    if (!this.#lifetime.clientPing(this.now, this.#streams.size)) {
      return this.fail(f.ENHANCE_YOUR_CALM, 'too_many_pings');
    }
    this.#noisy();
    this.sender.ping(payload, true);
  }

  #windowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) return this.fail(f.FRAME_SIZE_ERROR, 'WINDOW_UPDATE of another length than 4');
    const increment = f.readUint32(bytes, start) & 0x7fff_ffff;
    this.#noisy();
    if (id === 0) {
      if (increment === 0) return this.fail(f.PROTOCOL_ERROR, 'WINDOW_UPDATE of 0');
      if (!this.sender.grow(increment)) this.fail(f.FLOW_CONTROL_ERROR, 'the connection window overflows');
      return;
    }
    const stream = this.#streams.get(id);
    if (!stream) {
      if (id > this.#lastId || (id & 1) === 0) this.fail(f.PROTOCOL_ERROR, 'WINDOW_UPDATE on an idle stream');
      return;
    }
    if (increment === 0) return this.#streamError(stream, f.PROTOCOL_ERROR);
    if (!this.sender.growStream(stream, increment)) this.#streamError(stream, f.FLOW_CONTROL_ERROR);
  }

  #rstStream(id: number, _bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) return this.fail(f.FRAME_SIZE_ERROR, 'RST_STREAM of another length than 4');
    if (id === 0 || (id & 1) === 0 || id > this.#lastId) {
      return this.fail(f.PROTOCOL_ERROR, 'RST_STREAM on an idle stream');
    }
    this.#countReset();
    const stream = this.#streams.get(id);
    if (stream) this.#remove(stream, false, 'the client reset the call');
  }

  /** RFC 9113 5.3.2: deprecated, read and ignored. */
  #priority(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) return this.fail(f.PROTOCOL_ERROR, 'PRIORITY on stream 0');
    if (end - start !== 5) return this.fail(f.FRAME_SIZE_ERROR, 'PRIORITY of another length than 5');
    if ((f.readUint32(bytes, start) & 0x7fff_ffff) === id) {
      return this.fail(f.PROTOCOL_ERROR, 'a stream that depends on itself');
    }
    this.#noisy();
  }

  // What calls ask for.

  /** Lets the client send `bytes` more of this stream's body; they are reserved. */
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
    if (stream.head.timeoutMs === undefined) return;
    this.#timed.push(stream);
    if (this.#timed.length === 1) setImmediate(() => this.#startTimers());
  }

  /** Only calls that did not settle at once get a timer. */
  #startTimers(): void {
    const timed = this.#timed;
    this.#timed = [];
    for (const stream of timed) {
      if (!stream.running || stream.gone) continue;
      const left = stream.startedAt + stream.head.timeoutMs! - this.server.clock.monotonic();
      stream.deadline = this.server.clock.after(Math.max(0, Math.ceil(left)), () => {
        if (stream.gone || stream.answered) return;
        stream.cancel('grpc-timeout passed');
        this.respondGrpc(stream, { code: 4, reason: 'grpc-timeout passed' });
      });
    }
  }

  /** The handler has settled: the bytes are free. */
  settled(stream: Stream): void {
    stream.running = false;
    stream.deadline?.cancel();
    stream.release();
    this.#running--;
    if (stream.gone) {
      this.#orphans--;
      this.#closeIfDone();
    }
  }

  respondGrpc(stream: Stream, answer: GrpcAnswer): void {
    if (stream.answered || stream.gone) return;
    stream.answered = true;
    if (answer.code !== 0) {
      this.sender.respond(stream, trailersOnly(answer), nothing, undefined);
      return;
    }
    const frames = this.server.ok.frames(answer.message, !this.#advertised);
    this.#advertised = true;
    if (this.sender.ok(stream, frames)) return;
    const body = Buffer.alloc(PREFIX + answer.message.length);
    f.writeUint32(body, 1, answer.message.length);
    body.set(answer.message, PREFIX);
    this.sender.respond(stream, grpcResponseHeaders(), body, okTrailers);
  }

  respondHttp(stream: Stream, answer: HttpAnswer): void {
    if (stream.answered || stream.gone) return;
    stream.answered = true;
    const body = stream.method === 'HEAD' ? nothing : answer.body;
    this.sender.respond(stream, httpHeaders(answer), body, undefined);
  }

  #sent(stream: Stream): void {
    stream.answered = true;
    this.#lifetime.answered();
    this.#noise.forgive(4);
    // RFC 9113 8.1: the answer is complete, the client may stop sending
    if (!stream.remoteClosed) this.sender.reset(stream.id, f.NO_ERROR);
    this.#remove(stream, !stream.remoteClosed, 'answered');
  }

  #remove(stream: Stream, resetByUs: boolean, why: string): void {
    if (stream.gone) return;
    stream.gone = true;
    this.#streams.delete(stream.id);
    this.#closed.add(stream.id, resetByUs);
    if (stream.pending) this.sender.forget(stream);
    if (stream.running) this.#orphans++;
    else stream.release();
    if (why !== 'answered') stream.cancel(why);
    if (this.#streams.size === 0) {
      this.#lifetime.idle(this.now);
      this.#closeIfDone();
    }
  }

  // Errors and the end.

  /** A stream error that the client caused (RFC 9113 5.4.2); too many of them are its way to make us work. */
  #streamError(stream: Stream, code: number): void {
    this.sender.reset(stream.id, code);
    this.#remove(stream, true, 'a breach of the protocol');
    this.#countReset();
  }

  #refuse(id: number, code: number): void {
    this.sender.reset(id, code);
    this.#closed.add(id, true);
    this.#countReset();
  }

  #countReset(): void {
    if (!this.#resets.add(this.now)) this.fail(f.ENHANCE_YOUR_CALM, 'too many resets');
  }

  #noisy(): void {
    if (!this.#noise.add(this.now)) this.fail(f.ENHANCE_YOUR_CALM, 'too many frames that carry nothing');
  }

  /** A connection error (RFC 9113 5.4.1). */
  fail(code: number, reason: string): void {
    if (this.deaf) return;
    this.deaf = true;
    this.server.logger.debug('connection closed for an error', { peer: this.peer, code, reason });
    this.sender.goAway(this.#lastId, code, reason);
    this.#close();
  }

  /** Says goodbye: calls under way are answered, new ones go elsewhere (RFC 9113 6.8). */
  leave(reason: string): void {
    if (this.#leaving !== 'no' || this.deaf) return;
    this.#leaving = 'announced';
    this.#announcedAt = this.now;
    this.sender.goAway(f.MAX_STREAM_ID, f.NO_ERROR, reason);
    this.sender.ping(goAwayPing, false);
  }

  #finalGoAway(): void {
    this.#leaving = 'final';
    this.#refuseAfter = this.#lastId;
    this.sender.goAway(this.#lastId, f.NO_ERROR, 'shutdown');
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#leaving === 'final' && this.#streams.size === 0 && this.#running === 0) this.#close();
  }

  #close(): void {
    if (this.#closingAt !== undefined) return;
    this.#closingAt = this.now;
    this.deaf = true;
    this.sender.flush();
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #lost(): void {
    this.deaf = true;
    this.#reader.close();
    this.#dropBlock();
    for (const stream of [...this.#streams.values()]) this.#remove(stream, false, 'the connection was lost');
    this.server.closed(this);
  }

  #written(): void {
    if (this.#pausedAt === undefined && this.#socket.writableLength > this.server.limits.maxUnreadAnswerBytes) {
      this.#pausedAt = this.now;
      this.#socket.pause();
    }
  }

  #drained(): void {
    if (this.#pausedAt === undefined) return;
    this.#pausedAt = undefined;
    this.#socket.resume();
  }

  /** Everything that depends on time alone; called about once a second. */
  sweep(now: number): void {
    this.now = now;
    const { limits } = this.server;
    if (this.#closingAt !== undefined) {
      if (now - this.#closingAt >= LINGER_MS) this.destroy();
      return;
    }
    if (this.#pausedAt !== undefined && now - this.#pausedAt >= limits.writeTimeoutMs) return this.destroy();
    if (!this.#settingsAcked && now - this.#startedAt >= limits.headerTimeoutMs) {
      return this.fail(f.SETTINGS_TIMEOUT, 'no SETTINGS, or no acknowledgement of ours');
    }
    if (this.#block && now - this.#blockSince >= limits.headerTimeoutMs) {
      return this.fail(f.ENHANCE_YOUR_CALM, 'a header block that does not end');
    }
    if (this.#leaving === 'announced' && now - this.#announcedAt >= GOAWAY_PING_MS) this.#finalGoAway();
    for (const stream of this.#streams.values()) this.#checkPace(stream, now);
    const verdict = this.#lifetime.check(now, this.#streams.size);
    if (verdict === 'ping') this.sender.ping(keepalivePing, false);
    else if (verdict === 'idle') this.leave('max_idle');
    else if (verdict === 'old') {
      this.#lifetime.leaving(now);
      this.leave('max_age');
    } else if (verdict !== 'fine') this.destroy();
  }

  #checkPace(stream: Stream, now: number): void {
    const { bodyIdleTimeoutMs, minBodyBytesPerSecond, writeTimeoutMs } = this.server.limits;
    if (stream.pending) {
      if (now - stream.heardAt >= writeTimeoutMs) this.#streamError(stream, f.CANCEL);
      return;
    }
    if (stream.remoteClosed || stream.answered || stream.admitting || this.#pausedAt !== undefined) return;
    const age = now - stream.startedAt;
    if (age < bodyIdleTimeoutMs) return;
    const slow = stream.received < (age / 1000) * minBodyBytesPerSecond;
    if (!slow && now - stream.heardAt < bodyIdleTimeoutMs) return;
    const reason = 'the body of the request comes too slowly';
    if (stream.head.isGrpc) this.respondGrpc(stream, { code: 4, reason });
    else this.respondHttp(stream, { status: 408, headers: {}, body: nothing });
  }
}

const nothing = new Uint8Array(0);

function sameBytes(known: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let at = 0; at < known.length; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}
