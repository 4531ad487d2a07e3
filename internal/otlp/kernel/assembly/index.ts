// The inner loops of Sluice in AssemblyScript, TypeScript that becomes WebAssembly: docs/adr/0009-inner-loops-in-webassembly.md.

export { check, schema } from './check';
export { copy } from './copy';
export * from './layout';
export { scan } from './scan';
