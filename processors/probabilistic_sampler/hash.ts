const digits = '0123456789abcdef';

/**
 * 32-bit FNV-1a over the seed, little-endian, and the bytes. Source: http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function hashOf(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c_9dc5;
  for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((seed >>> shift) & 0xff), 0x0100_0193);
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x0100_0193);
  return hash >>> 0;
}

/** What decides, 0 to 16383: an item is kept where this reaches the threshold's first 14 bits. */
export function bucketOf(hash: number): number {
  return 0x3fff - (hash & 0x3fff);
}

/**
 * The 56 bits of randomness that upstream makes of a hash: the bucket in 14 bits, a mixture of the hash's high bits in
 * 28, its low 14 bits.
 */
export function randomnessOfHash(hash: number): bigint {
  return (BigInt(highHalf(hash)) << 28n) | BigInt(lowHalf(hash));
}

/** The same as the 14 digits of `rv`. */
export function writeRandomness(into: Uint8Array, at: number, hash: number): void {
  writeHex(into, at, highHalf(hash));
  writeHex(into, at + 7, lowHalf(hash));
}

/** 28 bits as seven digits. */
function writeHex(into: Uint8Array, at: number, value: number): void {
  for (let i = 6, rest = value; i >= 0; i--, rest >>>= 4) into[at + i] = digits.charCodeAt(rest & 15);
}

function highHalf(hash: number): number {
  return ((bucketOf(hash) << 14) | (mixed(hash) >>> 14)) >>> 0;
}

function lowHalf(hash: number): number {
  return (((mixed(hash) & 0x3fff) << 14) | (hash & 0x3fff)) >>> 0;
}

function mixed(hash: number): number {
  const high = hash >>> 18;
  return high ^ (high << 10);
}
