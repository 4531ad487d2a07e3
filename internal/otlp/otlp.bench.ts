/**
 * How fast the bytes are handled, in million items per second of one core. Run by hand, on a quiet machine:
 *
 *   node_modules/.bin/node internal/otlp/otlp.bench.ts [part of a name]
 */
import { checkRequest } from './check.ts';
import { decodeJson, encodeJson } from './json.ts';
import { Payload, type Signal } from './payload.ts';
import { regroup } from './regroup.ts';
import { type Patch, rewriteLogs, rewriteMetrics, rewriteSpans } from './rewrite.ts';
import { Sample } from './sample.ts';
import { countItems } from './shape.ts';
import { splitByBytes, splitByItems } from './split.ts';
import { walkLogs, walkMetrics, walkSpans } from './view/walk.ts';
import { Writer } from './writer.ts';

const ITEMS = 512;
// More than the nearer caches hold, so that nothing is learnt by heart.
const REQUESTS = 64;
const NOW = 1_700_000_000_000_000_000n;
const key = Buffer.from('http.response.status_code');
const only = process.argv[2] ?? '';

for (const signal of ['traces', 'logs', 'metrics'] as const) {
  const sample = new Sample(signal, { items: ITEMS, resources: 4 });
  const requests = Array.from({ length: REQUESTS }, () => sample.next(NOW));
  const payloads = requests.map((bytes) => new Payload(signal, [bytes], ITEMS, bytes.length));
  const json = payloads.slice(0, 4).map(encodeJson);
  console.log(`${signal}: ${(requests[0]!.length / ITEMS).toFixed(0)} bytes an item`);
  measure('generate', () => sample.next(NOW).length);
  measure('count', (i) => countItems(signal, requests[i]!));
  measure('check', (i) => Number('items' in checkRequest(signal, requests[i]!)));
  measure('split by items', (i) => splitByItems(payloads[i]!, 100).length);
  measure('split by bytes', (i) => splitByBytes(payloads[i]!, 40_000).length);
  measure('walk', (i) => walk(signal, payloads[i]!));
  measure('read times', (i) => readTimes(signal, payloads[i]!));
  measure('find an attribute', (i) => find(signal, payloads[i]!));
  measure('append to each', (i) => append(signal, payloads[i]!).byteLength);
  measure('drop every other', (i) => drop(signal, payloads[i]!).byteLength);
  measure('regroup', (i) => regroup(Payload.concat(signal, [payloads[i]!, payloads[0]!])).byteLength, 2);
  measure('JSON out', (i) => encodeJson(payloads[i]!).length);
  measure('JSON in', (i) => Number('chunks' in decodeJson(signal, json[i % 4]!)));
}

function measure(what: string, run: (request: number) => number, batches = 1): void {
  if (!what.includes(only)) return;
  let best = 0;
  for (let round = 0; round < 5; round++) {
    const begin = cpu();
    let calls = 0;
    let spent = 0;
    while (spent < 150_000) {
      run(calls++ % REQUESTS);
      if (calls % 8 === 0) spent = cpu() - begin;
    }
    best = Math.max(best, (calls * batches * ITEMS) / spent);
  }
  console.log(`  ${what.padEnd(20)} ${best.toFixed(2).padStart(7)} M items/s`);
}

function walkOf(signal: Signal, payload: Payload) {
  return signal === 'traces' ? walkSpans(payload) : signal === 'logs' ? walkLogs(payload) : walkMetrics(payload);
}

function walk(signal: Signal, payload: Payload): number {
  const walk = walkOf(signal, payload);
  let sum = 0;
  while (walk.nextResource()) while (walk.nextScope()) while (walk.nextRecord()) sum += walk.record.end;
  return sum;
}

function readTimes(signal: Signal, payload: Payload): number {
  let sum = 0;
  if (signal === 'traces') {
    const walk = walkSpans(payload);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) sum += walk.record.endTimeRounded - walk.record.startTimeRounded;
      }
    }
  } else if (signal === 'logs') {
    const walk = walkLogs(payload);
    while (walk.nextResource()) {
      while (walk.nextScope()) while (walk.nextRecord()) sum += Number(walk.record.timeUnixNano);
    }
  } else {
    const walk = walkMetrics(payload);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const points = walk.record.data?.points;
          for (let point = points?.next(); point; point = points?.next()) sum += point.timeRounded;
        }
      }
    }
  }
  return sum;
}

function find(signal: Signal, payload: Payload): number {
  let sum = 0;
  if (signal === 'metrics') {
    const walk = walkMetrics(payload);
    while (walk.nextResource()) {
      while (walk.nextScope()) {
        while (walk.nextRecord()) {
          const points = walk.record.data?.points;
          for (let point = points?.next(); point; point = points?.next()) sum += point.attributes.find(key) ? 1 : 0;
        }
      }
    }
    return sum;
  }
  const walk = signal === 'traces' ? walkSpans(payload) : walkLogs(payload);
  while (walk.nextResource()) {
    while (walk.nextScope()) {
      while (walk.nextRecord()) sum += walk.record.attributes.find(key) ? 1 : 0;
    }
  }
  return sum;
}

/** An attribute `deployment.environment.name: production` in the given field. */
function attribute(field: number): Uint8Array {
  const out = new Writer();
  const pair = out.open(field);
  out.string(1, 'deployment.environment.name');
  const value = out.open(2);
  out.string(1, 'production');
  out.close(value);
  out.close(pair);
  return out.finish();
}

function append(signal: Signal, payload: Payload): Payload {
  const toSpan = attribute(9);
  if (signal === 'traces') return rewriteSpans(payload, { record: (_span, patch) => patch.append(toSpan) });
  const toLog = attribute(6);
  if (signal === 'logs') return rewriteLogs(payload, { record: (_log, patch) => patch.append(toLog) });
  const toPoint = attribute(7);
  return rewriteMetrics(payload, { point: (_point, patch) => patch.append(toPoint) });
}

function drop(signal: Signal, payload: Payload): Payload {
  let number = 0;
  const visit = (_view: unknown, patch: Patch) => void (number++ % 2 === 0 && patch.drop());
  if (signal === 'traces') return rewriteSpans(payload, { record: visit });
  if (signal === 'logs') return rewriteLogs(payload, { record: visit });
  return rewriteMetrics(payload, { point: visit });
}

/** Microseconds this thread has worked, in the kernel too: page faults are part of the price. */
function cpu(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
