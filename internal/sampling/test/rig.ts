import type { Vote } from '../../core/explain.ts';
import { accepted, type Outcome } from '../../core/outcome.ts';
import { Payload } from '../../otlp/payload.ts';
import { walkSpans } from '../../otlp/view/walk.ts';
import { Writer } from '../../otlp/writer.ts';
import { type Answer, RecordingConsumer, TestAccount, testSettings } from '../../testkit/settings.ts';
import type { BufferedTrace, Decider, Decision, Trigger } from '../decider.ts';
import { TailEngine } from '../engine.ts';
import type { TailObserver, TailOptions } from '../engine_types.ts';

/** What a test says of a span; the name is its stamp. */
export interface TestSpan {
  /** Up to 32 hex digits, filled up with zeros on the left; undefined: without an id. */
  readonly trace?: string | undefined;
  readonly name: string;
  readonly root?: boolean;
  readonly error?: boolean;
  readonly start?: bigint;
  readonly end?: bigint;
  readonly state?: string;
  readonly service?: string;
  readonly scope?: string;
  /** Bytes of ballast. */
  readonly ballast?: number;
}

export function idOf(trace: string): string {
  if (!/^[0-9a-f]{1,32}$/i.test(trace)) throw new Error(`${trace} is not hex`);
  return trace.padStart(32, '0');
}

/** One request: a resource for each service, in it a scope for each scope name. */
export function request(spans: readonly TestSpan[]): Payload {
  const out = new Writer(1024);
  const services = Map.groupBy(spans, ({ service = '' }) => service);
  for (const [service, inService] of services) {
    const resource = out.open(1);
    out.bytes(1, attribute(1, 'service.name', service));
    for (const [scope, inScope] of Map.groupBy(inService, ({ scope = '' }) => scope)) {
      const group = out.open(2);
      const about = out.open(1);
      out.string(1, scope);
      out.close(about);
      for (const span of inScope) out.bytes(2, encodeSpan(span));
      out.string(3, 'https://schema/scope');
      out.close(group);
    }
    out.string(3, 'https://schema/resource');
    out.close(resource);
  }
  const bytes = out.finish();
  return new Payload('traces', [bytes], spans.length, bytes.length);
}

export function attribute(field: number, key: string, value: string): Uint8Array {
  const out = new Writer(64);
  const pair = out.open(field);
  out.string(1, key);
  const any = out.open(2);
  out.string(1, value);
  out.close(any);
  out.close(pair);
  return out.finish();
}

function encodeSpan(span: TestSpan): Uint8Array {
  const { trace, name, root = false, error = false, start = 1000n, end = 2000n, state = '', ballast = 0 } = span;
  const out = new Writer(128);
  if (trace !== undefined) out.bytes(1, Buffer.from(idOf(trace), 'hex'));
  out.bytes(2, Buffer.alloc(8, 7));
  if (state !== '') out.string(3, state);
  if (!root) out.bytes(4, Buffer.alloc(8, 9));
  out.string(5, name);
  out.fixed64(7, start);
  out.fixed64(8, end);
  if (ballast > 0) out.raw(attribute(9, 'ballast', 'x'.repeat(ballast)));
  if (error) {
    const status = out.open(15);
    out.varint(3, 2);
    out.close(status);
  }
  return out.finish();
}

/** What came out of a span, as far as tests look at it. */
export interface Arrived {
  readonly name: string;
  readonly service: string;
  readonly scope: string;
  readonly state: string;
  readonly scopeAttributes: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly schemas: string;
}

export function arrivedIn(payload: Payload): Arrived[] {
  const arrived: Arrived[] = [];
  const walk = walkSpans(payload);
  while (walk.nextResource()) {
    const service = walk.resource.resource.attributes.find(Buffer.from('service.name'))?.value.stringValue ?? '';
    const resourceSchema = walk.resource.schemaUrl;
    while (walk.nextScope()) {
      const scope = walk.scope.scope.name;
      const scopeAttributes: string[] = [];
      const { attributes } = walk.scope.scope;
      for (let pair = attributes.next(); pair; pair = attributes.next()) scopeAttributes.push(pair.key);
      const schemas = `${resourceSchema} ${walk.scope.schemaUrl}`;
      while (walk.nextRecord()) {
        const own: Record<string, string> = {};
        const list = walk.record.attributes;
        for (let pair = list.next(); pair; pair = list.next()) own[pair.key] = pair.value.stringValue;
        const { name, traceState: state } = walk.record;
        arrived.push({ name, service, scope, state, scopeAttributes, attributes: own, schemas });
      }
    }
  }
  return arrived;
}

type Decide = (trace: BufferedTrace, trigger: Trigger, into: Decision) => void;

const keep = { verdict: 'sampled', policy: 0 };

/** Decides as the test says; by default it keeps all. Facts: numbers[0] counts the spans gathered, bits[0] bit 0 is an error. */
export class TestDecider implements Decider {
  readonly bitWords = 1;
  readonly numbers = 2;
  readonly policies = [
    { name: 'first', type: 'test' },
    { name: 'second', type: 'test' },
  ];
  readonly maxNotes: number = 16;
  readonly asked: {
    readonly id: string;
    readonly trigger: Trigger;
    readonly spans: number;
    readonly gathered: number;
  }[] = [];
  decision: Decide;
  matches: (name: string) => boolean = () => false;
  isPrecious: (trace: BufferedTrace) => boolean = ({ hasError }) => hasError;
  lateScopeAttributes: ((policy: number) => Uint8Array | undefined) | undefined = undefined;
  #service = '';

  constructor(decision: Decide = (_trace, _trigger, into) => void Object.assign(into, keep)) {
    this.decision = decision;
  }

  enter: Decider['enter'] = (resource) => {
    this.#service = resource.resource.attributes.find(Buffer.from('service.name'))?.value.stringValue ?? '';
  };
  gather: Decider['gather'] = (span, { numbers, numbersAt, bits, bitsAt }) => {
    numbers[numbersAt]!++;
    // The service of the group must be the span's own: tests name spans `service:…` to have it checked.
    const [service, rest] = span.name.split(':');
    if (rest !== undefined && service !== this.#service) numbers[numbersAt + 1]!++;
    if (span.status.code === 2) bits[bitsAt]! |= 1;
    return this.matches(span.name);
  };
  decide(trace: BufferedTrace, trigger: Trigger, into: Decision): void {
    const { facts, traceIdAt } = trace;
    const id = Buffer.from(trace.traceIds.subarray(traceIdAt, traceIdAt + 16)).toString('hex');
    if (facts.numbers[facts.numbersAt + 1] !== 0) throw new Error('gathered under the wrong resource');
    this.asked.push({ id, trigger, spans: trace.spanCount, gathered: facts.numbers[facts.numbersAt]! });
    this.decision(trace, trigger, into);
  }
  precious(trace: BufferedTrace): 0 | 1 {
    return this.isPrecious(trace) ? 1 : 0;
  }
  takeNotes(into: Uint8Array, at: number): number {
    const last = this.asked.at(-1)!;
    into[at] = last.spans & 0xff;
    return 1;
  }
  readNotes(notes: Uint8Array): readonly Vote[] {
    return [{ policy: 'first', type: 'test', vote: 'sampled', compared: `${notes[0]} spans` }];
  }
}

/** Adds up what an engine tells. */
export class TestObserver implements TailObserver {
  readonly events: string[] = [];
  new = 0;
  late_ = { kept: 0, leftOut: 0, cached: 0 };
  evictions: Record<string, number> = {};
  decisions: Record<string, number> = {};
  lags: number[] = [];
  large = 0;
  idless = 0;
  removals = 0;
  ticks = 0;

  newTraces(traces: number): void {
    this.new += traces;
  }
  decided(decision: Decision, _spans: number, _bytes: number, trigger: Trigger, lagMs: number): void {
    const key = `${decision.verdict} ${trigger}`;
    this.decisions[key] = (this.decisions[key] ?? 0) + 1;
    this.lags.push(lagMs);
  }
  late(sampled: boolean, spans: number, _ageMs: number, cached: boolean): void {
    this.late_[sampled ? 'kept' : 'leftOut'] += spans;
    if (cached) this.late_.cached += spans;
  }
  evicted(reason: string): void {
    this.evictions[reason] = (this.evictions[reason] ?? 0) + 1;
  }
  tooLarge(): void {
    this.large++;
  }
  withoutTraceId(spans: number): void {
    this.idless += spans;
  }
  removed(): void {
    this.removals++;
  }
  ticked(): void {
    this.ticks++;
  }
}

export const defaults: TailOptions = {
  decisionWaitMs: 1000,
  decisionWaitAfterRootMs: 0,
  numTraces: 1000,
  maxBufferBytes: 32 << 20,
  maxTraceBytes: 0,
  maxTraceSpans: 0,
  dropTraceBytes: 0,
  blockOnOverflow: false,
  dropPendingOnShutdown: false,
  sampledCacheSize: 1000,
  nonSampledCacheSize: 1000,
  explainBytes: 1 << 20,
  stampExplanation: false,
  spanIngest: false,
};

export function rig(over: Partial<TailOptions> = {}, decider = new TestDecider(), answer: Answer = () => accepted) {
  const account = new TestAccount();
  const settings = testSettings({ id: 'tail', kind: 'processor', pipeline: 'traces', account });
  const next = new RecordingConsumer(answer);
  const observer = new TestObserver();
  const engine = new TailEngine(settings, { ...defaults, ...over }, decider, next, observer);
  const put = (...spans: TestSpan[]): Promise<Outcome> => engine.consume(request(spans), {});
  const arrived = () => next.taken.flatMap(arrivedIn);
  const names = () => arrived().map(({ name }) => name);
  const stop = (abort = new AbortController().signal) => engine.shutdown(abort);
  return { ...settings, account, next, observer, decider, engine, put, arrived, names, stop };
}
