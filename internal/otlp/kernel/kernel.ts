import { FIRST_ITEM, KIND_MESSAGE, kinds, messageNamed } from '../schema.ts';
import { module } from './module.ts';

/** What Node's types leave out of WebAssembly, https://webassembly.github.io/spec/js-api */
interface WebAssemblyApi {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
}

/** A constant of the module. */
interface Constant {
  readonly value: number;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly KINDS: Constant;
  readonly LENGTHS: Constant;
  readonly KEYS: Constant;
  readonly KEY_BYTES: Constant;
  readonly PLACES: Constant;
  readonly PLACES_END: Constant;
  readonly KEPT: Constant;
  readonly BENCH: Constant;
  readonly INPUT: Constant;
  readonly INPUT_END: Constant;
  readonly OUTPUT: Constant;
  readonly OUTPUT_END: Constant;
  schema(kindOfKeyValue: number, firstItem: number): void;
  check(request: number, from: number, to: number): number;
  scan(from: number, to: number, tag: number, all: number): number;
  copy(to: number, from: number, size: number): void;
}

/** Keys that are looked for, numbered. */
export interface KeySet {
  /** It only grows. */
  readonly size: number;
  entries(): Iterable<{ readonly key: Uint8Array; readonly id: number }>;
}

const MAX_RESIDENT = 1 << 20;

/** Numbers for each attribute in `found`: the field's beginning and end, the key's, the value's, and the key's number. */
export const FOUND = 7;

function load(): Exports | undefined {
  const { WebAssembly } = globalThis as { WebAssembly?: WebAssemblyApi };
  if (!WebAssembly) return undefined;
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(module, 'base64'))).exports as Exports;
  } catch {
    // A processor without SIMD, or a limit on address space that leaves no room.
    return undefined;
  }
}

/** Undefined where this Node has no WebAssembly: a processor without SIMD, say. Then all is done in TypeScript. */
const kernel = load();

/**
 * The memory of the inner loops in WebAssembly (docs/adr/0009-inner-loops-in-webassembly.md). What lies in it means
 * nothing once the caller has returned: it holds no state, but saves making and filling it anew. Empty without a kernel.
 */
export const room: Buffer = kernel ? Buffer.from(kernel.memory.buffer) : Buffer.alloc(0);
/** What `scan` found. */
export const found: Int32Array = kernel
  ? new Int32Array(kernel.memory.buffer, kernel.PLACES.value, (kernel.PLACES_END.value - kernel.PLACES.value) >>> 2)
  : new Int32Array(0);

const input = kernel?.INPUT.value ?? 0;
const inputBytes = (kernel?.INPUT_END.value ?? 0) - input;
/** Where a chunk that lies in the room is rewritten to. */
export const output = kernel?.OUTPUT.value ?? 0;
export const outputEnd = kernel?.OUTPUT_END.value ?? 0;
/** Where is room for what is made for one record. */
export const bench = kernel?.BENCH.value ?? 0;
export const benchEnd = input;
const kept = kernel?.KEPT.value ?? 0;

if (kernel) {
  room.set(kinds, kernel.KINDS.value);
  kernel.schema(KIND_MESSAGE + messageNamed('KeyValue').index, FIRST_ITEM);
}

/** Copies `size` bytes within the room. */
export const copyInRoom: Exports['copy'] = kernel ? kernel.copy : () => {};

let occupied = false;
/** What lies at `input`: mostly a request that was checked is rewritten next. */
let resident: Uint8Array | undefined;

function bring(bytes: Uint8Array): void {
  room.set(bytes, input);
  // A large one would be held on to for no more than this.
  resident = bytes.length <= MAX_RESIDENT ? bytes : undefined;
}

/**
 * Copies a chunk into the room, which is the caller's until `vacate`.
 *
 * @returns where it lies; -1 where it does not fit, or the room is taken
 */
export function occupy(chunk: Uint8Array): number {
  if (occupied || chunk.length > inputBytes) return -1;
  occupied = true;
  if (chunk !== resident) bring(chunk);
  if (keptEnd > (kept + bench) >>> 1) {
    keptEnd = kept;
    edition++;
  }
  return input;
}

let keptEnd = kept;
let edition = 0;

/** What `keep` said is good as long as this stays the same: at least until the room is left. */
export function keptEdition(): number {
  return edition;
}

/**
 * Copies what goes into many records into the room.
 *
 * @returns where it lies; -1 where it does not fit
 */
export function keep(bytes: Uint8Array, from: number, to: number): number {
  const at = keptEnd;
  if (at + to - from > bench) return -1;
  room.set(bytes.subarray(from, to), at);
  keptEnd += to - from;
  return at;
}

export function vacate(): void {
  occupied = false;
}

export function isOccupied(): boolean {
  return occupied;
}

/**
 * Whether `bytes` is a whole request of this message, and how many items it holds.
 *
 * @param request number of its message in the schema
 * @returns -1 where it is not, or where this cannot tell
 */
export function itemsIn(request: number, bytes: Uint8Array): number {
  if (!kernel || occupied || bytes.length > inputBytes) return -1;
  bring(bytes);
  return kernel.check(request, input, input + bytes.length);
}

let loaded: KeySet | undefined;
let loadedSize = 0;
let fits = false;

/**
 * Finds the `repeated KeyValue` fields with this tag, of one byte, in the message that lies in the room.
 *
 * @param all not only those with one of the keys
 * @returns how many, in `found`; -1 where one is not written plainly, or there are too many, or the keys do not fit
 */
export function scan(keys: KeySet, all: boolean, start: number, end: number, tag: number): number {
  if (keys !== loaded || keys.size !== loadedSize) fits = loadKeys(keys);
  return fits ? kernel!.scan(start, end, tag, all ? 1 : 0) : -1;
}

function loadKeys(keys: KeySet): boolean {
  loaded = keys;
  loadedSize = keys.size;
  if (!kernel) return false;
  const words = new Int32Array(kernel.memory.buffer, 0, kernel.PLACES.value >>> 2);
  const firstKey = kernel.KEYS.value;
  const endOfBytes = kernel.PLACES.value;
  let entry = firstKey;
  let at = kernel.KEY_BYTES.value;
  const endOfKeys = at;
  // Longer ones are not found in the room: an attribute with such a key makes `scan` give up.
  const known = [...keys.entries()].filter(({ key }) => key.length < 128).sort((a, b) => a.key.length - b.key.length);
  let next = 0;
  for (let length = 0; length < 128; length++) {
    const slot = (kernel.LENGTHS.value >>> 2) + length * 2;
    words[slot] = entry;
    const before = next;
    for (; known[next]?.key.length === length; next++) {
      const { key, id } = known[next]!;
      if (entry + 8 > endOfKeys || at + length > endOfBytes) return false;
      room.set(key, at);
      words[entry >>> 2] = at;
      words[(entry >>> 2) + 1] = id;
      entry += 8;
      at += length;
    }
    words[slot + 1] = next - before;
  }
  return true;
}
