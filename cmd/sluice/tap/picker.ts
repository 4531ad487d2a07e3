import { Payload, type Signal } from '../../../internal/otlp/payload.ts';
import type { Cursor } from '../../../internal/otlp/view/cursor.ts';
import { Fields } from '../../../internal/otlp/view/fields.ts';
import { Writer } from '../../../internal/otlp/writer.ts';
import {
  type Context,
  compileCondition,
  contextsOf,
  inferContext,
  OttlError,
  Pass,
  parseCondition,
  pointConverters,
  type Scene,
} from '../../../internal/ottl/index.ts';
import type { Pick, TapRefused } from '../../../internal/telemetry/admin_tap.ts';

/** Ends a pass: enough has been picked. */
class Enough extends Error {}

const recordOf = { traces: 'span', logs: 'log', metrics: 'metric' } as const;
const signals = Object.keys(recordOf) as Signal[];

interface Test {
  readonly context: Context;
  readonly holds: (scene: Scene) => boolean;
}

/** Records for which an OTTL condition holds; without one a few that lie together, somewhere in the batch. */
export function picker(filter: string | undefined, random: () => number): { readonly pick: Pick } | TapRefused {
  const tests = filter ? testsOf(filter) : new Map<Signal, Test>();
  if ('error' in tests) return tests;
  const pick: Pick = (batch, most) => {
    const test = tests.get(batch.signal);
    if (test) return picked(batch, most, test);
    if (filter) return [];
    // Metrics are fewer than their points.
    let skip = batch.signal === 'metrics' ? 0 : Math.floor(random() * Math.max(1, batch.itemCount - most + 1));
    return picked(batch, most, { context: recordOf[batch.signal], holds: () => skip-- <= 0 });
  };
  return { pick };
}

function testsOf(filter: string): Map<Signal, Test> | TapRefused {
  const parsed = parseCondition(filter);
  if (!parsed.ok) return { ...parsed.problem, error: parsed.problem.message };
  const tests = new Map<Signal, Test>();
  const problems = [];
  for (const signal of signals) {
    const inferred = inferContext([parsed.ast], contextsOf[signal]);
    // Of resources and scopes a record is asked, which shows them too.
    const isAround = inferred.ok && (inferred.context === 'resource' || inferred.context === 'scope');
    const context = !inferred.ok || isAround ? recordOf[signal] : inferred.context;
    const functions = context === 'metric' ? pointConverters : {};
    // Paths need no prefix: what is short to type is about the record.
    const compiled = compileCondition(filter, context, { functions });
    if (compiled.ok) tests.set(signal, { context, holds: compiled.test });
    else problems.push(compiled.problem);
  }
  if (tests.size > 0) return tests;
  const problem = problems.reduce((best, one) => (one.at > best.at ? one : best));
  return { ...problem, error: problem.message };
}

function picked(batch: Payload, most: number, { context, holds }: Test): Payload[] {
  const found: Payload[] = [];
  const record = (scene: Scene): Cursor => scene[recordOf[batch.signal]];
  let lastBuf: Uint8Array | undefined;
  let lastStart = -1;
  const run = (scene: Scene) => {
    const { buf, start } = record(scene);
    // Of several events or points that fit, the record is shown once.
    if (buf === lastBuf && start === lastStart) return;
    if (!test(holds, scene)) return;
    [lastBuf, lastStart] = [buf, start];
    found.push(alone(batch.signal, scene, record(scene)));
    if (found.length >= most) throw new Enough();
  };
  try {
    new Pass(batch.signal, { context, writes: new Set(), usesCache: true, run }).run(batch);
  } catch (thrown) {
    if (!(thrown instanceof Enough)) throw thrown;
  }
  return found;
}

function test(holds: Test['holds'], scene: Scene): boolean {
  try {
    return holds(scene);
  } catch (thrown) {
    if (thrown instanceof OttlError) return false;
    throw thrown;
  }
}

const MEMBERS = 2;

/** The record with what stands around it; a copy of its bytes. */
function alone(signal: Signal, { resource, scope }: Scene, record: Cursor): Payload {
  const out = new Writer(record.end - record.start + 256);
  const group = out.open(1);
  withoutMembers(out, resource);
  const inner = out.open(MEMBERS);
  withoutMembers(out, scope);
  out.bytes(MEMBERS, record.buf.subarray(record.start, record.end));
  out.close(inner);
  out.close(group);
  const bytes = out.finish();
  return new Payload(signal, [bytes], 1, bytes.length);
}

function withoutMembers(out: Writer, { buf, start, end }: Cursor): void {
  const fields = new Fields().reset(buf, start, end);
  while (fields.next()) if (fields.tag >>> 3 !== MEMBERS) out.range(buf, fields.at, fields.to);
}
