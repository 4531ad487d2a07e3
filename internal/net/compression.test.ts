import { randomBytes } from 'node:crypto';
import zlib from 'node:zlib';
import { Compressor } from 'snappy';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type Compression, compress, decompress, isFailure, sizeHint } from './compression.ts';

const MiB = 1024 * 1024;
const text = Buffer.from('the quick brown fox jumps over the lazy dog; '.repeat(200));
const noise = randomBytes(300_000);
const encodings: readonly Compression[] = ['gzip', 'zstd', 'zlib', 'deflate', 'snappy'];

const hex = (digits: string) => Buffer.from(digits, 'hex');

async function failureOf(encoding: string, packed: Uint8Array, maxBytes = MiB) {
  const result = await decompress(encoding, packed, maxBytes);
  return isFailure(result) ? result.failed : `${result.length} bytes`;
}

async function framed(plain: Uint8Array): Promise<Buffer> {
  const compressor = new Compressor();
  return Buffer.concat([compressor.update(plain), await compressor.finish()]);
}

test.each(encodings)('%s: what was packed comes out again, small and large, to the limit exactly', async (encoding) => {
  for (const plain of [new Uint8Array(0), Buffer.from('x'), text, noise, Buffer.alloc(2 * MiB)]) {
    const packed = await compress(encoding, plain);
    const result = await decompress(encoding, packed, Math.max(1, plain.length));
    expect(isFailure(result) ? result : Buffer.compare(Buffer.from(result), plain)).toBe(0);
    if (plain.length > 1) expect(await failureOf(encoding, packed, plain.length - 1)).toBe('oversize');
  }
});

test.each(encodings)('%s: cut short anywhere is corrupt', async (encoding) => {
  const packed = await compress(encoding, text);
  for (let length = 0; length < packed.length; length++) {
    expect(await failureOf(encoding, packed.subarray(0, length))).toBe('corrupt');
  }
});

test.each(encodings)('%s: bytes after the end are corrupt', async (encoding) => {
  const packed = await compress(encoding, text);
  for (const tail of ['x', 'garbage', '\0\0\0\0']) {
    expect(await failureOf(encoding, Buffer.concat([packed, Buffer.from(tail)]))).toBe('corrupt');
  }
});

test.each(encodings)('%s: random bytes and flipped bits give a value, never a throw', async (encoding) => {
  const packed = Buffer.from(await compress(encoding, text));
  for (let round = 0; round < 200; round++) {
    await decompress(encoding, randomBytes(round), 10_000);
    const flipped = Buffer.from(packed);
    flipped[round % flipped.length]! ^= 1 << (round % 8);
    await decompress(encoding, flipped, 10_000);
  }
});

test('a bomb is stopped at the limit: whatever its format', async () => {
  const bombs: [string, Uint8Array][] = [
    ['gzip', zlib.gzipSync(Buffer.alloc(64 * MiB), { level: 9 })],
    ['deflate', zlib.deflateSync(Buffer.alloc(64 * MiB), { level: 9 })],
    ['deflate', zlib.deflateRawSync(Buffer.alloc(64 * MiB), { level: 9 })],
    ['zstd', zlib.zstdCompressSync(Buffer.alloc(64 * MiB))],
    ['snappy', await compress('snappy', Buffer.alloc(64 * MiB))],
    ['x-snappy-framed', await framed(Buffer.alloc(64 * MiB))],
  ];
  for (const [encoding, bomb] of bombs) {
    const before = process.memoryUsage().arrayBuffers;
    expect(await failureOf(encoding, bomb, 4 * MiB)).toBe('oversize');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MiB);
  }
});

test('a size that gzip claims falsely changes nothing', async () => {
  for (const claim of [0, 1, 5000, 0xffff_ffff]) {
    const packed = Buffer.from(await compress('gzip', text));
    packed.writeUInt32LE(claim, packed.length - 4);
    expect(await failureOf('gzip', packed)).toBe('corrupt'); // zlib checks it
    expect(sizeHint('gzip', packed)).toBeLessThanOrEqual(packed.length * 1032);
  }
});

test('a small bomb that claims to be smaller still leaves the event loop, and is not inflated in crumbs', async () => {
  const pooled = vi.spyOn(zlib, 'gunzip');
  onTestFinished(() => pooled.mockRestore());
  const bomb = Buffer.from(zlib.gzipSync(Buffer.alloc(21 * MiB)));
  bomb.writeUInt32LE(100, bomb.length - 4);
  const result = decompress('gzip', bomb, 20 * MiB);
  expect(result).toBeInstanceOf(Promise);
  expect(await result).toMatchObject({ failed: 'oversize' });
  expect(pooled.mock.calls[0]![1]).toMatchObject({ chunkSize: 64 * 1024 });
});

test('several gzip members, and several zstd frames, are one message', async () => {
  for (const encoding of ['gzip', 'zstd'] as const) {
    const packed = Buffer.from(await compress(encoding, text));
    const result = await decompress(encoding, Buffer.concat([packed, packed, packed]), MiB);
    expect(isFailure(result) || Buffer.concat([text, text, text]).equals(result)).toBe(true);
    expect(await failureOf(encoding, Buffer.concat([packed, packed]), text.length * 2 - 1)).toBe('oversize');
  }
});

test('deflate without its zlib header is taken as well', async () => {
  expect(await failureOf('deflate', zlib.deflateRawSync(text))).toBe(`${text.length} bytes`);
  expect(await failureOf('zlib', zlib.deflateRawSync(text))).toBe('corrupt');
});

test('a zstd frame that wants a window of 128 MiB is refused', async () => {
  // RFC 8878 3.1.1.1: no content size, the window's logarithm - 10 in five bits, and one raw block of five bytes
  const frame = (log: number) =>
    Buffer.concat([hex(`28b52ffd00${((log - 10) << 3).toString(16)}290000`), hex('68656c6c6f')]);
  expect(await failureOf('zstd', frame(23), 4 * MiB)).toBe('5 bytes');
  expect(await failureOf('zstd', frame(27), 4 * MiB)).toBe('corrupt');
});

test('snappy under either name may be framed, as the Go collector has it; its checksums count', async () => {
  const packed = await framed(noise);
  expect(await failureOf('snappy', packed)).toBe(`${noise.length} bytes`);
  expect(await failureOf('x-snappy-framed', packed)).toBe(`${noise.length} bytes`);
  packed[15]! ^= 1;
  expect(await failureOf('snappy', packed)).toBe('corrupt');
});

test('a snappy block whose length no such block can have is refused before memory is taken', async () => {
  expect(await failureOf('snappy', Buffer.from([0xff, 0xff, 0x3f, 0, 0]), 64 * MiB)).toBe('corrupt');
});

test('an encoding nobody knows is a value as well', async () => {
  expect(await failureOf('br', text)).toBe('unsupported');
  expect(await failureOf('identity', text, 10)).toBe('oversize');
});

test('large inputs are done off the event loop, small ones at once', async () => {
  expect(decompress('gzip', zlib.gzipSync(text), MiB)).not.toBeInstanceOf(Promise);
  expect(decompress('gzip', zlib.gzipSync(noise), MiB)).toBeInstanceOf(Promise);
  expect(decompress('gzip', zlib.gzipSync(Buffer.alloc(4 * MiB)), 8 * MiB)).toBeInstanceOf(Promise);
});
