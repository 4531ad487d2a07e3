import net from 'node:net';
import { constants, deflateRawSync, zstdCompressSync } from 'node:zlib';
import { expect } from 'vitest';
import { startSluice } from '../../../bench/peers/sluice.ts';
import { GrpcBackend } from '../../../internal/testkit/grpc_backend.ts';
import { arrivesOnce, settled } from './balance.ts';
import { Bystander } from './bystander.ts';
import { metrics, pipelines, type Running, until } from './running.ts';

export const mib = 2 ** 20;

/** One collector under attack, its backend, and a client that must not notice. */
export interface Scene {
  readonly sluice: Running;
  readonly backend: GrpcBackend;
  readonly bystander: Bystander;
  /** Resident memory after the warm-up, bytes. */
  readonly warm: number;
  /** Held after every attack: the process lives, and others are served. */
  unharmed(): Promise<void>;
  /**
   * Held at the end: nothing lost, nothing invented, all in balance, and memory given back: resident memory comes to
   * less than `mayGrow` MiB over that of the start. Comes, because node collects large dead buffers a little later.
   */
  theEnd(mayGrow: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param receivers the YAML of the receivers
 * @param ids theirs; the bystander sends to `otlp`
 */
export async function openScene(receivers: string, ids: readonly string[] = ['otlp']): Promise<Scene> {
  const backend = await GrpcBackend.start();
  const exporters = `
processors: { batch: { timeout: 20ms } }
exporters:
  otlp:
    endpoint: "${backend.address}"
    tls: { insecure: true }
    # On a busy machine a shorter one would make batches come twice.
    timeout: 60s`;
  const service = pipelines('otlp').replaceAll('receivers: [otlp]', `receivers: [${ids.join(', ')}]`);
  const sluice = await startSluice({ yaml: receivers + exporters + service });
  const bystander = new Bystander(sluice);
  const stop = async () => {
    await bystander.stop();
    const ending = await sluice.stop();
    backend.down();
    return ending;
  };
  // The first few hundred requests make the engine compile and its heap grow.
  const isWarm = () => bystander.accepted.length >= 900;
  await until('it is warm', isWarm).catch(async (error) => {
    await stop();
    throw error;
  });
  const warm = rss(sluice);

  const unharmed = async () => {
    await bystander.isServed();
    expect(sluice.stderr()).not.toMatch(/a bug|uncaught|unhandled/i);
  };
  return {
    sluice,
    backend,
    bystander,
    warm,
    unharmed,
    async theEnd(mayGrow) {
      await unharmed();
      const grown = () => Math.round((rss(sluice) - warm) / mib);
      // On failure the numbers are said.
      await until('memory is given back', () => grown() < mayGrow).catch(() => expect(grown()).toBeLessThan(mayGrow));
      await bystander.stop();
      await arrivesOnce(bystander.accepted, backend.accepted);
      const branches = await settled(sluice);
      expect(branches.reduce((sum, { sent }) => sum + sent, 0)).toBe(bystander.accepted.length);
      await until('the memory budget is all given back', async () =>
        /^sluice_memory_held_bytes(\{[^}]*\})? 0$/m.test(await metrics(sluice)),
      );
    },
    async stop() {
      // The process that was started is the one that is stopped now, in order.
      expect(await stop()).toEqual({ code: 0, signal: null });
    },
  };
}

/** Bytes; 0 where there is no /proc, so that memory is not judged there. */
function rss(sluice: Running): number {
  return sluice.usage()?.rssBytes ?? 0;
}

/** A TCP connection that says what no client library would; everything it hears is in `text`. */
export class RawConnection {
  readonly socket: net.Socket;
  text = '';
  closed = false;

  constructor(port: number) {
    this.socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket
      .on('data', (chunk) => {
        this.text = (this.text + chunk.toString('latin1')).slice(-mib);
      })
      .on('error', () => {})
      .on('close', () => {
        this.closed = true;
      });
  }

  static async open(port: number): Promise<RawConnection> {
    const connection = new RawConnection(port);
    await until('it is connected', () => connection.closed || !connection.socket.connecting);
    return connection;
  }

  send(bytes: Uint8Array | string): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  async says(pattern: RegExp): Promise<void> {
    await until(`an answer ${pattern}`, () => pattern.test(this.text));
  }

  async ends(): Promise<void> {
    await until('the connection is closed', () => this.closed);
  }
}

/** The head of an OTLP/HTTP request, without the empty line at its end. */
export function head(path = '/v1/traces', headers: Readonly<Record<string, string | number>> = {}): string {
  const all = { host: 'x', 'content-type': 'application/x-protobuf', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}`;
}

/** A length-delimited field. */
export function field(number: number, bytes: Uint8Array): Buffer {
  const size: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    size.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...size]), bytes]);
}

/** One record (span, log record) with these bytes in it, under an empty resource and scope. */
function withRecord(bytes: Uint8Array): Buffer {
  return field(1, field(2, field(2, bytes)));
}

/** One resource with this attribute value. */
function withAttribute(value: Uint8Array): Buffer {
  return field(1, field(1, field(1, Buffer.concat([field(1, Buffer.from('k')), field(2, value)]))));
}

function nested(levels: number): Buffer {
  let value: Buffer = Buffer.alloc(0);
  // AnyValue.array_value = 5, ArrayValue.values = 1
  for (let i = 0; i < levels; i++) value = field(5, field(1, value));
  return value;
}

const tenBytes = (last: number) => [255, 255, 255, 255, 255, 255, 255, 255, 255, last];

/** Bytes that no receiver may take for an ExportTraceServiceRequest. */
export const spoiled: readonly (readonly [what: string, bytes: Buffer])[] = [
  ['garbage', Buffer.from('Hello, I am not a protobuf message. \xff\xfe\x00', 'latin1')],
  ['random bytes', Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * n * 31 + 7 * n) & 255))],
  ['a truncated message', withRecord(field(5, Buffer.alloc(200, 'x'))).subarray(0, 100)],
  ['a length beyond the end', Buffer.from([0x0a, 0x7f, 1])],
  ['a negative length', Buffer.from([0x0a, ...tenBytes(1)])],
  ['a length of 2^64 and more', Buffer.from([0x0a, ...tenBytes(127)])],
  ['a length of 2^31 - 1', Buffer.from([0x0a, 255, 255, 255, 255, 7])],
  ['an endless varint', Buffer.from([0x08, ...Array(64).fill(255)])],
  ['field number 0', Buffer.from([0x02, 0])],
  ['a group that never ends', Buffer.from([0x0b, 0x0b, 0x0b])],
  ['values nested 5,000 deep', withAttribute(nested(5000))],
  ['a trace id of 3 bytes', withRecord(field(1, Buffer.from([1, 2, 3])))],
  ['a span id of 9 bytes', withRecord(field(2, Buffer.alloc(9, 1)))],
  ['a name that is no UTF-8', withRecord(field(5, Buffer.from([0xc3, 0x28])))],
  ['text that is half of a surrogate pair', withAttribute(field(1, Buffer.from([0xed, 0xa0, 0x80])))],
];

const piece = 16 * mib;

/** Zeros that make about a thousandth of their size, as gzip. `claims` is the size that its trailer tells. */
export function gzipBomb(bytes: number, claims = bytes): Buffer {
  const block = deflateRawSync(Buffer.alloc(Math.min(piece, bytes)), { finishFlush: constants.Z_FULL_FLUSH });
  const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
  // An empty last block, and a checksum that nobody should live to see.
  const end = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  end.writeUInt32LE(claims >>> 0, 6);
  return Buffer.concat([header, ...Array<Buffer>(Math.ceil(bytes / piece)).fill(block), end]);
}

/** The same as zstd, whose frames tell their size or, with `frames`, the size of the first one only. */
export function zstdBomb(bytes: number, frames = 1): Buffer {
  const params = { [constants.ZSTD_c_contentSizeFlag]: frames === 1 ? 1 : 0 };
  const frame = zstdCompressSync(Buffer.alloc(bytes / frames), { params });
  return Buffer.concat(Array<Buffer>(frames).fill(frame));
}
