import type { Payload } from '../../internal/otlp/payload.ts';
import { Resource, Scope } from '../../internal/otlp/view/resource.ts';
import { Span } from '../../internal/otlp/view/span.ts';
import { doubleAt, int64At } from '../../internal/otlp/wire.ts';
import type { Instant } from './instant.ts';
import { groupByResource } from './plan.ts';
import { Translator } from './rules.ts';
import type { Sink } from './sink.ts';

/** A span in the form of Jaeger's query API, with its process in it. Times are microseconds. */
export interface PreviewedSpan {
  readonly traceID: string;
  readonly spanID: string;
  readonly operationName: string;
  readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[];
  readonly flags: number;
  readonly startTime: number;
  readonly duration: number;
  readonly tags: readonly PreviewedTag[];
  readonly logs: readonly { readonly timestamp: number; readonly fields: readonly PreviewedTag[] }[];
  readonly process: PreviewedProcess;
}

export interface PreviewedProcess {
  readonly serviceName: string;
  readonly tags: readonly PreviewedTag[];
}

export interface PreviewedTag {
  readonly key: string;
  readonly type: 'string' | 'bool' | 'int64' | 'float64' | 'binary';
  /** An integer beyond 2^53 and a number that JSON has not are text, bytes are base64. */
  readonly value: string | boolean | number;
}

/** The spans that Jaeger would be sent for a batch of traces, process by process. Sends nothing. */
export function preview(batch: Payload): PreviewedSpan[] {
  const sink = new PreviewSink();
  const translator = new Translator(sink);
  const [resource, scope, span] = [new Resource(), new Scope(), new Span()];
  for (const group of groupByResource(batch)) {
    translator.process(resource.reset(group.resource.buf, group.resource.start, group.resource.end));
    for (const { buf, start, end, scope: at } of group.spans) {
      translator.span(span.reset(buf, start, end), scope.reset(at.buf, at.start, at.end));
    }
  }
  return sink.spans;
}

type Open<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

class PreviewSink implements Sink {
  readonly spans: PreviewedSpan[] = [];
  #process: PreviewedProcess = { serviceName: '', tags: [] };
  #span!: Open<PreviewedSpan>;
  #tags: PreviewedTag[] = [];

  beginProcess(name: Uint8Array, from: number, to: number): void {
    this.#tags = [];
    this.#process = { serviceName: utf8(name, from, to), tags: this.#tags };
  }

  endProcess(): void {}

  beginSpan(span: Span): void {
    this.#tags = [];
    this.#span = {
      traceID: hex(span.traceId, 0, 16),
      spanID: hex(span.spanId, 0, 8),
      operationName: span.name,
      references: [],
      flags: 0,
      startTime: 0,
      duration: 0,
      tags: this.#tags,
      logs: [],
      process: this.#process,
    };
  }

  reference(buf: Uint8Array, traceAt: number, spanAt: number, childOf: boolean): void {
    const refType = childOf ? 'CHILD_OF' : 'FOLLOWS_FROM';
    this.#span.references.push({ refType, traceID: hex(buf, traceAt, 16), spanID: hex(buf, spanAt, 8) });
  }

  times(sampled: boolean, start: Instant, duration: Instant): void {
    this.#span.flags = sampled ? 1 : 0;
    this.#span.startTime = Number(start.micros);
    this.#span.duration = Number(duration.micros);
  }

  beginLog(time: Instant): void {
    this.#tags = [];
    this.#span.logs.push({ timestamp: Number(time.micros), fields: this.#tags });
  }

  endLog(): void {}

  endSpan(): void {
    this.spans.push(this.#span);
  }

  text(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, from: number, to: number): void {
    this.#tag(key, keyFrom, keyTo, 'string', utf8(value, from, to));
  }

  bool(key: Uint8Array, keyFrom: number, keyTo: number, value: boolean): void {
    this.#tag(key, keyFrom, keyTo, 'bool', value);
  }

  int(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, at: number): void {
    const whole = int64At(value, at);
    const safe = BigInt.asIntN(53, whole) === whole;
    this.#tag(key, keyFrom, keyTo, 'int64', safe ? Number(whole) : String(whole));
  }

  double(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, at: number): void {
    const number = doubleAt(value, at);
    this.#tag(key, keyFrom, keyTo, 'float64', Number.isFinite(number) ? number : String(number));
  }

  binary(key: Uint8Array, keyFrom: number, keyTo: number, value: Uint8Array, from: number, to: number): void {
    this.#tag(key, keyFrom, keyTo, 'binary', Buffer.from(value.subarray(from, to)).toString('base64'));
  }

  #tag(key: Uint8Array, from: number, to: number, type: PreviewedTag['type'], value: PreviewedTag['value']): void {
    this.#tags.push({ key: utf8(key, from, to), type, value });
  }
}

function utf8(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('utf8');
}

/** An id that is absent, or has not its length, is all zeros. */
function hex(bytes: Uint8Array, at: number, size: number): string {
  if (at < 0 || bytes.length < at + size) return '0'.repeat(size * 2);
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, size).toString('hex');
}
