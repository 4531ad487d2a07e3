/**
 * How fast the bytes are handled, in million items per second on one core. Run by hand:
 *
 *   taskset -c 1 node_modules/.bin/node internal/otlp/check.bench.ts
 */
import { checkRequest } from './check.ts';
import { Payload, type Signal } from './payload.ts';
import { Sample } from './sample.ts';
import { walkLogs, walkMetrics, walkSpans } from './view/walk.ts';

const ITEMS = 512;
// Different requests, more than a core's caches hold, so that nothing is learnt by heart.
const REQUESTS = 64;
const statusCode = Buffer.from('http.response.status_code');

for (const signal of ['traces', 'logs', 'metrics'] as const) {
  const sample = new Sample(signal, { items: ITEMS, resources: 4 });
  const requests = Array.from({ length: REQUESTS }, () => sample.next(1_700_000_000_000_000_000n));
  const payloads = requests.map((bytes) => new Payload(signal, [bytes], ITEMS, bytes.length));
  console.log(`${signal}: ${(requests[0]!.length / ITEMS).toFixed(0)} bytes an item`);
  measure('generate', () => sample.next(1_700_000_000_000_000_000n).length);
  measure('check', (i) => Number('items' in checkRequest(signal, requests[i]!)));
  measure('view walk', (i) => visit(signal, payloads[i]!));
  if (signal !== 'metrics') measure('find an attribute', (i) => find(signal, payloads[i]!));
}

function measure(what: string, run: (request: number) => number): void {
  let best = 0;
  for (let round = 0; round < 7; round++) {
    const begin = process.threadCpuUsage().user;
    let calls = 0;
    let spent = 0;
    while (spent < 150_000) {
      for (let i = 0; i < REQUESTS; i++) run(i);
      calls += REQUESTS;
      spent = process.threadCpuUsage().user - begin;
    }
    best = Math.max(best, (calls * ITEMS) / spent);
  }
  console.log(`  ${what.padEnd(24)} ${best.toFixed(1).padStart(7)} M items/s`);
}

function find(signal: Exclude<Signal, 'metrics'>, payload: Payload): number {
  const walk = signal === 'traces' ? walkSpans(payload) : walkLogs(payload);
  let sum = 0;
  while (walk.nextResource()) {
    while (walk.nextScope()) {
      while (walk.nextRecord()) sum += walk.record.attributes.find(statusCode) ? 1 : 0;
    }
  }
  return sum;
}

function visit(signal: Signal, payload: Payload): number {
  const walk = signal === 'traces' ? walkSpans(payload) : signal === 'logs' ? walkLogs(payload) : walkMetrics(payload);
  let sum = 0;
  while (walk.nextResource()) {
    while (walk.nextScope()) {
      while (walk.nextRecord()) sum += walk.record.end;
    }
  }
  return sum;
}
