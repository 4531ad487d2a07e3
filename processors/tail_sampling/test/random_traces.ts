import { createHash } from 'node:crypto';
import type { Payload } from '../../../internal/otlp/payload.ts';
import { seededRandom } from '../../../internal/otlp/sample.ts';
import {
  TEST_TIME,
  type TestAttributes,
  type TestSpan,
  type TestValue,
  tracesOf,
} from '../../../internal/testkit/traces.ts';

/** Spans of requests; a trace's come in one request or in two that follow each other. */
const tracesPerRequest = 250;
/** How many values the attribute `case` has: c0, c1, … */
export const cases = 40;

const paths = ['/health', '/metrics', '/v1/name/1', 'GET /v1/name/x', '/V1/NAME/3', '/checkout', '', 'grün/ä', 'a\nb'];
const traceStates = [
  'key=value1',
  'a=b,key=value2',
  'key=other',
  'key=value1,key=value1',
  'bad',
  ' key=value1 ,x=y',
  'ot=th:8;rv:0123456789abcd',
];

/** Traces as nobody would write them by hand: each attribute may be missing, of the wrong type, on a resource, or strange. */
export class RandomTraces {
  readonly #random: () => number;
  readonly #traces: number;

  constructor(traces: number, seed: number) {
    this.#traces = traces;
    this.#random = seededRandom(seed);
  }

  *requests(): Generator<Payload> {
    let late: [string, TestSpan][] = [];
    for (let from = 0; from < this.#traces; from += tracesPerRequest) {
      const now = late;
      late = [];
      for (let i = from; i < Math.min(this.#traces, from + tracesPerRequest); i++) {
        for (const spanOf of this.#trace(i)) (this.#chance(0.3) ? late : now).push(spanOf);
      }
      yield this.#request(now);
    }
    if (late.length > 0) yield this.#request(late);
  }

  /** Each span with the name of its service. */
  #trace(i: number): [string, TestSpan][] {
    const trace = createHash('md5').update(`${i}`).digest('hex');
    const count = 1 + Math.floor(this.#random() ** 2 * 6);
    return Array.from({ length: count }, (_, n) => [this.#of(['a', 'b', 'c', 'd']), this.#span(trace, i, n)]);
  }

  #span(trace: string, i: number, n: number): TestSpan {
    const start = TEST_TIME + BigInt(Math.floor(this.#random() * 1000)) * 1_000_000n;
    const lasting = Math.floor(-Math.log(1 - this.#random()) * 300 * 1_000_000);
    const times = this.#of([
      ...new Array(20).fill({ start, end: start + BigInt(lasting) }),
      { start, end: start - 5_000_000n },
      { start: 0n, end: 0n },
      { start: 0n, end: start },
      { start, end: 0n },
      { start, end: start + 500_000_000n },
    ]) as { start: bigint; end: bigint };
    const state = this.#chance(0.3) ? { traceState: this.#of(traceStates) } : {};
    const status = this.#chance(0.3) ? { status: this.#of([0, 1, 2]) } : {};
    const flags = this.#chance(0.3) ? { flags: this.#of([0, 1, 0x100, 0x301, 0xff]) } : {};
    const events = this.#chance(0.2)
      ? { events: [{ name: this.#of(['exception', 'log']), attributes: this.#attributes() }] }
      : {};
    return {
      trace,
      id: i * 10 + n + 1,
      parent: n === 0 ? 0 : i * 10 + 1,
      name: this.#of(['GET', 'POST', '']),
      kind: this.#of([1, 2, 3]),
      attributes: { case: `c${i % cases}`, ...this.#attributes() },
      ...times,
      ...state,
      ...status,
      ...flags,
      ...events,
    };
  }

  #attributes(): TestAttributes {
    const found: Record<string, TestValue> = {};
    if (this.#chance(0.5)) found['http.status_code'] = this.#code();
    if (this.#chance(0.5))
      found['url.path'] = this.#chance(0.9) ? this.#of(paths) : this.#of<TestValue>([7, true, null, ['/health']]);
    if (this.#chance(0.3)) found.flag = this.#of<TestValue>([true, true, false, 'true', null]);
    if (this.#chance(0.5)) found.tenant = `tenant-${Math.floor(this.#random() * 2000)}`;
    return found;
  }

  #code(): TestValue {
    if (this.#chance(0.8)) return Math.floor(this.#random() * 500) + 100;
    return this.#of<TestValue>(['500', { double: 500.5 }, null, 0, -500, 2 ** 52, 2n ** 63n - 1n]);
  }

  #request(spans: readonly [string, TestSpan][]): Payload {
    const groups = ['a', 'b', 'c', 'd'].map((service) => ({
      resource: { 'service.name': service, ...(this.#chance(0.2) ? this.#attributes() : {}) },
      scope: 'library',
      spans: spans.filter(([of]) => of === service).map(([, span]) => span),
    }));
    return tracesOf(...groups.filter((group) => group.spans.length > 0));
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #of<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)]!;
  }
}
