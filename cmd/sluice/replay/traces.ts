import { HASH, IdTable, writeId } from '../../../internal/sampling/id_table.ts';
import { TraceHash, TraceId } from '../../../internal/sampling/trace_hash.ts';

/** Traces that are followed at most: 170 MB of tables. */
const defaultLimit = 4_000_000;
const firstRows = 1024;

const ERROR = 1;
const ROOT = 2;
/** Words of an id and its hash. */
const ID = HASH + 1;

/**
 * What is known of each trace of a capture, in columns: no object per trace. A row's number is the order in which traces began,
 * so that the same capture gives the same rows whatever the configuration.
 */
export class TraceTable {
  readonly #limit: number;
  readonly #ids = new IdTable(ID, new Uint32Array(ID * firstRows), firstRows);
  readonly #id: TraceId;
  #service = new Uint16Array(firstRows);
  #flags = new Uint8Array(firstRows);
  #kept = new Uint32Array(firstRows);
  #policy = new Uint16Array(firstRows);

  /** @param random keys the hash, uniform in [0, 1) */
  constructor(random: () => number, limit = defaultLimit) {
    this.#limit = limit;
    this.#id = new TraceId(new TraceHash(random));
  }

  get size(): number {
    return this.#ids.size;
  }

  /** @returns the row of the trace; -1 where it is not known, or new beyond the limit */
  row(traceId: Uint8Array, add: boolean): number {
    const id = this.#id;
    if (traceId.length === 16) id.read(traceId, 0);
    else id.set(0, 0, 0, 0);
    const known = this.#ids.find(id);
    if (known >= 0 || !add || this.size >= this.#limit) return known;
    const row = this.size;
    if (row === this.#service.length) this.#grow();
    writeId(this.#ids.words, ID * row, id);
    this.#ids.add(row);
    return row;
  }

  #grow(): void {
    const rows = this.#service.length * 2;
    this.#ids.words = grown(this.#ids.words, new Uint32Array(ID * rows));
    this.#ids.reserve(rows);
    this.#service = grown(this.#service, new Uint16Array(rows));
    this.#flags = grown(this.#flags, new Uint8Array(rows));
    this.#kept = grown(this.#kept, new Uint32Array(rows));
    this.#policy = grown(this.#policy, new Uint16Array(rows));
  }

  /** The trace belongs to the service of its root, or before a root was seen of its first span. */
  sawSpan(row: number, service: number, isRoot: boolean, isError: boolean, isNew: boolean): void {
    const flags = this.#flags[row]!;
    if (isNew || (isRoot && (flags & ROOT) === 0)) this.#service[row] = service;
    this.#flags[row] = flags | (isRoot ? ROOT : 0) | (isError ? ERROR : 0);
  }

  service(row: number): number {
    return this.#service[row]!;
  }
  hasError(row: number): boolean {
    return (this.#flags[row]! & ERROR) !== 0;
  }

  /** Bit n: at least one of its spans reached exporter n. */
  kept(row: number): number {
    return this.#kept[row]!;
  }
  keep(row: number, exporter: number): void {
    this.#kept[row]! |= 1 << exporter;
  }

  /** What the last sampler to tell said of it: an index of the caller's; 0: nothing. */
  policy(row: number): number {
    return this.#policy[row]!;
  }
  setPolicy(row: number, policy: number): void {
    this.#policy[row] = policy;
  }

  /** 32 hex digits. */
  id(row: number): string {
    const { words } = this.#ids;
    const bytes = Buffer.alloc(16);
    for (let word = 0; word < 4; word++) bytes.writeUInt32LE(words[ID * row + word]!, 4 * word);
    return bytes.toString('hex');
  }
}

function grown<T extends Uint8Array | Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
