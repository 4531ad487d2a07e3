import type { Writer } from './writer.ts';

/** Uniform in [0, 1). */
export type Random = () => number;

const services = ['frontend', 'cart', 'checkout', 'payment', 'shipping', 'catalogue', 'email', 'recommendation'];
const routes = [
  '/api/cart',
  '/api/cart/{id}',
  '/api/checkout',
  '/api/products/{id}',
  '/api/search',
  '/api/orders/{id}',
];
const methods = ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'];
const agents = ['Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0', 'okhttp/4.12.0', 'python-requests/2.32.4 (gateway)'];
const words = ['order', 'accepted', 'for', 'customer', 'with', 'three', 'items', 'payment', 'authorised', 'by', 'card'];
const bounds = [5, 10, 25, 50, 100, 250, 500, 1000];

const noId8 = new Uint8Array(8);
const noId16 = new Uint8Array(16);

/** Fields 1 (resource) of Resource…: a service in a cluster. */
export function writeResource(out: Writer, number: number): void {
  const resource = out.open(1);
  text(out, 1, 'service.name', services[number % services.length]!);
  text(out, 1, 'service.namespace', 'shop');
  text(out, 1, 'service.version', '2.14.1');
  text(out, 1, 'service.instance.id', `627cc493-f310-47de-96bd-${(number + 1).toString().padStart(12, '0')}`);
  text(out, 1, 'k8s.pod.name', `${services[number % services.length]}-6d4cf56db6-${number}`);
  text(out, 1, 'telemetry.sdk.language', 'go');
  out.close(resource);
}

/** Field 1 (scope) of Scope…. */
export function writeScope(out: Writer): void {
  const scope = out.open(1);
  out.string(1, 'go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp');
  out.string(2, '0.62.0');
  out.close(scope);
}

/** Ids and times are written as zeros: `Sample` fills them in. */
export function writeSpan(out: Writer, random: Random, root: boolean): void {
  const method = pick(methods, random);
  const route = pick(routes, random);
  const failed = random() < 0.05;
  const span = out.open(2);
  out.bytes(1, noId16);
  out.bytes(2, noId8);
  if (!root) out.bytes(4, noId8);
  out.string(5, `${method} ${route}`);
  out.varint(6, 2 + Math.floor(random() * 2));
  out.fixed64(7, 0n);
  out.fixed64(8, 0n);
  text(out, 9, 'http.request.method', method);
  text(out, 9, 'http.route', route);
  integer(out, 9, 'http.response.status_code', failed ? 503 : 200);
  text(out, 9, 'server.address', `${pick(services, random)}.shop.svc.cluster.local`);
  integer(out, 9, 'server.port', 8080);
  text(out, 9, 'user_agent.original', pick(agents, random));
  text(out, 9, 'url.path', `${route.replace('{id}', '')}/${Math.floor(random() * 1e6)}`);
  text(out, 9, 'network.protocol.version', '1.1');
  text(out, 9, 'network.peer.address', `10.1.${Math.floor(random() * 256)}.${Math.floor(random() * 256)}`);
  integer(out, 9, 'http.response.body.size', Math.floor(random() * 1e6));
  if (random() < 0.25) writeEvent(out, failed);
  const status = out.open(15);
  if (failed) {
    out.string(2, 'upstream unavailable');
    out.varint(3, 2);
  }
  out.close(status);
  out.fixed32(16, 0x101);
  out.close(span);
}

function writeEvent(out: Writer, failed: boolean): void {
  const event = out.open(11);
  out.fixed64(1, 0n);
  out.string(2, failed ? 'exception' : 'message');
  text(out, 3, failed ? 'exception.type' : 'message.type', failed ? 'java.net.ConnectException' : 'RECEIVED');
  out.close(event);
}

export function writeLogRecord(out: Writer, random: Random): void {
  const failed = random() < 0.05;
  const record = out.open(2);
  out.fixed64(1, 0n);
  out.varint(2, failed ? 17 : 9);
  out.string(3, failed ? 'ERROR' : 'INFO');
  const body = out.open(5);
  out.string(1, Array.from({ length: 8 }, () => pick(words, random)).join(' '));
  out.close(body);
  text(out, 6, 'code.function.name', 'checkout.PlaceOrder');
  integer(out, 6, 'order.items', Math.floor(random() * 100));
  out.fixed32(8, 1);
  out.bytes(9, noId16);
  out.bytes(10, noId8);
  out.fixed64(11, 0n);
  out.close(record);
}

/** A metric of one of the five kinds with `points` data points. */
export function writeMetric(out: Writer, points: number, random: Random): void {
  const shape = random();
  const metric = out.open(2);
  if (shape < 0.35) {
    out.string(1, 'http.server.active_requests');
    out.string(3, '{request}');
    const data = out.open(5);
    for (let i = 0; i < points; i++) writeNumberPoint(out, random);
    out.close(data);
  } else if (shape < 0.7) {
    out.string(1, 'http.server.request.count');
    out.string(3, '{request}');
    const data = out.open(7);
    for (let i = 0; i < points; i++) writeNumberPoint(out, random);
    out.varint(2, 2);
    out.varint(3, 1);
    out.close(data);
  } else if (shape < 0.9) {
    out.string(1, 'http.server.request.duration');
    out.string(3, 'ms');
    const data = out.open(9);
    for (let i = 0; i < points; i++) writeHistogramPoint(out, random);
    out.varint(2, 2);
    out.close(data);
  } else if (shape < 0.95) {
    out.string(1, 'rpc.server.call.duration');
    out.string(3, 'ms');
    const data = out.open(10);
    for (let i = 0; i < points; i++) writeExponentialPoint(out, random);
    out.varint(2, 1);
    out.close(data);
  } else {
    out.string(1, 'gc.pause.duration');
    out.string(3, 'ms');
    const data = out.open(11);
    for (let i = 0; i < points; i++) writeSummaryPoint(out, random);
    out.close(data);
  }
  out.close(metric);
}

function writeNumberPoint(out: Writer, random: Random): void {
  const point = out.open(1);
  times(out);
  if (random() < 0.5) out.double(4, random() * 1000);
  else out.fixed64(6, BigInt(Math.floor(random() * 1e6)));
  series(out, 7, random);
  out.close(point);
}

function writeHistogramPoint(out: Writer, random: Random): void {
  const counts = [...bounds, 0].map(() => Math.floor(random() * 50));
  const point = out.open(1);
  times(out);
  out.fixed64(4, BigInt(counts.reduce((sum, count) => sum + count, 0)));
  out.double(5, random() * 1e5);
  const packed = out.open(6);
  for (const count of counts) out.packedFixed64(BigInt(count));
  out.close(packed);
  const limits = out.open(7);
  for (const bound of bounds) out.packedDouble(bound);
  out.close(limits);
  out.double(11, random());
  out.double(12, 1000 + random());
  series(out, 9, random);
  out.close(point);
}

function writeExponentialPoint(out: Writer, random: Random): void {
  const counts = Array.from({ length: 12 }, () => Math.floor(random() * 50));
  const point = out.open(1);
  times(out);
  out.fixed64(4, BigInt(counts.reduce((sum, count) => sum + count, 1)));
  out.double(5, random() * 1e5);
  out.varint(6, 6);
  out.fixed64(7, 1n);
  const positive = out.open(8);
  out.varint(1, 14);
  const packed = out.open(2);
  for (const count of counts) out.packedVarint64(BigInt(count));
  out.close(packed);
  out.close(positive);
  series(out, 1, random);
  out.close(point);
}

function writeSummaryPoint(out: Writer, random: Random): void {
  const point = out.open(1);
  times(out);
  out.fixed64(4, 20n);
  out.double(5, random() * 100);
  for (const quantile of [0.5, 0.99]) {
    const value = out.open(6);
    out.double(1, quantile);
    out.double(2, random() * 10 * quantile);
    out.close(value);
  }
  series(out, 7, random);
  out.close(point);
}

function times(out: Writer): void {
  out.fixed64(2, 0n);
  out.fixed64(3, 0n);
}

/** What names a point's series; `sample.id` comes last, where `Sample` looks for it. */
function series(out: Writer, field: number, random: Random): void {
  text(out, field, 'http.request.method', pick(methods, random));
  text(out, field, 'http.route', pick(routes, random));
  integer(out, field, 'http.response.status_code', 200);
  text(out, field, 'sample.id', '0'.repeat(16));
}

function text(out: Writer, field: number, key: string, value: string): void {
  const pair = out.open(field);
  out.string(1, key);
  const any = out.open(2);
  out.string(1, value);
  out.close(any);
  out.close(pair);
}

function integer(out: Writer, field: number, key: string, value: number): void {
  const pair = out.open(field);
  out.string(1, key);
  const any = out.open(2);
  out.varint(3, value);
  out.close(any);
  out.close(pair);
}

function pick<T>(from: readonly T[], random: Random): T {
  return from[Math.floor(random() * from.length)]!;
}
