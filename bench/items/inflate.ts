import { gunzipSync, zstdDecompressSync } from 'node:zlib';

/** Larger than any batch of a scenario, and a bound all the same. */
const MAX_MESSAGE = 256 * 1024 * 1024;

/** Undoes gzip or zstd, told apart by their first bytes. */
export function inflate(bytes: Uint8Array): Uint8Array {
  const options = { chunkSize: 1024 * 1024, maxOutputLength: MAX_MESSAGE };
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes, options);
  if (bytes[0] === 0x28 && bytes[1] === 0xb5) return zstdDecompressSync(bytes, options);
  throw new Error(`compressed by neither gzip nor zstd: ${Buffer.from(bytes.subarray(0, 4)).toString('hex')}`);
}
