import { crc32 } from 'node:zlib';
import type { Model } from './model.ts';

/** Changes whenever the meaning of what follows does. */
const MAGIC = 'sluice error_biased_sampler 1\n';

/*
 * MAGIC, length of the JSON (uint32), JSON, counts of the sketches (float32), CRC-32 of all before (uint32).
 * Numbers are little-endian. The JSON names each parent by its position in the list before.
 */
interface Names {
  readonly services: readonly (readonly [name: string, rates: readonly number[]])[];
  readonly operations: readonly (readonly [service: number, name: string, hasSketch: boolean])[];
  readonly outcomes: readonly (readonly [operation: number, code: number, perMinute: number])[];
}

/** What a model has learnt. */
export function encodeState(model: Model): Buffer {
  const sketches: Float32Array[] = [];
  const positionOfService = new Map<number, number>();
  const services = [...model.services].map((service, i) => {
    positionOfService.set(service, i);
    return [model.services.textOf(service), model.budget.ratesOf(service)] as const;
  });
  const positionOfOperation = new Map<number, number>();
  const operations: [number, string, boolean][] = [];
  for (const operation of model.operations) {
    const service = positionOfService.get(model.operations.parentOf(operation));
    if (service === undefined) continue;
    const sketch = model.sketches.save(operation);
    if (sketch) sketches.push(sketch);
    positionOfOperation.set(operation, operations.length);
    operations.push([service, model.operations.textOf(operation), sketch !== undefined]);
  }
  const outcomes: [number, number, number][] = [];
  for (const outcome of model.outcomes) {
    const operation = positionOfOperation.get(model.outcomes.parentOf(outcome));
    if (operation === undefined) continue;
    outcomes.push([operation, model.outcomes.textOf(outcome).charCodeAt(0), model.rarity.perMinute(outcome)]);
  }
  return seal({ services, operations, outcomes }, sketches);
}

function seal(names: Names, sketches: readonly Float32Array[]): Buffer {
  const json = Buffer.from(JSON.stringify(names));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const parts = sketches.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
  const body = Buffer.concat([Buffer.from(MAGIC), length, json, ...parts]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(body));
  return Buffer.concat([body, sum]);
}

/**
 * Teaches a model what another had learnt.
 * @param now monotonic milliseconds
 * @returns what is wrong with the bytes; undefined: nothing
 */
export function decodeState(bytes: Buffer, model: Model, now: number): string | undefined {
  if (!bytes.subarray(0, MAGIC.length).equals(Buffer.from(MAGIC))) return 'it is of another kind or version';
  const end = bytes.length - 4;
  const start = MAGIC.length + 4;
  if (end < start || crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) return 'its checksum is wrong';
  const length = bytes.readUInt32LE(MAGIC.length);
  const names = JSON.parse(bytes.subarray(start, start + length).toString()) as Names;
  // A copy, since float32 must begin at multiples of four.
  const counts = new Float32Array(new Uint8Array(bytes.subarray(start + length, end)).buffer);
  teach(model, names, counts, now);
  return undefined;
}

/** The checksum was right: this is what `encodeState` wrote. A smaller model takes what it has room for. */
function teach(model: Model, { services, operations, outcomes }: Names, counts: Float32Array, now: number): void {
  const keyOf = (text: string) => Buffer.from(text);
  const serviceKeys = services.map(([name, rates]) => {
    const key = keyOf(name);
    const service = model.services.numberOf(0, key, 0, key.length, now);
    model.budget.restore(service, rates);
    return service;
  });
  const sketches = operations.filter(([, , hasSketch]) => hasSketch).length;
  const size = sketches > 0 ? counts.length / sketches : 0;
  let at = 0;
  const operationKeys = operations.map(([service, name, hasSketch]) => {
    const key = keyOf(name);
    const operation = model.operations.numberOf(serviceKeys[service]!, key, 0, key.length, now);
    if (hasSketch) model.sketches.load(operation, counts.subarray(at, (at += size)));
    return operation;
  });
  for (const [operation, code, perMinute] of outcomes) {
    const outcome = model.outcomes.numberOf(operationKeys[operation]!, Uint8Array.of(code), 0, 1, now);
    model.rarity.set(outcome, perMinute, now);
  }
  model.budget.restored(now);
  model.sketches.refresh(now);
}
