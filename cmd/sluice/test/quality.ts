import { readFileSync } from 'node:fs';
import { metrics, type Running } from './running.ts';

/** One of `configs`, on ports of its own. */
export function exampleConfig(name: string): string {
  return readFileSync(`configs/${name}.yaml`, 'utf8')
    .replaceAll('${env:SLUICE_HOST:-localhost}:4317', '127.0.0.1:${env:GRPC_PORT}')
    .replaceAll('${env:SLUICE_HOST:-localhost}:4318', '127.0.0.1:${env:HTTP_PORT}');
}

/** The same with a file in the place of its debug exporter. */
export function exampleIntoFile(name: string, path: string): string {
  return exampleConfig(name)
    .replace('debug:\n    verbosity: basic', `file:\n    path: ${path}`)
    .replaceAll('exporters: [debug]', 'exporters: [file]');
}

/** @param body OTLP JSON */
export function postJson(
  sluice: Running,
  signal: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`http://127.0.0.1:${sluice.ports.http}/v1/${signal}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

export const attributes = (of: Readonly<Record<string, string>>) =>
  Object.entries(of).map(([key, stringValue]) => ({ key, value: { stringValue } }));

/** Lines of a file exporter. */
export function linesOf(path: string): Record<string, any>[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Spans, log records or metrics in these lines, in order, each with its resource. */
export function recordsIn(lines: readonly Record<string, any>[]): { resource: any; record: any }[] {
  return lines.flatMap((line) =>
    (line.resourceSpans ?? line.resourceLogs ?? line.resourceMetrics).flatMap(({ resource, ...group }: any) =>
      (group.scopeSpans ?? group.scopeLogs ?? group.scopeMetrics).flatMap((scope: any) =>
        (scope.spans ?? scope.logRecords ?? scope.metrics).map((record: any) => ({ resource, record })),
      ),
    ),
  );
}

/** The value of an attribute in OTLP JSON; undefined where there is none. */
export function attributeOf(of: any, key: string): unknown {
  const value = of.attributes?.find((one: any) => one.key === key)?.value;
  return value && Object.values(value)[0];
}

/** The value of the one series with these labels among others; 0 where there is none. */
export async function metric(sluice: Running, name: string, labels: Readonly<Record<string, string>>): Promise<number> {
  const text = await metrics(sluice);
  const wanted = Object.entries(labels).map(([key, value]) => `${key.replaceAll('.', '_')}="${value}"`);
  const rows = text.split('\n').filter((row) => row.startsWith(`${name}{`) && wanted.every((one) => row.includes(one)));
  if (rows.length > 1) throw new Error(`${rows.length} series fit:\n${rows.join('\n')}`);
  return Number(rows[0]?.split(' ').at(-1) ?? 0);
}
