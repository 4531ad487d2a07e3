import { promisify } from 'node:util';
import zlib from 'node:zlib';

void promisify;

/** Why bytes could not be inflated; a value, since senders are strangers. */
export interface DecompressFailure {
  readonly failed: 'oversize' | 'corrupt' | 'unsupported';
  readonly reason: string;
}
export type Decompressed = Uint8Array | DecompressFailure;

export const supportedEncodings: readonly string[] = ['gzip', 'zstd', 'zlib', 'deflate'];
export const supportedGrpcEncodings: readonly string[] = ['identity', 'gzip', 'deflate', 'zstd'];

export function isFailure(value: unknown): value is DecompressFailure {
  return typeof (value as DecompressFailure | undefined)?.failed === 'string';
}

export function sizeHint(_encoding: string, packed: Uint8Array): number {
  return packed.length * 4;
}

export function decompress(
  encoding: string,
  packed: Uint8Array,
  maxBytes: number,
): Decompressed | Promise<Decompressed> {
  try {
    switch (encoding) {
      case 'identity':
        return packed;
      case 'gzip':
        return zlib.gunzipSync(packed, { maxOutputLength: maxBytes });
      case 'zstd':
        return zlib.zstdDecompressSync(packed, { maxOutputLength: maxBytes });
      case 'deflate':
      case 'zlib':
        return zlib.inflateSync(packed, { maxOutputLength: maxBytes });
      default:
        return { failed: 'unsupported', reason: `encoding ${encoding} is not supported` };
    }
  } catch (error) {
    const oversize = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    return { failed: oversize ? 'oversize' : 'corrupt', reason: `${encoding}: ${(error as Error).message}` };
  }
}
