import type { Decompressed } from './compression.ts';

/**
 * Snappy in either of its two formats, told apart by their first bytes. `content-encoding: snappy` is the block format
 * now, but was the framed one in the Go collector, which takes both for that reason; gRPC's `snappy` is framed.
 *
 * https://github.com/google/snappy/blob/main/format_description.txt and framing_format.txt
 */
export async function decompressSnappy(packed: Uint8Array, maxBytes: number): Promise<Decompressed> {
  const { uncompressSync } = await import('snappy');
  const block: Block = (bytes) => {
    try {
      return uncompressSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as Buffer;
    } catch {
      return undefined;
    }
  };
  return startsFramed(packed) ? readFrames(packed, maxBytes, block) : readBlock(packed, maxBytes, block);
}

type Block = (bytes: Uint8Array) => Buffer | undefined;

/** The stream identifier chunk. */
const identifier = Buffer.from('\xff\x06\x00\x00sNaPpY', 'latin1');
const COMPRESSED = 0x00;
const UNCOMPRESSED = 0x01;
/** Of one chunk's uncompressed data. */
const CHUNK_LIMIT = 65_536;

const corrupt = (why: string): Decompressed => ({ failed: 'corrupt', reason: `snappy: ${why}` });
const oversize = (maxBytes: number): Decompressed => ({
  failed: 'oversize',
  reason: `snappy: more than ${maxBytes} bytes`,
});

function startsFramed(packed: Uint8Array): boolean {
  return packed.length >= identifier.length && identifier.equals(packed.subarray(0, identifier.length));
}

function readBlock(packed: Uint8Array, maxBytes: number, block: Block): Decompressed {
  const length = declaredLength(packed);
  if (length === undefined) return corrupt('no length');
  if (length > maxBytes) return oversize(maxBytes);
  // The longest copy makes 64 bytes of two: a block that claims more than that is a lie, told before it is allocated for.
  if (length > packed.length * 32) return corrupt('a length that the data cannot have');
  return block(packed) ?? corrupt('not a block');
}

/** The varint in front of a block. */
function declaredLength(packed: Uint8Array): number | undefined {
  let value = 0;
  for (let at = 0; at < 5 && at < packed.length; at++) {
    value += (packed[at]! & 0x7f) * 2 ** (7 * at);
    if (packed[at]! < 0x80) return value <= 0xffff_ffff ? value : undefined;
  }
  return undefined;
}

function readFrames(packed: Uint8Array, maxBytes: number, block: Block): Decompressed {
  const parts: Uint8Array[] = [];
  let total = 0;
  for (let at = 0; at < packed.length; ) {
    if (packed.length - at < 4) return corrupt('a cut chunk');
    const type = packed[at]!;
    const length = packed[at + 1]! | (packed[at + 2]! << 8) | (packed[at + 3]! << 16);
    const data = packed.subarray(at + 4, at + 4 + length);
    if (data.length < length) return corrupt('a cut chunk');
    at += 4 + length;
    if (type === COMPRESSED || type === UNCOMPRESSED) {
      const plain = readChunk(type, data, block);
      if (!plain) return corrupt('a chunk that is broken');
      total += plain.length;
      if (total > maxBytes) return oversize(maxBytes);
      parts.push(plain);
    } else if (type < 0x80) {
      return corrupt(`a chunk of unknown type ${type}`); // 4.5: reserved, must not be skipped
    }
  }
  return Buffer.concat(parts, total);
}

function readChunk(type: number, data: Uint8Array, block: Block): Uint8Array | undefined {
  if (data.length < 4) return undefined;
  const body = data.subarray(4);
  if (type === COMPRESSED && (declaredLength(body) ?? Number.POSITIVE_INFINITY) > CHUNK_LIMIT) return undefined;
  const plain = type === COMPRESSED ? block(body) : body;
  if (!plain || plain.length > CHUNK_LIMIT) return undefined;
  const expected = (data[0]! | (data[1]! << 8) | (data[2]! << 16) | (data[3]! << 24)) >>> 0;
  return masked(crc32c(plain)) === expected ? plain : undefined;
}

/** Section 3 of the framing format: so that a checksum is not taken over data that holds checksums. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const table = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (let at = 0; at < bytes.length; at++) crc = table[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffff_ffff) >>> 0;
}
