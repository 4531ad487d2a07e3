import type { Slabs } from '../slabs.ts';

/**
 * Length-Prefixed-Message: 1 byte compressed flag, 4 bytes length (big endian), message.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
const prefixBytes = 5;

export interface Framed {
  /** What goes on the wire: a window on `slab`. */
  readonly bytes: Buffer;
  readonly slab: Buffer;
}

export function frame(slabs: Slabs, message: readonly Uint8Array[], byteLength: number, compressed: boolean): Framed {
  const slab = slabs.gather(message, byteLength, prefixBytes);
  slab[0] = compressed ? 1 : 0;
  slab.writeUInt32BE(byteLength, 1);
  return { bytes: slab.subarray(0, prefixBytes + byteLength), slab };
}

export interface Unframed {
  readonly compressed: boolean;
  readonly message: Uint8Array;
}

export function unframe(framed: Uint8Array): Unframed {
  return { compressed: framed[0] === 1, message: framed.subarray(prefixBytes) };
}
