import { isMalformed, readRequest } from '../../../internal/otlp/check.ts';
import { decodeJson } from '../../../internal/otlp/json.ts';
import { Payload, type Signal } from '../../../internal/otlp/payload.ts';
import { walkLogs, walkSpans } from '../../../internal/otlp/view/walk.ts';

const keys: readonly (readonly [string, Signal])[] = [
  ['resourceSpans', 'traces'],
  ['resourceMetrics', 'metrics'],
  ['resourceLogs', 'logs'],
];
const brace = 0x7b;

/** The batch of one record, OTLP/JSON or protobuf, or why there is none. */
export function decodeRecord(record: Buffer): Payload | { readonly passedOver: string } {
  const first = record.find((byte) => byte > 0x20);
  return first === brace ? fromJson(record) : fromProtobuf(record);
}

function fromJson(record: Buffer): Payload | { readonly passedOver: string } {
  // The key of the one top-level list stands at the beginning of what a file exporter writes.
  const head = record.subarray(0, 4096).toString('latin1');
  const signal = keys.find(([name]) => head.includes(`"${name}"`))?.[1];
  if (!signal) return { passedOver: 'a record is none of resourceSpans, resourceMetrics, resourceLogs' };
  const batch = decodeJson(signal, record);
  return isMalformed(batch) ? { passedOver: `a record is not OTLP/JSON: ${batch.malformed}` } : batch;
}

function fromProtobuf(record: Buffer): Payload | { readonly passedOver: string } {
  const signal = signalOf(record);
  const batch = readRequest(signal, record);
  return isMalformed(batch) ? { passedOver: `a record is not OTLP: ${batch.malformed}` } : batch;
}

/**
 * What the bytes of a request are of, which they do not say: the three signals differ in their records only. A span has ids of 16 and 8 bytes and
 * fixed64 times where a metric has a message; times and severity of a log record stand where a metric has text.
 */
function signalOf(bytes: Buffer): Signal {
  const batch = (signal: Signal) => new Payload(signal, [bytes], 0, bytes.length);
  const spans = walkSpans(batch('traces'));
  while (spans.nextResource()) {
    while (spans.nextScope()) {
      if (!spans.nextRecord()) continue;
      const span = spans.record;
      return span.traceId.length === 16 && span.spanId.length === 8 && (span.has(7) || span.has(8))
        ? 'traces'
        : logsOrMetrics(batch('logs'));
    }
  }
  return 'metrics';
}

function logsOrMetrics(batch: Payload): Signal {
  const logs = walkLogs(batch);
  while (logs.nextResource()) {
    while (logs.nextScope()) {
      if (logs.nextRecord()) return [1, 2, 11].some((field) => logs.record.has(field)) ? 'logs' : 'metrics';
    }
  }
  return 'metrics';
}
