/**
 * Length-Prefixed-Message: 1 byte compressed flag, 4 bytes length (big endian), message.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
const prefixBytes = 5;

/** One buffer of the exact size. */
export function frame(chunks: readonly Uint8Array[], byteLength: number, compressed: boolean): Buffer {
  const framed = Buffer.allocUnsafe(prefixBytes + byteLength);
  framed[0] = compressed ? 1 : 0;
  framed.writeUInt32BE(byteLength, 1);
  let at = prefixBytes;
  for (const chunk of chunks) {
    framed.set(chunk, at);
    at += chunk.length;
  }
  return framed;
}

export interface Unframed {
  readonly compressed: boolean;
  readonly message: Uint8Array;
}

export function unframe(framed: Uint8Array): Unframed {
  return { compressed: framed[0] === 1, message: framed.subarray(prefixBytes) };
}
