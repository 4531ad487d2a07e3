import { createHash } from 'node:crypto';
import { type Args, define, type FunctionTable } from '../args.ts';
import { fail, typeName } from '../values.ts';

/** Hashes, encodings and made-up ids. */
export const hashConverters: FunctionTable = {
  MD5: digest('md5'),
  SHA1: digest('sha1'),
  SHA256: digest('sha256'),
  SHA512: digest('sha512'),
  FNV: define('target', (args) => {
    const target = args.text('target');
    return (scene) => fnv64a(Buffer.from(target(scene)));
  }),
  Murmur3Hash: define('target', (args) => {
    const target = args.text('target');
    return (scene) => {
      const hash = Buffer.alloc(4);
      hash.writeUInt32LE(murmur32(Buffer.from(target(scene))));
      return hash.toString('hex');
    };
  }),
  Murmur3Hash128: define('target', (args) => {
    const target = args.text('target');
    return (scene) => {
      const [low, high] = murmur128(Buffer.from(target(scene)));
      const hash = Buffer.alloc(16);
      hash.writeBigUInt64LE(low);
      hash.writeBigUInt64LE(high, 8);
      return hash.toString('hex');
    };
  }),
  Hex: define('target', (args) => {
    const target = args.bytesLike('target');
    return (scene) => Buffer.from(target(scene) ?? []).toString('hex');
  }),
  Base64Encode: define('target, variant?', (args) => {
    const target = args.text('target');
    const variant = args.has('variant') ? args.text('variant') : () => 'base64';
    return (scene) => encodeBase64(Buffer.from(target(scene)), variant(scene));
  }),
  Base64Decode: define('target', (args) => {
    const target = args.text('target');
    return (scene) => decodeText(Buffer.from(target(scene)), 'base64');
  }),
  Decode: define('target, encoding', decode),
  UUID: define('', (args) => () => uuid(args, 4)),
  UUIDv7: define('', (args) => () => uuid(args, 7)),
};

function digest(algorithm: string) {
  return define('target', (args) => {
    const target = args.text('target');
    return (scene) => createHash(algorithm).update(target(scene)).digest('hex');
  });
}

function decode(args: Args) {
  const target = args.any('target');
  const encoding = args.text('encoding');
  const literal = args.literal('encoding');
  if (literal && !isEncoding(literal.value as string)) {
    args.refuse(
      'encoding',
      `unknown encoding ${literal.value}: expected base64, base64-raw, base64-url, base64-raw-url, or the name of a character set`,
    );
  }
  return (scene: Parameters<typeof target>[0]) => {
    const value = target(scene);
    if (typeof value === 'string') return decodeText(Buffer.from(value), encoding(scene));
    if (value instanceof Uint8Array) return decodeText(value, encoding(scene));
    fail(`expected string or bytes, got ${typeName(value)}`);
  };
}

const base64Variants: Readonly<Record<string, { readonly letters: RegExp; readonly padded: boolean }>> = {
  base64: { letters: /^[A-Za-z0-9+/]*={0,2}$/, padded: true },
  'base64-raw': { letters: /^[A-Za-z0-9+/]*$/, padded: false },
  'base64-url': { letters: /^[\w-]*={0,2}$/, padded: true },
  'base64-raw-url': { letters: /^[\w-]*$/, padded: false },
};

function isEncoding(name: string): boolean {
  if (Object.hasOwn(base64Variants, name)) return true;
  try {
    decoderOf(name);
    return true;
  } catch {
    return false;
  }
}

function decodeText(bytes: Uint8Array, encoding: string): string {
  const variant = Object.hasOwn(base64Variants, encoding) ? base64Variants[encoding] : undefined;
  if (variant) {
    // Line breaks inside are skipped, as Go does.
    const text = Buffer.from(bytes)
      .toString('latin1')
      .replace(/[\r\n]/g, '');
    const wrong = variant.padded ? text.length % 4 !== 0 : text.length % 4 === 1;
    if (wrong || !variant.letters.test(text)) fail(`could not decode: no ${encoding}`);
    return Buffer.from(text, 'base64').toString('utf8');
  }
  if (!isEncoding(encoding)) fail(`unknown encoding ${JSON.stringify(encoding.slice(0, 64))}`);
  const decoder = decoderOf(encoding);
  // Browsers read Latin-1 as what Windows made of it; Go does not.
  if (decoder.encoding === 'windows-1252' && !encoding.includes('1252')) return Buffer.from(bytes).toString('latin1');
  return decoder.decode(bytes);
}

/** @throws RangeError for an encoding that is not known */
function decoderOf(encoding: string): TextDecoder {
  const name = /^(?:us-)?ascii$/i.test(encoding) || encoding === '' ? 'utf-8' : encoding;
  return new TextDecoder(name, { ignoreBOM: true });
}

function encodeBase64(bytes: Buffer, variant: string): string {
  switch (variant) {
    case 'base64':
      return bytes.toString('base64');
    case 'base64-raw':
      return bytes.toString('base64').replace(/=+$/, '');
    case 'base64-raw-url':
      return bytes.toString('base64url');
    case 'base64-url': {
      const text = bytes.toString('base64url');
      return text + '='.repeat((4 - (text.length % 4)) % 4);
    }
  }
  fail(`unknown variant of base64: ${variant.slice(0, 64)}`);
}

/** FNV-1a of 64 bits. Source: http://www.isthe.com/chongo/tech/comp/fnv/ */
function fnv64a(bytes: Uint8Array): bigint {
  // In two halves: the prime is 2^40 + 0x1b3.
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0;
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + (low << 8) + Math.floor(product / 0x1_0000_0000)) >>> 0;
    low = product >>> 0;
  }
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));
}

/** MurmurHash3_x86_32, seed 0. Source: https://github.com/aappleby/smhasher */
function murmur32(bytes: Buffer): number {
  let hash = 0;
  const mix = (word: number) => {
    const spread = Math.imul(word, 0xcc9e2d51);
    return Math.imul((spread << 15) | (spread >>> 17), 0x1b873593);
  };
  const blocks = bytes.length & ~3;
  for (let i = 0; i < blocks; i += 4) {
    hash ^= mix(bytes.readInt32LE(i));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let i = bytes.length - 1; i >= blocks; i--) tail = (tail << 8) | bytes[i]!;
  hash ^= mix(tail) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const C1 = 0x87c37b91114253d5n;
const C2 = 0x4cf5ad432745937fn;
const u64 = (value: bigint) => BigInt.asUintN(64, value);
const turn = (value: bigint, by: bigint) => u64(value << by) | (value >> (64n - by));

/** MurmurHash3_x64_128, seed 0. */
function murmur128(bytes: Buffer): [bigint, bigint] {
  let h1 = 0n;
  let h2 = 0n;
  const mix1 = (word: bigint) => u64(turn(u64(word * C1), 31n) * C2);
  const mix2 = (word: bigint) => u64(turn(u64(word * C2), 33n) * C1);
  const blocks = bytes.length - (bytes.length % 16);
  for (let i = 0; i < blocks; i += 16) {
    h1 = u64(u64(turn(h1 ^ mix1(bytes.readBigUInt64LE(i)), 27n) + h2) * 5n + 0x52dce729n);
    h2 = u64(u64(turn(h2 ^ mix2(bytes.readBigUInt64LE(i + 8)), 31n) + h1) * 5n + 0x38495ab5n);
  }
  const tail = Buffer.alloc(16);
  bytes.copy(tail, 0, blocks);
  h2 ^= mix2(tail.readBigUInt64LE(8));
  h1 ^= mix1(tail.readBigUInt64LE(0));
  h1 ^= BigInt(bytes.length);
  h2 ^= BigInt(bytes.length);
  h1 = u64(h1 + h2);
  h2 = u64(h2 + h1);
  h1 = finish(h1);
  h2 = finish(h2);
  h1 = u64(h1 + h2);
  return [h1, u64(h2 + h1)];
}

function finish(value: bigint): bigint {
  let hash = value;
  hash = u64((hash ^ (hash >> 33n)) * 0xff51afd7ed558ccdn);
  hash = u64((hash ^ (hash >> 33n)) * 0xc4ceb9fe1a85ec53n);
  return hash ^ (hash >> 33n);
}

/** Source: RFC 9562. Random by chance, version 7 by time first. */
function uuid(args: Args, version: 4 | 7): string {
  const { random, now } = args.scope.surroundings;
  const bytes = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)));
  if (version === 7) bytes.writeUIntBE(Number(now() / 1_000_000n), 0, 6);
  bytes[6] = (bytes[6]! & 0x0f) | (version << 4);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
