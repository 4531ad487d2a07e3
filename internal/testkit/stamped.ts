import { Payload, type Signal } from '../otlp/payload.ts';

/**
 * Requests whose records carry an id, so that a test can say which arrived, which did not and which came twice:
 * a span's name, a log record's severity text, or a gauge of one point (an exemplar-free int point) with the id as the metric's name.
 * One resource and one scope per request.
 */
export function stamped(signal: Signal, ids: readonly string[]): Payload {
  const records = ids.map((id) => field(2, record(signal, id)));
  const scope = field(2, Buffer.concat(records));
  const request = field(1, Buffer.concat([field(1, Buffer.alloc(0)), scope]));
  return new Payload(signal, [request], ids.length, request.byteLength);
}

/** The ids of a payload's records, in order. */
export function idsOf(payload: Payload): string[] {
  const ids: string[] = [];
  for (const request of payload.chunks) {
    for (const resource of fields(request, 1)) {
      for (const scope of fields(resource, 2)) {
        for (const item of fields(scope, 2)) {
          const id = fields(item, idField[payload.signal])[0];
          ids.push(Buffer.from(id ?? []).toString());
        }
      }
    }
  }
  return ids;
}

/** Span.name, LogRecord.severity_text, Metric.name */
const idField: Record<Signal, number> = { traces: 5, logs: 3, metrics: 1 };

function record(signal: Signal, id: string): Buffer {
  const stamp = field(idField[signal], Buffer.from(id));
  if (signal !== 'metrics') return stamp;
  // Metric.gauge = 5, Gauge.data_points = 1, NumberDataPoint.as_int = 6 (sfixed64)
  const point = Buffer.concat([Buffer.from([(6 << 3) | 1]), Buffer.alloc(8)]);
  return Buffer.concat([stamp, field(5, field(1, point))]);
}

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2]), varint(bytes.byteLength), bytes]);
}

function varint(value: number): Buffer {
  const out: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) {
      out.push(rest);
      return Buffer.from(out);
    }
    out.push((rest & 127) | 128);
  }
}

/** Values of a length-delimited field; other wire types are skipped. */
function fields(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const read = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.byteLength) {
    const tag = read();
    if ((tag & 7) === 0) read();
    else if ((tag & 7) === 1) at += 8;
    else if ((tag & 7) === 5) at += 4;
    else {
      const length = read();
      if (tag >>> 3 === wanted) found.push(message.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}
