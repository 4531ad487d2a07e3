/**
 * Reads `grpc-status` from a header block of a peer that was told to use no dynamic table (RFC 7541). Only names and
 * values that this load can meet: the name plain or Huffman-coded, the number plain or Huffman-coded.
 */

const NAME = Buffer.from('grpc-status');
const NAME_HUFFMAN = Buffer.from('9acac8b21234da8f', 'hex');

/** @throws Error for a reference into the dynamic table and for a block that ends early */
export function grpcStatus(block: Uint8Array): number | undefined {
  const reader = new Reader(block);
  let status: number | undefined;
  while (!reader.done()) {
    const first = reader.peek();
    if (first >= 0x80) {
      reader.index(7);
    } else if (first >= 0x20 && first < 0x40) {
      reader.integer(5); // a dynamic table size update
    } else {
      const named = reader.index(first >= 0x40 ? 6 : 4);
      const isStatus = named === 0 && isName(reader.string());
      const value = reader.string();
      if (isStatus) status = number(value);
    }
  }
  return status;
}

interface Text {
  bytes: Uint8Array;
  huffman: boolean;
}

const isName = ({ bytes, huffman }: Text) => Buffer.compare(bytes, huffman ? NAME_HUFFMAN : NAME) === 0;

function number({ bytes, huffman }: Text): number {
  const digits = huffman ? huffmanDigits(bytes) : Buffer.from(bytes).toString('latin1');
  if (!/^\d{1,2}$/.test(digits)) throw new Error(`grpc-status is not a number: ${Buffer.from(bytes).toString('hex')}`);
  return Number(digits);
}

/** RFC 7541 appendix B: '0' to '2' are the five bits 00000 to 00010, '3' to '9' the six bits 011001 to 011111. */
function huffmanDigits(bytes: Uint8Array): string {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let digits = '';
  while (!/^1*$/.test(bits)) {
    const long = bits.startsWith('011');
    digits += long ? Number.parseInt(bits.slice(0, 6), 2) - 0b011001 + 3 : Number.parseInt(bits.slice(0, 5), 2);
    bits = bits.slice(long ? 6 : 5);
  }
  return digits;
}

class Reader {
  readonly #block: Uint8Array;
  #at = 0;

  constructor(block: Uint8Array) {
    this.#block = block;
  }

  done(): boolean {
    return this.#at >= this.#block.length;
  }

  peek(): number {
    return this.#block[this.#at]!;
  }

  /** An index, which must lie in the static table (61 entries). */
  index(bits: number): number {
    const value = this.integer(bits);
    if (value > 61) throw new Error(`header block refers to entry ${value} of a table that was declined`);
    return value;
  }

  /** An integer with an N-bit prefix. */
  integer(bits: number): number {
    const limit = (1 << bits) - 1;
    let value = this.#byte() & limit;
    if (value === limit) {
      for (let shift = 0; ; shift += 7) {
        const byte = this.#byte();
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
        if (shift > 21) throw new Error('header block: an integer is too long');
      }
    }
    return value;
  }

  string(): Text {
    const huffman = this.peek() >= 0x80;
    const length = this.integer(7);
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    if (bytes.length < length) throw new Error('header block: a string runs past its end');
    this.#at += length;
    return { bytes, huffman };
  }

  #byte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw new Error('header block ends early');
    return byte;
  }
}
