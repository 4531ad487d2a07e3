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
  readonly INPUT: Constant;
  readonly INPUT_END: Constant;
  schema(kindOfKeyValue: number, firstItem: number): void;
  check(request: number, from: number, to: number): number;
}

/**
 * The inner loops in WebAssembly (docs/adr/0009-inner-loops-in-webassembly.md): what they work on is copied into their
 * memory and means nothing once the caller has returned. Undefined where this Node has no WebAssembly (`--jitless`, say).
 */
const kernel = start();

function start() {
  const exports = load();
  if (!exports) return undefined;
  const room = Buffer.from(exports.memory.buffer);
  room.set(kinds, exports.KINDS.value);
  exports.schema(KIND_MESSAGE + messageNamed('KeyValue').index, FIRST_ITEM);
  return { room, check: exports.check, input: exports.INPUT.value, inputEnd: exports.INPUT_END.value };
}

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

/**
 * Whether `bytes` is a whole request of this message, and how many items it holds.
 *
 * @param request number of its message in the schema
 * @returns -1 where it is not, or where this cannot tell
 */
export function itemsIn(request: number, bytes: Uint8Array): number {
  if (!kernel || bytes.length > kernel.inputEnd - kernel.input) return -1;
  kernel.room.set(bytes, kernel.input);
  return kernel.check(request, kernel.input, kernel.input + bytes.length);
}
