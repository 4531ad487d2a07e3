import { isIPv4, SocketAddress } from 'node:net';

/** A whole number from 0 is written as uint32, another one as double. */
export type Entry = string | number | boolean | readonly Entry[] | { readonly [key: string]: Entry };

export interface MmdbOptions {
  readonly recordSize?: 24 | 28 | 32;
  readonly ipVersion?: 4 | 6;
  readonly type?: string;
  /** Of the format. */
  readonly version?: number;
}

/** A node's two branches: another node, where a record lies in the data, or nothing. */
type Branch = Node | { readonly dataAt: number } | undefined;
interface Node {
  number: number;
  readonly branches: [Branch, Branch];
}

/**
 * A MaxMind DB file for tests, written by the format's specification: https://maxmind.github.io/MaxMind-DB/
 *
 * @param networks prefix such as `10.0.0.0/8` to record; one must not lie within another
 */
export function mmdb(
  networks: Readonly<Record<string, Entry>>,
  { recordSize = 28, ipVersion = 6, type = 'Test', version = 2 }: MmdbOptions = {},
): Buffer {
  const data = new Data();
  const root: Node = { number: 0, branches: [undefined, undefined] };
  const nodes = [root];
  for (const [network, entry] of Object.entries(networks)) {
    const bits = bitsOf(network, ipVersion);
    let node = root;
    for (const bit of bits.slice(0, -1)) {
      let next = node.branches[bit];
      if (next && !('number' in next)) throw new Error(`${network} lies within another network`);
      if (!next) {
        next = { number: nodes.length, branches: [undefined, undefined] };
        nodes.push(next);
        node.branches[bit] = next;
      }
      node = next;
    }
    node.branches[bits.at(-1)!] = { dataAt: data.add(entry) };
  }
  const record = (branch: Branch) => {
    if (!branch) return nodes.length;
    return 'number' in branch ? branch.number : nodes.length + 16 + branch.dataAt;
  };
  const tree = nodes.map(({ branches: [left, right] }) => nodeBytes(record(left), record(right), recordSize));
  const metadata = new Data();
  metadata.add({
    node_count: nodes.length,
    record_size: recordSize,
    ip_version: ipVersion,
    database_type: type,
    languages: ['en'],
    binary_format_major_version: version,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    description: { en: 'A file for tests' },
  });
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
  return Buffer.concat([...tree, Buffer.alloc(16), data.bytes(), marker, metadata.bytes()]);
}

function nodeBytes(left: number, right: number, recordSize: number): Buffer {
  const node = Buffer.alloc(recordSize / 4);
  if (recordSize === 32) {
    node.writeUInt32BE(left, 0);
    node.writeUInt32BE(right, 4);
  } else {
    node.writeUIntBE(left & 0xffffff, 0, 3);
    node.writeUIntBE(right & 0xffffff, node.length - 3, 3);
    if (recordSize === 28) node[3] = ((left >>> 24) << 4) | (right >>> 24);
  }
  return node;
}

/** IPv4 addresses are the first 32 bits' zeros of IPv6: `::/96`. */
function bitsOf(network: string, ipVersion: 4 | 6): (0 | 1)[] {
  const [address = '', length] = network.split('/');
  const v4 = isIPv4(address);
  const bytes = v4 ? address.split('.').map(Number) : v6Bytes(address);
  const bits = bytes.flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((at) => ((byte >> at) & 1) as 0 | 1));
  const within = bits.slice(0, Number(length));
  return v4 && ipVersion === 6 ? [...new Array<0>(96).fill(0), ...within] : within;
}

function v6Bytes(address: string): number[] {
  const [left = '', right] = new SocketAddress({ address, family: 'ipv6' }).address.split('::');
  const words = (text: string) => (text ? text.split(':').map((word) => Number.parseInt(word, 16)) : []);
  const [before, after] = [words(left), words(right ?? '')];
  const all = [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
  return all.flatMap((word) => [word >> 8, word & 0xff]);
}

/** The data section: a text or map that was written before is pointed at. */
class Data {
  readonly #parts: Buffer[] = [];
  #length = 0;
  readonly #known = new Map<string, number>();

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  /** @returns where the entry lies */
  add(entry: Entry): number {
    const at = this.#known.get(JSON.stringify(entry));
    if (at !== undefined) return at;
    const begin = this.#length;
    this.#write(entry);
    return begin;
  }

  #put(...parts: Buffer[]): void {
    this.#parts.push(...parts);
    for (const { length } of parts) this.#length += length;
  }

  #write(entry: Entry): void {
    const text = JSON.stringify(entry);
    const known = this.#known.get(text);
    if (known !== undefined && text.length > 4) {
      this.#put(pointer(known));
      return;
    }
    this.#known.set(text, this.#length);
    if (typeof entry === 'string') this.#put(control(2, Buffer.byteLength(entry)), Buffer.from(entry));
    else if (typeof entry === 'boolean') this.#put(control(14, entry ? 1 : 0));
    else if (typeof entry === 'number') this.#put(number(entry));
    else if (Array.isArray(entry)) {
      this.#put(control(11, entry.length));
      for (const each of entry) this.#write(each);
    } else {
      const pairs = Object.entries(entry as object);
      this.#put(control(7, pairs.length));
      for (const [key, value] of pairs) {
        this.#write(key);
        this.#write(value);
      }
    }
  }
}

function number(value: number): Buffer {
  if (Number.isInteger(value) && value >= 0) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([control(6, 4), bytes]);
  }
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return Buffer.concat([control(3, 8), bytes]);
}

function control(type: number, size: number): Buffer {
  const sizeBits = Math.min(size, 29);
  const rest = size < 29 ? [] : [size - 29];
  if (size > 284) throw new Error('longer than a test needs');
  return Buffer.from(type > 7 ? [sizeBits, type - 7, ...rest] : [(type << 5) | sizeBits, ...rest]);
}

/** Of the first two sizes. */
function pointer(at: number): Buffer {
  if (at < 2048) return Buffer.from([(1 << 5) | (at >> 8), at & 0xff]);
  const rest = at - 2048;
  return Buffer.from([(1 << 5) | (1 << 3) | (rest >> 16), (rest >> 8) & 0xff, rest & 0xff]);
}
