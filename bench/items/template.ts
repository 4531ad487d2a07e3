import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import type { Signal } from '../../internal/otlp/payload.ts';

/**
 * The telemetry that is sent: HTTP server spans of about 470 bytes, log records of about 190, data points of about 220.
 * Encoded by protobufjs from the .proto files, so that neither the bytes nor their order are of our own making.
 */

const PROTO = fileURLToPath(new URL('../../proto/', import.meta.url));

const SERVICE: Readonly<Record<Signal, [file: string, message: string]>> = {
  traces: ['trace/v1/trace_service.proto', 'trace.v1.ExportTraceServiceRequest'],
  metrics: ['metrics/v1/metrics_service.proto', 'metrics.v1.ExportMetricsServiceRequest'],
  logs: ['logs/v1/logs_service.proto', 'logs.v1.ExportLogsServiceRequest'],
};

/** How the spans of a request belong together; only spans can be laid out, in one way or in both. */
export interface Layout {
  /** Spans come as whole traces of so many, interleaved, with new trace ids in each request; else each is a trace of its own, the same in each request. */
  readonly spansPerTrace?: number;
  /** So many different ones of `SERVICE_NAMES` share the spans of a request, each with its own resource; else one, "checkout". */
  readonly services?: number;
}

/** All that `Layout.services` picks from: a catalogue of these knows every one. */
export const SERVICE_NAMES: readonly string[] = Array.from({ length: 10_000 }, (_, at) => `service-${at}`);

/**
 * An Export*ServiceRequest with this many items; equal arguments give equal bytes.
 *
 * @throws RangeError for a layout of what is not spans, or with more services than spans or names
 */
export function encodeRequest(
  signal: Signal,
  items: number,
  seed: number,
  layout: Layout = {},
): Uint8Array<ArrayBuffer> {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => PROTO + target;
  const [file, message] = SERVICE[signal];
  root.loadSync(`opentelemetry/proto/collector/${file}`);
  const type = root.lookupType(`opentelemetry.proto.collector.${message}`);
  const random = new Random(seed + 1);
  const { spansPerTrace, services } = layout;
  if (signal !== 'traces' && (spansPerTrace || services)) throw new RangeError(`${signal} have no layout`);
  const request = signal === 'traces' ? traces(items, random, layout) : { metrics, logs }[signal](items, random);
  return new Uint8Array(type.encode(type.fromObject(request)).finish());
}

/** xorshift32: the same telemetry on every machine and in every run. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) >>> 0 || 1;
  }

  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % limit;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const whole = (key: string, intValue: number) => ({ key, value: { intValue } });

const resource = (random: Random, service = 'checkout') => ({
  attributes: [
    text('service.name', service),
    text('service.version', '2.14.1'),
    text('service.instance.id', `${service}-7c9d8b6f4-${random.below(1e6)}`),
    text('deployment.environment.name', 'production'),
    text('host.name', `node-${random.below(40)}.example.internal`),
    text('telemetry.sdk.language', 'nodejs'),
    text('telemetry.sdk.name', 'opentelemetry'),
    text('telemetry.sdk.version', '2.1.0'),
  ],
});

const SECOND = 1_000_000_000n;
const EPOCH = 1_700_000_000n * SECOND;
const nanos = (random: Random) => String(EPOCH + BigInt(random.below(1e9)) * 1000n);

const ROUTES = ['/api/cart/{id}', '/api/orders/{id}/items', '/api/users/{id}/addresses', '/api/checkout'];

function traces(items: number, random: Random, { spansPerTrace, services }: Layout): object {
  const spans = spansPerTrace
    ? wholeTraces(items, random, spansPerTrace)
    : Array.from({ length: items }, () => span(random));
  const scope = { name: '@opentelemetry/instrumentation-http', version: '0.205.0' };
  if (!services) return { resourceSpans: [{ resource: resource(random), scopeSpans: [{ scope, spans }] }] };
  if (services > items) throw new RangeError(`${services} services cannot share ${items} spans`);
  const resourceSpans = differentServices(services, random).map((name, at) => {
    const share = spans.slice(Math.floor((at * items) / services), Math.floor(((at + 1) * items) / services));
    return { resource: resource(random, name), scopeSpans: [{ scope, spans: share }] };
  });
  return { resourceSpans };
}

/** One from each of so many equal parts of all names: so none comes twice, and they lie far apart. */
function differentServices(count: number, random: Random): string[] {
  const part = Math.floor(SERVICE_NAMES.length / count);
  if (part === 0) throw new RangeError(`${count} services wanted of ${SERVICE_NAMES.length}`);
  return Array.from({ length: count }, (_, at) => SERVICE_NAMES[at * part + random.below(part)]!);
}

/** Of a hundred traces so many hold an error, and so many take over a second. With 5% of the rest a sampler keeps 47%. */
const ERRORS = 15;
const SLOW = 34;

/** Spans of many traces at once, in turns, as they come out of a busy service. */
function wholeTraces(items: number, random: Random, spansPerTrace: number): object[] {
  const traceCount = Math.ceil(items / spansPerTrace);
  const all = Array.from({ length: traceCount }, () => ({
    traceId: random.bytes(16),
    root: random.bytes(8),
    begin: BigInt(nanos(random)),
    error: random.below(100) < ERRORS,
    slow: random.below(100) < SLOW,
  }));
  return Array.from({ length: items }, (_, i) => {
    const trace = all[i % traceCount]!;
    const isRoot = i < traceCount;
    const begin = trace.begin + BigInt(isRoot ? 0 : random.below(1e8));
    const nanoseconds = isRoot && trace.slow ? 1_200_000_000 : random.below(1e8);
    return {
      ...span(random),
      traceId: trace.traceId,
      parentSpanId: isRoot ? undefined : trace.root,
      startTimeUnixNano: String(begin),
      endTimeUnixNano: String(begin + BigInt(nanoseconds)),
      status: { code: trace.error && i >= items - traceCount ? 2 : 1 },
    };
  });
}

function span(random: Random): object {
  const route = random.pick(ROUTES);
  const begin = BigInt(nanos(random));
  const id = String(random.below(1e8));
  return {
    traceId: random.bytes(16),
    spanId: random.bytes(8),
    parentSpanId: random.bytes(8),
    name: `GET ${route}`,
    kind: 2,
    startTimeUnixNano: String(begin),
    endTimeUnixNano: String(begin + BigInt(random.below(2e9))),
    flags: 0x101,
    attributes: [
      text('http.request.method', 'GET'),
      text('http.route', route),
      text('url.scheme', 'https'),
      text('url.path', route.replace('{id}', id)),
      whole('http.response.status_code', random.pick([200, 200, 200, 201, 404])),
      text('server.address', 'shop.example.com'),
      text('client.address', `10.${random.below(256)}.${random.below(256)}.${random.below(256)}`),
      text('user_agent.original', 'Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0.0.0 Safari/537'),
      text('network.protocol.version', '1.1'),
      whole('server.port', 443),
    ],
    status: { code: 1 },
  };
}

function logs(items: number, random: Random): object {
  const scope = { name: 'com.example.checkout.OrderService' };
  const logRecords = Array.from({ length: items }, () => ({
    timeUnixNano: nanos(random),
    observedTimeUnixNano: nanos(random),
    severityNumber: 9,
    severityText: 'INFO',
    body: { stringValue: `order ${random.below(1e8)} accepted, ${random.below(90)} items` },
    attributes: [
      text('thread.name', `worker-${random.below(64)}`),
      text('code.function.name', 'OrderService.accept'),
      whole('order.total', random.below(1e6)),
    ],
    traceId: random.bytes(16),
    spanId: random.bytes(8),
    flags: 1,
  }));
  return { resourceLogs: [{ resource: resource(random), scopeLogs: [{ scope, logRecords }] }] };
}

const POINTS_PER_METRIC = 4;

function metrics(items: number, random: Random): object {
  const scope = { name: '@opentelemetry/instrumentation-http', version: '0.205.0' };
  const list: object[] = [];
  for (let left = items; left > 0; left -= POINTS_PER_METRIC) {
    list.push(metric(Math.min(left, POINTS_PER_METRIC), list.length, random));
  }
  return { resourceMetrics: [{ resource: resource(random), scopeMetrics: [{ scope, metrics: list }] }] };
}

function metric(points: number, index: number, random: Random): object {
  const dataPoints = (value: () => object) =>
    Array.from({ length: points }, () => ({ ...value(), ...pointCommon(random) }));
  const named = (name: string, unit: string) => ({
    name: `${name}.${index}`,
    description: 'As the client saw it',
    unit,
  });
  // Two counters and a gauge to one histogram.
  if (index % 4 === 0) {
    const histogram = () => ({
      count: 90,
      sum: random.below(1e6) / 1000,
      bucketCounts: [10, 20, 30, 20, 10],
      explicitBounds: [0.01, 0.1, 1, 10],
    });
    return {
      ...named('http.server.request.duration', 's'),
      histogram: { aggregationTemporality: 2, dataPoints: dataPoints(histogram) },
    };
  }
  if (index % 4 === 1) {
    return {
      ...named('system.cpu.utilization', '1'),
      gauge: { dataPoints: dataPoints(() => ({ asDouble: random.below(1e6) / 1e6 })) },
    };
  }
  return {
    ...named('http.server.requests', '{request}'),
    sum: {
      aggregationTemporality: 2,
      isMonotonic: true,
      dataPoints: dataPoints(() => ({ asInt: random.below(1e9) })),
    },
  };
}

function pointCommon(random: Random): object {
  return {
    startTimeUnixNano: String(EPOCH),
    timeUnixNano: nanos(random),
    attributes: [
      text('http.request.method', random.pick(['GET', 'POST'])),
      whole('shard', random.below(100)),
      text('http.route', random.pick(ROUTES)),
      whole('http.response.status_code', random.pick([200, 404, 500])),
      text('server.address', 'shop.example.com'),
    ],
  };
}
