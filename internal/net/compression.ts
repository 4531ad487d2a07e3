import zlib from 'node:zlib';
import { decompressSnappy } from './snappy_frames.ts';

/** Why bytes could not be inflated; a value, since senders are strangers. */
export interface DecompressFailure {
  readonly failed: 'oversize' | 'corrupt' | 'unsupported';
  readonly reason: string;
}
export type Decompressed = Uint8Array | DecompressFailure;

/** `grpc-encoding` values, in the order in which they are advertised. */
export const supportedGrpcEncodings: readonly string[] = ['identity', 'gzip', 'zstd', 'deflate', 'snappy'];

export type Compression = 'gzip' | 'zstd' | 'zlib' | 'deflate' | 'snappy';

/** Above either, a call to the thread pool (about 20 us) costs less than what it keeps off the event loop. */
const SYNC_PACKED = 64 * 1024;
const SYNC_PLAIN = 1024 * 1024;
/** The least that is inflated at a time; each piece in the pool costs a turn of the event loop. */
const LEAST_PIECE = 1024;
const LEAST_POOLED_PIECE = 64 * 1024;
/** RFC 8878 3.1.1.1.2 asks decoders for 8 MB at least; more would be allocated on a sender's word. */
const ZSTD_WINDOW_LOG = 23;
const ZSTD_MAGIC = 0xfd2fb528;
/** zlib's own bound on how much it can inflate: https://zlib.net/zlib_tech.html */
const DEFLATE_RATIO = 1032;

export function isFailure(value: unknown): value is DecompressFailure {
  return typeof (value as DecompressFailure | undefined)?.failed === 'string';
}

/**
 * Inflates `packed`. Never makes more than `maxBytes` of output, whatever the bytes claim. Small inputs are done at
 * once; large ones on the thread pool.
 */
export function decompress(
  encoding: string,
  packed: Uint8Array,
  maxBytes: number,
): Decompressed | Promise<Decompressed> {
  const declared = encoding === 'zstd' ? zstdContentSize(packed) : undefined;
  if (declared !== undefined && declared > maxBytes) return oversize(encoding, maxBytes);
  switch (encoding) {
    case '':
    case 'identity':
      return packed.length > maxBytes ? oversize('identity', maxBytes) : packed;
    case 'gzip':
    case 'x-gzip':
      return inflate('gzip', zlib.gunzipSync, zlib.gunzip, packed, maxBytes);
    case 'zstd':
      return inflate('zstd', zlib.zstdDecompressSync, zlib.zstdDecompress, packed, maxBytes);
    case 'deflate':
      // RFC 9110 8.4.1.2 means the zlib format; some senders leave its two bytes out
      if (!startsAsZlib(packed)) return inflate('deflate', zlib.inflateRawSync, zlib.inflateRaw, packed, maxBytes);
      return inflate('deflate', zlib.inflateSync, zlib.inflate, packed, maxBytes);
    case 'zlib':
      return inflate('zlib', zlib.inflateSync, zlib.inflate, packed, maxBytes);
    case 'snappy':
    case 'x-snappy-framed':
      return decompressSnappy(packed, maxBytes);
    default:
      return { failed: 'unsupported', reason: `encoding ${JSON.stringify(encoding)} is not supported` };
  }
}

/** Bytes that `packed` will probably inflate to: what its format says of itself, or a guess. It may lie. */
export function sizeHint(encoding: string, packed: Uint8Array): number {
  const { length } = packed;
  if (encoding === '' || encoding === 'identity') return length;
  if (encoding === 'gzip' && length >= 18) {
    // ISIZE, RFC 1952 2.3.1: of the last member, modulo 2^32
    const size = new DataView(packed.buffer, packed.byteOffset + length - 4, 4).getUint32(0, true);
    return Math.min(size, length * DEFLATE_RATIO);
  }
  if (encoding === 'zstd') return zstdContentSize(packed) ?? length * 8;
  return length * 4;
}

type Sync = (packed: Uint8Array, options: zlib.ZlibOptions & zlib.ZstdOptions) => Buffer;
type Pooled = (
  packed: Uint8Array,
  options: zlib.ZlibOptions & zlib.ZstdOptions,
  done: (error: Error | null, result: Buffer) => void,
) => void;
/** What node:zlib gives with `info: true`; @types/node does not know. */
interface WithInfo {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

function inflate(
  name: string,
  now: Sync,
  pooled: Pooled,
  packed: Uint8Array,
  maxBytes: number,
): Decompressed | Promise<Decompressed> {
  const expected = Math.min(sizeHint(name, packed), maxBytes);
  // One byte more than the output, so that the end is seen without a second buffer; and not less than `least`, since the
  // size may be a lie: twenty megabytes in pieces of a hundred bytes take seconds.
  const options = (least: number, maxOutputLength: number) => ({
    chunkSize: Math.max(least, expected + 1),
    maxOutputLength,
    info: true,
    ...paramsOf(name),
  });
  const judge = (error: Error | null, result?: Buffer): Decompressed => {
    if (error) return failure(name, error, maxBytes);
    const { buffer, engine } = result as unknown as WithInfo;
    if (engine.bytesWritten === packed.length) return fitted(buffer);
    return { failed: 'corrupt', reason: `${name}: bytes after the end of the compressed data` };
  };
  const inPool = () =>
    new Promise<Decompressed>((resolve) =>
      pooled(packed, options(LEAST_POOLED_PIECE, maxBytes), (error, result) => resolve(judge(error, result))),
    );
  if (packed.length > SYNC_PACKED || expected > SYNC_PLAIN) return inPool();
  try {
    return judge(null, now(packed, options(LEAST_PIECE, Math.min(maxBytes, SYNC_PLAIN))));
  } catch (error) {
    if (maxBytes > SYNC_PLAIN && isTooLarge(error)) return inPool();
    return judge(error as Error);
  }
}

function paramsOf(name: string): { params?: Record<number, number> } {
  return name === 'zstd' ? { params: { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } } : {};
}

function failure(name: string, error: Error, maxBytes: number): DecompressFailure {
  if (isTooLarge(error)) return oversize(name, maxBytes);
  return { failed: 'corrupt', reason: `${name}: ${error.message}` };
}

function isTooLarge(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
}

function oversize(name: string, maxBytes: number): DecompressFailure {
  return { failed: 'oversize', reason: `${name}: more than ${maxBytes} bytes` };
}

/** Without the unused rest of a buffer that was chosen too large. */
function fitted(bytes: Buffer): Buffer {
  if (bytes.length * 2 >= bytes.buffer.byteLength) return bytes;
  const exact = Buffer.allocUnsafeSlow(bytes.length);
  exact.set(bytes);
  return exact;
}

/** RFC 1950 2.2: method 8, and a check that makes the two bytes a multiple of 31. */
function startsAsZlib(packed: Uint8Array): boolean {
  return packed.length >= 2 && (packed[0]! & 15) === 8 && ((packed[0]! << 8) | packed[1]!) % 31 === 0;
}

/** Frame_Content_Size of the first frame, RFC 8878 3.1.1.1; undefined where it is not given. */
function zstdContentSize(packed: Uint8Array): number | undefined {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  if (view.byteLength < 6 || view.getUint32(0, true) !== ZSTD_MAGIC) return undefined;
  const descriptor = view.getUint8(4);
  const single = (descriptor >> 5) & 1;
  const at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  const width = [single, 2, 4, 8][descriptor >> 6]!;
  if (width === 0 || at + width > view.byteLength) return undefined;
  if (width === 1) return view.getUint8(at);
  if (width === 2) return view.getUint16(at, true) + 256;
  if (width === 4) return view.getUint32(at, true);
  return Number(view.getBigUint64(at, true));
}

/**
 * @param level the format's own (gzip, zlib, deflate 1 to 9; zstd 1 to 22); by default the fastest, which loses little:
 *   gzip 1 is within a tenth of gzip 6 on telemetry at about twice the speed
 */
export function compress(encoding: Compression, plain: Uint8Array, level = 1): Uint8Array | Promise<Uint8Array> {
  if (encoding === 'snappy') return import('snappy').then((snappy) => snappy.compress(plain));
  const [now, pooled] = packers[encoding];
  const options =
    encoding === 'zstd'
      ? {
          params: { [zlib.constants.ZSTD_c_compressionLevel]: level },
          // so that the receiver can size its buffer
          pledgedSrcSize: plain.length,
          chunkSize: Math.max(1024, Math.min(plain.length, 1 << 20)),
        }
      : { level, chunkSize: Math.max(1024, Math.min(plain.length, 1 << 20)) };
  if (plain.length <= SYNC_PACKED) return fitted(now(plain, options));
  return new Promise((resolve, reject) =>
    pooled(plain, options, (error, packed) => (error ? reject(error) : resolve(fitted(packed)))),
  );
}

const packers: Readonly<Record<Exclude<Compression, 'snappy'>, readonly [Sync, Pooled]>> = {
  gzip: [zlib.gzipSync, zlib.gzip],
  zstd: [zlib.zstdCompressSync, zlib.zstdCompress],
  zlib: [zlib.deflateSync, zlib.deflate],
  deflate: [zlib.deflateSync, zlib.deflate],
};
