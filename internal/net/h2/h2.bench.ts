/**
 * Requests per CPU second of a server that receives and answers unary calls: ours, node:http2, grpc-js.
 *
 *     node internal/net/h2/h2.bench.ts [own|http2|grpc-js …]
 *
 * The server runs on core 0, the load, two connections, on core 1 (taskset, where there is one); only the server's CPU time counts.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import http2 from 'node:http2';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { systemClock } from '../../core/clock.ts';
import { MemoryBudget } from '../../core/memory.ts';
import { noLogger } from '../../core/telemetry.ts';
import * as f from './frames.ts';
import { encodeHeaders } from './hpack/encoder.ts';
import { createH2Server } from './server.ts';

const path = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';
const SECONDS = 4;
const loads = [
  { name: '500 B', bytes: 500, streams: 200 },
  // shallow: each read holds few calls
  { name: '500 B /8', bytes: 500, streams: 4 },
  { name: '240 KB', bytes: 240_000, streams: 8 },
];
const servers = { own: serveOwn, http2: serveHttp2, 'grpc-js': serveGrpcJs };
type ServerName = keyof typeof servers;

async function compare(chosen: readonly ServerName[]): Promise<void> {
  const names = chosen.length > 0 ? chosen : (Object.keys(servers) as ServerName[]);
  for (const load of loads) {
    let first = 0;
    for (const name of names) {
      const server = start(0, ['server', name]);
      const [port] = (await once(server, 'message')) as [number];
      // one run to warm up, one that counts
      for (const counted of [false, true]) {
        const before = await ask(server);
        const client = start(1, [
          'load',
          String(port),
          String(load.bytes),
          String(load.streams),
          String(counted ? SECONDS : 2),
        ]);
        const [calls] = (await Promise.race([once(client, 'message'), once(client, 'exit')])) as [number];
        const after = await ask(server);
        if (!counted) continue;
        const rate = calls / ((after.cpu - before.cpu) / 1e6);
        first ||= rate;
        const line = `${load.name.padEnd(8)} ${name.padEnd(8)} ${Math.round(rate).toLocaleString('en').padStart(10)} requests per CPU second`;
        console.log(
          `${line}  x${(first / rate).toFixed(1)}  ${(calls / SECONDS).toFixed(0)}/s  rss ${(after.rss / 2 ** 20).toFixed(0)} MiB`,
        );
      }
      server.kill();
      await once(server, 'exit');
    }
  }
}

function start(core: number, args: readonly string[]): ChildProcess {
  const argv = [...process.execArgv, fileURLToPath(import.meta.url), ...args];
  const stdio: ('inherit' | 'ipc')[] = ['inherit', 'inherit', 'inherit', 'ipc'];
  return hasTaskset()
    ? spawn('taskset', ['-c', String(core), process.execPath, ...argv], { stdio })
    : spawn(process.execPath, argv, { stdio });
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function ask(server: ChildProcess): Promise<{ cpu: number; rss: number }> {
  server.send('usage');
  const [usage] = await once(server, 'message');
  return usage;
}

// The servers. Each takes the message and answers with an empty one.

async function runServer(name: ServerName): Promise<void> {
  const port = await servers[name]();
  process.send!(port);
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send!({ cpu: user + system, rss: process.memoryUsage().rss });
  });
}

async function serveOwn(): Promise<number> {
  const answer = Promise.resolve({ code: 0 as const, message: new Uint8Array(0) });
  const server = createH2Server({
    methods: new Map([[path, { handle: () => answer }]]),
    memory: new MemoryBudget(128 * 1024 * 1024),
    clock: systemClock,
    logger: noLogger,
    random: () => 0.5,
  });
  const listener = net.createServer((socket) => server.accept(socket)).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return (listener.address() as net.AddressInfo).port;
}

async function serveHttp2(): Promise<number> {
  const listener = http2.createServer({ settings: { initialWindowSize: 4 << 20, maxConcurrentStreams: 1000 } });
  listener.on('session', (session) => session.setLocalWindowSize(4 << 20));
  listener.on('stream', (stream: http2.ServerHttp2Stream) => {
    stream.on('data', () => {});
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.end(Buffer.alloc(5));
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return (listener.address() as net.AddressInfo).port;
}

async function serveGrpcJs(): Promise<number> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': 8 << 20, 'grpc.max_concurrent_streams': 1000 });
  const bytes = (message: Buffer) => message;
  const definition = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  server.addService(
    { Export: definition },
    { Export: (_call: unknown, done: grpc.sendUnaryData<Buffer>) => done(null, Buffer.alloc(0)) },
  );
  return new Promise((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    ),
  );
}

// The load: frames written by hand, `streams` calls under way on each of two connections.

async function runLoad(port: number, bytes: number, streams: number, seconds: number): Promise<void> {
  const clients = [new LoadClient(port, bytes, streams), new LoadClient(port, bytes, streams)];
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  for (const client of clients) client.stopped = true;
  process.send!(clients[0]!.calls + clients[1]!.calls);
  setTimeout(() => process.exit(0), 200);
}

class LoadClient {
  calls = 0;
  stopped = false;
  readonly #socket: net.Socket;
  readonly #message: Buffer;
  #block: Buffer = encodeHeaders([
    [':method', 'POST'],
    [':scheme', 'http'],
  ]);
  readonly #streams: number;
  #nextId = 1;
  #underWay = 0;
  #window = f.DEFAULT_WINDOW;
  #initial = f.DEFAULT_WINDOW;
  #sent = new Map<number, { at: number; window: number }>();
  #rest: Buffer = Buffer.alloc(0);
  #out: Buffer[] = [];

  constructor(port: number, bytes: number, streams: number) {
    this.#streams = streams;
    this.#message = Buffer.alloc(5 + bytes, 1);
    this.#message[0] = 0;
    this.#message.writeUInt32BE(bytes, 1);
    // :path and the others go into the dynamic table with the first call: indices 62 to 66 from then on
    const names = [
      ['content-type', 'application/grpc'],
      ['te', 'trailers'],
      ['user-agent', 'load/1.0'],
      [':authority', 'localhost'],
      [':path', path],
    ];
    const literals = names.map(([name, value]) =>
      Buffer.concat([
        Buffer.from([0x40, name!.length]),
        Buffer.from(name!),
        Buffer.from([value!.length]),
        Buffer.from(value!),
      ]),
    );
    const [type, te, agent, authority, uri] = literals as [Buffer, Buffer, Buffer, Buffer, Buffer];
    const firstBlock = Buffer.concat([this.#block, authority, uri, type, te, agent]);
    this.#socket = net.connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('error', () => {}); // the server ends first
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
    this.#frame(f.SETTINGS, 0, 0, Buffer.alloc(0));
    const window = Buffer.alloc(4);
    window.writeUInt32BE(f.MAX_WINDOW - f.DEFAULT_WINDOW); // so that no answer ever waits
    this.#frame(f.WINDOW_UPDATE, 0, 0, window);
    this.#out.unshift(f.PREFACE);
    this.#call(firstBlock);
    this.#block = Buffer.concat([this.#block, Buffer.from([0x80 | 66, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62])]);
    this.#fill();
  }

  #frame(type: number, flags: number, id: number, payload: Uint8Array): void {
    const header = Buffer.allocUnsafe(f.FRAME_HEADER + payload.length);
    f.writeFrameHeader(header, 0, payload.length, type, flags, id);
    header.set(payload, f.FRAME_HEADER);
    this.#out.push(header);
  }

  #call(block: Buffer): void {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#underWay++;
    this.#frame(f.HEADERS, f.FLAG_END_HEADERS, id, block);
    const state = { at: 0, window: this.#initial };
    if (!this.#pump(id, state)) this.#sent.set(id, state);
  }

  #pump(id: number, state: { at: number; window: number }): boolean {
    while (state.at < this.#message.length) {
      const take = Math.min(f.DEFAULT_MAX_FRAME, this.#message.length - state.at, state.window, this.#window);
      if (take <= 0) return false;
      const last = state.at + take === this.#message.length;
      this.#frame(f.DATA, last ? f.FLAG_END_STREAM : 0, id, this.#message.subarray(state.at, state.at + take));
      state.at += take;
      state.window -= take;
      this.#window -= take;
    }
    return true;
  }

  #fill(): void {
    while (!this.stopped && this.#underWay < this.#streams) this.#call(this.#block);
    if (this.#out.length > 0) this.#socket.write(Buffer.concat(this.#out));
    this.#out = [];
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= f.FRAME_HEADER) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + f.FRAME_HEADER + length;
      if (end > bytes.length) break;
      this.#take(bytes[at + 3]!, bytes[at + 4]!, bytes.readUInt32BE(at + 5), bytes.subarray(at + f.FRAME_HEADER, end));
      at = end;
    }
    this.#rest = bytes.subarray(at);
    this.#fill();
  }

  #take(type: number, flags: number, id: number, payload: Buffer): void {
    if (type === f.HEADERS && flags & f.FLAG_END_STREAM) {
      this.calls++;
      this.#underWay--;
    } else if (type === f.SETTINGS && (flags & f.FLAG_ACK) === 0) {
      for (let at = 0; at < payload.length; at += 6) {
        if (payload.readUInt16BE(at) !== f.SETTINGS_INITIAL_WINDOW_SIZE) continue;
        const value = payload.readUInt32BE(at + 2);
        for (const state of this.#sent.values()) state.window += value - this.#initial;
        this.#initial = value;
      }
      this.#frame(f.SETTINGS, f.FLAG_ACK, 0, Buffer.alloc(0));
    } else if (type === f.PING && (flags & f.FLAG_ACK) === 0) {
      this.#frame(f.PING, f.FLAG_ACK, 0, payload);
    } else if (type === f.WINDOW_UPDATE) {
      if (id === 0) this.#window += payload.readUInt32BE(0);
      else if (this.#sent.has(id)) this.#sent.get(id)!.window += payload.readUInt32BE(0);
      for (const [stream, state] of this.#sent) {
        if (this.#window <= 0) break;
        if (this.#pump(stream, state)) this.#sent.delete(stream);
      }
    }
  }
}

const [role, ...rest] = process.argv.slice(2);
if (role === 'server') await runServer(rest[0] as ServerName);
else if (role === 'load') await runLoad(Number(rest[0]), Number(rest[1]), Number(rest[2]), Number(rest[3]));
else await compare(process.argv.slice(2) as ServerName[]);
