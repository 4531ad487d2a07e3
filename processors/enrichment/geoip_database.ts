import { Reader } from 'mmdb-lib';

/** Stands before the metadata, https://maxmind.github.io/MaxMind-DB/ */
const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
/** Zeros between the search tree and the data. */
const separatorBytes = 16;
/** A record of a city follows about a hundred. */
const maxPointers = 1000;

/** Stands in for the reader's cache: ends a lookup in a broken file whose pointers lead in circles. */
class PointerLimit {
  #left = 0;

  reset(): void {
    this.#left = maxPointers;
  }
  get(): undefined {
    if (--this.#left < 0) throw new Error(`more than ${maxPointers} pointers lead on from one record`);
  }
  set(): void {}
}

/** A MaxMind DB file in memory, looked up where it lies. */
export class GeoipDatabase {
  /** Tells it apart from others without holding its bytes. */
  readonly identity = Symbol('database');
  readonly bytes: number;
  readonly #reader: Reader<object>;
  readonly #pointers = new PointerLimit();

  /** @throws Error where the bytes are no such file, or not all of one */
  constructor(bytes: Buffer) {
    const at = bytes.lastIndexOf(marker);
    if (at < 0) throw new Error('it is no MaxMind DB file, or its end is missing');
    this.bytes = bytes.length;
    this.#pointers.reset();
    try {
      this.#reader = new Reader(bytes, { cache: this.#pointers });
    } catch (error) {
      throw new Error(`its metadata or its search tree are broken: ${(error as Error).message}`, { cause: error });
    }
    this.#check(bytes, at);
  }

  #check(bytes: Buffer, metadataAt: number): void {
    const { binaryFormatMajorVersion: version, ipVersion, nodeCount, searchTreeSize } = this.#reader.metadata;
    if (version !== 2) throw new Error(`expected version 2 of the MaxMind DB format, got ${version}`);
    if (ipVersion !== 4 && ipVersion !== 6) throw new Error(`expected ip_version 4 or 6, got ${ipVersion}`);
    const dataAt = searchTreeSize + separatorBytes;
    if (!Number.isSafeInteger(nodeCount) || nodeCount < 1 || dataAt > metadataAt) {
      throw new Error('its search tree is cut off');
    }
    if (bytes.subarray(searchTreeSize, dataAt).some((byte) => byte !== 0)) {
      throw new Error('its search tree does not end where its metadata say: it may be parts of two files');
    }
  }

  /** @param address IPv4 or IPv6, no IPv4 address mapped into IPv6 @throws Error where the record is broken */
  find(address: string): object | undefined {
    // The reader would take the first bits of an IPv6 address for an IPv4 one.
    if (this.#reader.metadata.ipVersion === 4 && address.includes(':')) return undefined;
    this.#pointers.reset();
    const found: unknown = this.#reader.get(address);
    return typeof found === 'object' && found !== null ? found : undefined;
  }
}
