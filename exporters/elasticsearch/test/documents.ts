import type { Payload, Signal } from '../../../internal/otlp/payload.ts';
import { asPayload } from '../../../internal/testkit/generate.ts';
import { loadOracle } from '../../../internal/testkit/oracle.ts';
import { type ElasticsearchConfig, schema } from '../config.ts';
import { BulkEncoder } from '../encode.ts';

const oracle = await loadOracle();

/** A request given in OTLP's own names, encoded by protobufjs. */
export function otlp(signal: Signal, json: object): Payload {
  const type = oracle.request(signal);
  return asPayload(signal, type.encode(type.fromObject(json)).finish());
}

/** One resource, one scope. */
export function logs(logRecords: readonly object[], resource: object = {}, scope: object = {}): Payload {
  return otlp('logs', { resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords }] }] });
}

export function spans(list: readonly object[], resource: object = {}, scope: object = {}): Payload {
  return otlp('traces', { resourceSpans: [{ resource, scopeSpans: [{ scope, spans: list }] }] });
}

export function metrics(list: readonly object[], resource: object = {}, scope: object = {}): Payload {
  return otlp('metrics', { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: list }] }] });
}

export const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
export const int = (key: string, intValue: string) => ({ key, value: { intValue } });

export function config(over: Record<string, unknown> = {}): ElasticsearchConfig {
  return schema.parse({ endpoint: 'http://localhost:9200', ...over });
}

export interface Made {
  /** The action and the document of each, parsed. */
  readonly documents: { readonly action: any; readonly source: any }[];
  /** The body as text: JSON.parse would round large numbers. */
  readonly body: string;
  readonly refused: readonly { readonly item: number; readonly reason: string }[];
  readonly withoutValue: number;
}

/** What a batch becomes. Wall time is 2024-02-29T12:00:00Z. */
export function made(batch: Payload, over: Record<string, unknown> = {}, mode?: string): Made {
  const encoder = new BulkEncoder(config(over), batch.signal, () => Date.UTC(2024, 1, 29, 12), 7);
  let withoutValue = 0;
  encoder.encode(
    batch,
    mode === undefined ? undefined : new Map([['x-elastic-mapping-mode', [mode]]]),
    () => withoutValue++,
  );
  const { out, refused } = encoder.bulk;
  const body = out.buf.toString('utf8', 0, out.pos);
  const lines = body.split('\n').slice(0, -1);
  const documents = [];
  for (let i = 0; i < lines.length; i += 2) {
    documents.push({ action: JSON.parse(lines[i]!).create, source: JSON.parse(lines[i + 1]!) });
  }
  return { documents, body, refused, withoutValue };
}

/** The only document of a batch. */
export function only(batch: Payload, over: Record<string, unknown> = {}): any {
  const { documents } = made(batch, over);
  if (documents.length !== 1) throw new Error(`expected one document, got ${documents.length}`);
  return documents[0]!.source;
}
