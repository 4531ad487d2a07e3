import { isAbsolute, join } from 'node:path';
import type { Node } from '../../../internal/config/tree.ts';
import { Payload } from '../../../internal/otlp/payload.ts';
import { decodeRecord } from '../replay/decode.ts';
import { readRecords } from '../replay/records.ts';
import { durationOf } from './frame.ts';
import type { Reading } from './reading.ts';
import { readRecord } from './record.ts';
import { allKinds, around } from './specs.ts';
import { toPayload } from './telemetry.ts';

/** Copies of a step, and records of one kind with all copies: more would not be a test any more. */
const maxRepeat = 100_000;
const maxRecords = 200_000;

/** Batches that arrive together. */
export interface Step {
  /** Milliseconds after the start. */
  readonly atMs: number;
  readonly batches: readonly Payload[];
}

/** What is said of a step, before it is made into batches. */
interface Plan {
  atMs: number;
  repeat: number;
  readonly files: { readonly path: string; readonly node: Node; readonly at: Reading }[];
  readonly lists: (readonly [(typeof allKinds)[number], Node, Reading])[];
  outside: Node | undefined;
}

/**
 * Telemetry in short form: `spans:`, `logs:` and `metrics:`, or a list of steps of these, each with `at:` and `repeat:`;
 * `file:` names OTLP/JSON or protobuf as the file exporter writes it.
 * @param folder what paths are relative to
 */
export async function readInput(node: Node, at: Reading, folder: string): Promise<Step[]> {
  const nodes = node.kind === 'list' ? node.items.map((item, i) => [item, at.in(i)] as const) : [[node, at] as const];
  const steps: Step[] = [];
  for (const [one, place] of nodes) {
    const step = await readStep(one, place.as('input'), folder);
    if (steps.length > 0 && step.atMs < steps.at(-1)!.atMs)
      place.wrong(one, 'expected steps in the order of their at:');
    steps.push(step);
  }
  return steps;
}

async function readStep(node: Node, at: Reading, folder: string): Promise<Step> {
  const plan: Plan = { atMs: 0, repeat: 1, files: [], lists: [], outside: undefined };
  at.keys(node, 'a map with spans, logs or metrics', {
    at: (value, place) => {
      const nanos = value.kind === 'scalar' ? durationOf(String(value.value)) : undefined;
      if (nanos === undefined || nanos < 0n) place.wrong(value, 'expected a duration such as 10s');
      else plan.atMs = Number(nanos) / 1e6;
    },
    repeat: (value, place) => {
      const times = value.kind === 'scalar' ? Number(value.value) : Number.NaN;
      if (Number.isInteger(times) && times > 0 && times <= maxRepeat) plan.repeat = times;
      else place.wrong(value, `expected a number from 1 to ${maxRepeat}`);
    },
    file: (value, place) => {
      const path = place.text(value, 'a path');
      if (path !== undefined)
        plan.files.push({ path: isAbsolute(path) ? path : join(folder, path), node: value, at: place });
    },
    around: (value) => {
      plan.outside = value;
    },
    ...Object.fromEntries(
      allKinds.map((kind) => [kind.list, (value: Node, place: Reading) => plan.lists.push([kind, value, place])]),
    ),
  });
  const batches = plan.lists.flatMap(([kind, list, place]) => readBatch(kind, list, place, plan, at) ?? []);
  for (const file of plan.files) batches.push(...(await readFile(file.path, file.node, file.at)));
  return { atMs: plan.atMs, batches };
}

/** `repeat` copies stand in one batch; names of traces and spans are the copy's own. */
function readBatch(
  kind: (typeof allKinds)[number],
  list: Node,
  at: Reading,
  plan: Plan,
  step: Reading,
): Payload | undefined {
  const items = at.list(list, `a list of ${kind.list}`)?.items ?? [];
  const outside = plan.outside && readRecord(around, plan.outside, step.in('around').as('part'));
  if (items.length * plan.repeat > maxRecords) {
    return at.wrong(list, `expected at most ${maxRecords} records, got ${items.length} ${plan.repeat} times`);
  }
  const records = [];
  const before = at.issues.length;
  for (let copy = 1; copy <= plan.repeat && at.issues.length === before; copy++) {
    for (const [i, item] of items.entries()) {
      const record = readRecord(kind.spec, item, at.in(i), `a ${kind.one}`);
      if (!record) continue;
      const said = item.kind === 'map' ? item.entries : new Map();
      const whole = new Map(record);
      for (const [key, value] of outside ?? []) if (!said.has(key)) whole.set(key, value);
      if (copy > 1) for (const key of ['trace', 'span', 'parent']) rename(whole, key, said.has(key), copy);
      records.push(whole);
    }
  }
  if (at.issues.length > before || records.length === 0) return undefined;
  try {
    return toPayload(kind, records, at.frame);
  } catch (error) {
    return at.wrong(list, (error as Error).message);
  }
}

function rename(record: Map<string, unknown>, key: string, said: boolean, copy: number): void {
  if (said) record.set(key, `${record.get(key)}#${copy}`);
}

async function readFile(path: string, node: Node, at: Reading): Promise<Payload[]> {
  const batches: Payload[] = [];
  try {
    for await (const record of readRecords(path)) {
      const batch = Buffer.isBuffer(record) ? decodeRecord(record) : record;
      if (batch instanceof Payload) batches.push(batch);
      else at.wrong(node, `${path}: ${batch.passedOver}`);
    }
  } catch (error) {
    at.wrong(node, `${path}: ${(error as Error).message}`);
  }
  return batches;
}
