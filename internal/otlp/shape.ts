import type { Signal } from './payload.ts';
import type { Fields } from './view/fields.ts';
import { LEN, shortVarintEnd, skipValue, uint32At } from './wire.ts';

/**
 * The way down from a request to its items. For each message on it: which of its fields, by tag, lead on.
 * The three signals are one shape; metrics have two steps more.
 */
export type Shape = readonly Step[];
/** 1 at the tags that lead on. */
export type Step = Uint8Array;

const request = step(1);
const group = step(2);
const metric = step(5, 7, 9, 10, 11);
const data = step(1);

const records: Shape = [request, group, group];
const points: Shape = [request, group, group, metric, data];

export function shapeOf(signal: Signal): Shape {
  return signal === 'metrics' ? points : records;
}

function step(...fields: number[]): Step {
  const tags = new Uint8Array(256);
  for (const field of fields) tags[(field << 3) | LEN] = 1;
  return tags;
}

/** Whether the field that `fields` stands at leads on. */
export function leadsOn(step: Step, fields: Fields): boolean {
  return step[fields.tag] === 1;
}

/** Items in a checked request. */
export function countItems(signal: Signal, bytes: Uint8Array): number {
  return countIn(shapeOf(signal), 0, bytes, 0, bytes.length);
}

/** Items in the message that lies `depth` steps down the way. */
export function countIn(shape: Shape, depth: number, buf: Uint8Array, start: number, end: number): number {
  if (depth === shape.length) return 1;
  const step = shape[depth]!;
  const leaf = depth + 1 === shape.length;
  let count = 0;
  let pos = start;
  while (pos < end) {
    let value = shortVarintEnd(buf, pos, end);
    if (value < 0) break;
    const tag = uint32At(buf, pos);
    pos = skipValue(buf, value, end, tag);
    if (pos < 0) break;
    if (step[tag] !== 1) continue;
    if (leaf) count++;
    else {
      value = shortVarintEnd(buf, value, end);
      count += countIn(shape, depth + 1, buf, value, pos);
    }
  }
  return count;
}
