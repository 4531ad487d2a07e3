/**
 * 32-bit FNV-1a over the seed, little-endian, and the bytes. Source: http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function hashOf(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c_9dc5;
  for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((seed >>> shift) & 0xff), 0x0100_0193);
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x0100_0193);
  return hash >>> 0;
}

/**
 * The 56 bits that upstream makes of the 32: the complement of the low 14, which decide, then a mixture of the high
 * ones, then the low 14 again.
 */
export function randomnessOfHash(hash: number): bigint {
  const low = hash & 0x3fff;
  const high = hash >>> 18;
  const mixed = high ^ (high << 10);
  return (BigInt(0x3fff - low) << 42n) | (BigInt(mixed) << 14n) | BigInt(low);
}
