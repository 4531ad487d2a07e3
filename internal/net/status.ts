import { accepted, type Outcome, type PermanentCode, partial, permanent, retryable } from '../core/outcome.ts';
import type { Signal } from '../otlp/payload.ts';
import { decodeExportResponse, emptyExportResponse, encodeExportResponse } from '../otlp/response.ts';
import { encodeRetryInfo, encodeStatus } from './h2/rich_status.ts';
import type { GrpcAnswer, GrpcCode, HttpAnswer } from './h2/types.ts';
import { decodeStatus } from './status_details.ts';

/**
 * THE table between what became of a batch and what is said on the wire, both ways.
 * https://opentelemetry.io/docs/specs/otlp/#failures and #failures-1
 */

type ErrorCode = Exclude<GrpcCode, 0>;

const said: Readonly<Record<PermanentCode, { readonly grpc: ErrorCode; readonly http: number }>> = {
  invalid: { grpc: 3, http: 400 },
  too_large: { grpc: 8, http: 413 },
  unauthenticated: { grpc: 16, http: 401 },
  permission_denied: { grpc: 7, http: 403 },
  not_found: { grpc: 5, http: 404 },
  unimplemented: { grpc: 12, http: 404 },
  rejected: { grpc: 13, http: 500 },
  // To us it is the end of the batch; the sender still has it, and the next process may take it.
  shutdown: { grpc: 14, http: 503 },
  bug: { grpc: 13, http: 500 },
};

const heard: ReadonlyMap<number, PermanentCode> = new Map([
  [3, 'invalid'],
  [5, 'not_found'],
  [7, 'permission_denied'],
  [12, 'unimplemented'],
  [16, 'unauthenticated'],
]);

const heardOverHttp: ReadonlyMap<number, PermanentCode> = new Map([
  [400, 'invalid'],
  [401, 'unauthenticated'],
  [403, 'permission_denied'],
  [404, 'not_found'],
  [405, 'unimplemented'],
  [413, 'too_large'],
  [415, 'invalid'],
  [501, 'unimplemented'],
]);

/** CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS */
const retryableGrpc: ReadonlySet<number> = new Set([1, 4, 10, 11, 14, 15]);
const retryableHttp: ReadonlySet<number> = new Set([429, 502, 503, 504]);

const resourceExhausted = 8;
/** Told to the sender where nobody knows better; a sender with a backoff of its own waits the longer of the two. */
const defaultRetryMs = 1000;
/** grpc-js, grpc-go and Java each name the size when it was too large, and the code is the one of a full quota. */
const tooLargeText = /larger than max|exceeds maximum|too large/i;

/** Shared, so that saying yes allocates nothing. */
const ok: GrpcAnswer = Object.freeze({ code: 0, message: emptyExportResponse });

export function toGrpc(outcome: Outcome, signal: Signal): GrpcAnswer {
  if (outcome.status === 'accepted') {
    if (!outcome.rejectedItems && !outcome.reason) return ok;
    return {
      code: 0,
      message: encodeExportResponse(signal, { rejectedItems: outcome.rejectedItems, message: outcome.reason }),
    };
  }
  const { code, retryMs } = grpcStatus(outcome);
  if (retryMs === undefined) return { code, reason: outcome.reason };
  return { code, reason: outcome.reason, details: statusBytes(code, outcome.reason, retryMs) };
}

/** @param details the serialized google.rpc.Status of `grpc-status-details-bin` */
export function fromGrpc(code: number, reason: string, details?: Uint8Array): Outcome {
  if (code === 0) return accepted;
  const retryAfterMs = details && decodeStatus(details)?.retryAfterMs;
  const named = `${grpcNames[code] ?? `status ${code}`}: ${reason}`;
  if (retryableGrpc.has(code)) return retryable(named, retryAfterMs);
  if (code === resourceExhausted) {
    if (retryAfterMs !== undefined) return { ...retryable(named, retryAfterMs), limited: true };
    return permanent(tooLargeText.test(reason) ? 'too_large' : 'rejected', named);
  }
  return permanent(heard.get(code) ?? 'rejected', named);
}

/** How a body is written: OTLP answers in the encoding of the request. */
export type BodyFormat = 'protobuf' | 'json';

const contentTypes = { protobuf: 'application/x-protobuf', json: 'application/json' } as const;
const emptyJson = Buffer.from('{}');
const okHttp: Readonly<Record<BodyFormat, HttpAnswer>> = {
  protobuf: { status: 200, headers: { 'content-type': contentTypes.protobuf }, body: emptyExportResponse },
  json: { status: 200, headers: { 'content-type': contentTypes.json }, body: emptyJson },
};

/** @param status overrides the table for what HTTP knows and OTLP does not (405, 408, 415) */
export function toHttp(outcome: Outcome, signal: Signal, format: BodyFormat, status?: number): HttpAnswer {
  const headers = { 'content-type': contentTypes[format] };
  if (outcome.status === 'accepted') {
    if (!outcome.rejectedItems && !outcome.reason) return okHttp[format];
    const response = { rejectedItems: outcome.rejectedItems ?? 0, message: outcome.reason ?? '' };
    const body = format === 'json' ? partialJson(signal, response) : encodeExportResponse(signal, response);
    return { status: 200, headers, body };
  }
  const { code, http, retryMs } = grpcStatus(outcome);
  return {
    status: status ?? http,
    headers:
      retryMs === undefined ? headers : { ...headers, 'retry-after': String(Math.max(1, Math.ceil(retryMs / 1000))) },
    body: format === 'json' ? statusJson(code, outcome.reason, retryMs) : statusBytes(code, outcome.reason, retryMs),
  };
}

/** What an HTTP answer carries besides its status. */
export interface HttpAnswerParts {
  /** Looks a header up by its lower-case name. */
  header(name: string): string | undefined;
  readonly body: Uint8Array;
  /** Wall time in milliseconds, for a Retry-After that is a date. */
  readonly now: number;
}

export function fromHttp(status: number, parts: HttpAnswerParts): Outcome {
  const json = parts.header('content-type')?.startsWith(contentTypes.json) ?? false;
  if (status >= 200 && status < 300) return json ? fromPartialJson(parts.body) : fromExportResponse(parts.body);
  const reason = `HTTP ${status}: ${errorText(parts, json)}`;
  if (retryableHttp.has(status)) {
    const retryAfterMs = parseRetryAfter(parts.header('retry-after'), parts.now);
    return { ...retryable(reason, retryAfterMs), ...(status === 429 ? { limited: true } : {}) };
  }
  return permanent(heardOverHttp.get(status) ?? 'rejected', reason);
}

/** The body of a success, which may tell of items that were refused for good. */
export function fromExportResponse(body: Uint8Array): Outcome {
  if (body.length === 0) return accepted;
  const response = decodeExportResponse(body);
  // It said yes; a body that cannot be read does not take that back.
  if ('malformed' in response)
    return { status: 'accepted', reason: `the answer is no OTLP response: ${response.malformed}` };
  return partially(response.rejectedItems, response.message);
}

/** @returns milliseconds to wait, of a number of seconds or a date; undefined where the header is neither */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function grpcStatus(outcome: Exclude<Outcome, { status: 'accepted' }>): {
  code: ErrorCode;
  http: number;
  retryMs?: number;
} {
  if (outcome.status === 'permanent') {
    const { grpc: code, http } = said[outcome.code];
    return outcome.code === 'shutdown' ? { code, http, retryMs: defaultRetryMs } : { code, http };
  }
  const retryMs = outcome.retryAfterMs ?? defaultRetryMs;
  return outcome.limited ? { code: resourceExhausted, http: 429, retryMs } : { code: 14, http: 503, retryMs };
}

function statusBytes(code: number, reason: string, retryMs: number | undefined): Uint8Array {
  return encodeStatus(code, reason, retryMs === undefined ? [] : [encodeRetryInfo(retryMs)]);
}

function partially(rejectedItems: number, message: string): Outcome {
  if (rejectedItems > 0) return partial(rejectedItems, message || 'the far end gave no reason');
  return message ? { status: 'accepted', reason: message } : accepted;
}

const rejectedKey: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
};

function partialJson(signal: Signal, response: { rejectedItems: number; message: string }): Uint8Array {
  // 64-bit integers are strings in protobuf's JSON mapping.
  const partialSuccess = { [rejectedKey[signal]]: String(response.rejectedItems), errorMessage: response.message };
  return Buffer.from(JSON.stringify({ partialSuccess }));
}

function fromPartialJson(body: Uint8Array): Outcome {
  const said = (parseJson(body) as { partialSuccess?: Record<string, unknown> } | undefined)?.partialSuccess;
  if (!said) return accepted;
  const rejected = Object.values(rejectedKey).map((key) => Number(said[key] ?? 0));
  const message = typeof said.errorMessage === 'string' ? said.errorMessage : '';
  return partially(rejected.find((count) => count > 0) ?? 0, message);
}

function statusJson(code: number, message: string, retryMs: number | undefined): Uint8Array {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${(retryMs ?? 0) / 1000}s` }];
  return Buffer.from(JSON.stringify(retryMs === undefined ? { code, message } : { code, message, details }));
}

/** The words of a refusal: of its google.rpc.Status, or the start of whatever a proxy in between wrote. */
function errorText(parts: HttpAnswerParts, json: boolean): string {
  if (parts.body.length === 0) return 'no reason given';
  if (json) {
    const { message } = (parseJson(parts.body) ?? {}) as { message?: unknown };
    if (typeof message === 'string') return message;
  } else if (parts.header('content-type')?.startsWith(contentTypes.protobuf)) {
    const status = decodeStatus(parts.body);
    if (status) return status.message;
  }
  return Buffer.from(parts.body.subarray(0, 256)).toString('utf8').replace(/\s+/g, ' ').trim();
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}

const grpcNames: Readonly<Record<number, string>> = {
  1: 'CANCELLED',
  2: 'UNKNOWN',
  3: 'INVALID_ARGUMENT',
  4: 'DEADLINE_EXCEEDED',
  5: 'NOT_FOUND',
  6: 'ALREADY_EXISTS',
  7: 'PERMISSION_DENIED',
  8: 'RESOURCE_EXHAUSTED',
  9: 'FAILED_PRECONDITION',
  10: 'ABORTED',
  11: 'OUT_OF_RANGE',
  12: 'UNIMPLEMENTED',
  13: 'INTERNAL',
  14: 'UNAVAILABLE',
  15: 'DATA_LOSS',
  16: 'UNAUTHENTICATED',
};
