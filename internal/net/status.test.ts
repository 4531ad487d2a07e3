import { expect, test } from 'vitest';
import { accepted, type Outcome, type PermanentCode, partial, permanent, retryable } from '../core/outcome.ts';
import { decodeExportResponse } from '../otlp/response.ts';
import type { HttpAnswer } from './h2/types.ts';
import { fromExportResponse, fromGrpc, fromHttp, parseRetryAfter, toGrpc, toHttp } from './status.ts';
import { decodeStatus } from './status_details.ts';

const limited: Outcome = { ...retryable('slow down', 2500), limited: true };

/** Outcome, gRPC code, HTTP status; by the OTLP specification and what the Go collector answers. */
const table: readonly (readonly [Outcome, number, number])[] = [
  [accepted, 0, 200],
  [partial(3, 'too old'), 0, 200],
  [retryable('full'), 14, 503],
  [retryable('full', 200), 14, 503],
  [limited, 8, 429],
  [permanent('invalid', 'x'), 3, 400],
  [permanent('too_large', 'x'), 8, 413],
  [permanent('unauthenticated', 'x'), 16, 401],
  [permanent('permission_denied', 'x'), 7, 403],
  [permanent('not_found', 'x'), 5, 404],
  [permanent('unimplemented', 'x'), 12, 404],
  [permanent('rejected', 'x'), 13, 500],
  [permanent('shutdown', 'x'), 14, 503],
  [permanent('bug', 'x'), 13, 500],
];

test('each outcome has its gRPC code and its HTTP status', () => {
  for (const [outcome, code, status] of table) {
    expect(toGrpc(outcome, 'traces').code, JSON.stringify(outcome)).toBe(code);
    for (const format of ['protobuf', 'json'] as const) {
      expect(toHttp(outcome, 'traces', format).status, JSON.stringify(outcome)).toBe(status);
    }
  }
});

test('a yes is always the same object, so that it costs nothing', () => {
  expect(toGrpc(accepted, 'traces')).toBe(toGrpc(accepted, 'logs'));
  expect(toHttp(accepted, 'traces', 'protobuf')).toBe(toHttp(accepted, 'logs', 'protobuf'));
});

test('what is to be sent again tells when, in RetryInfo and in Retry-After', () => {
  const wait = (outcome: Outcome) => {
    const grpc = toGrpc(outcome, 'traces');
    const http = toHttp(outcome, 'traces', 'protobuf');
    const json = JSON.parse(Buffer.from(toHttp(outcome, 'traces', 'json').body).toString());
    return [
      'details' in grpc ? decodeStatus(grpc.details!)?.retryAfterMs : undefined,
      decodeStatus(http.body)?.retryAfterMs,
      http.headers['retry-after'],
      json.details?.[0].retryDelay,
    ];
  };
  expect(wait(retryable('full', 2500))).toEqual([2500, 2500, '3', '2.5s']);
  expect(wait(limited)).toEqual([2500, 2500, '3', '2.5s']);
  expect(wait(retryable('full'))).toEqual([1000, 1000, '1', '1s']);
  expect(wait(permanent('shutdown', 'x'))).toEqual([1000, 1000, '1', '1s']);
  expect(wait(permanent('invalid', 'x'))).toEqual([undefined, undefined, undefined, undefined]);
});

test('an error body is a google.rpc.Status in the encoding of the request', () => {
  const outcome = permanent('invalid', 'span_id: 3 bytes');
  const protobuf = toHttp(outcome, 'logs', 'protobuf');
  expect(protobuf.headers['content-type']).toBe('application/x-protobuf');
  expect(decodeStatus(protobuf.body)).toEqual({ code: 3, message: 'span_id: 3 bytes' });
  const json = toHttp(outcome, 'logs', 'json');
  expect(json.headers['content-type']).toBe('application/json');
  expect(JSON.parse(Buffer.from(json.body).toString())).toEqual({ code: 3, message: 'span_id: 3 bytes' });
});

test('partial success is told in both encodings, by the name of the signal', () => {
  const answer = toGrpc(partial(3, 'too old'), 'metrics');
  expect('message' in answer && decodeExportResponse(answer.message)).toEqual({ rejectedItems: 3, message: 'too old' });
  const json = (signal: 'traces' | 'metrics' | 'logs') =>
    JSON.parse(Buffer.from(toHttp(partial(3, 'too old'), signal, 'json').body).toString());
  expect(json('traces')).toEqual({ partialSuccess: { rejectedSpans: '3', errorMessage: 'too old' } });
  expect(json('metrics')).toEqual({ partialSuccess: { rejectedDataPoints: '3', errorMessage: 'too old' } });
  expect(json('logs')).toEqual({ partialSuccess: { rejectedLogRecords: '3', errorMessage: 'too old' } });
});

test('gRPC codes are retried exactly as OTLP says', () => {
  const status = (code: number, details?: Uint8Array) => fromGrpc(code, 'x', details).status;
  const withRetryInfo = toGrpc(limited, 'traces');
  const details = 'details' in withRetryInfo ? withRetryInfo.details : undefined;
  for (let code = 1; code <= 17; code++) {
    const want = [1, 4, 10, 11, 14, 15].includes(code) ? 'retryable' : 'permanent';
    expect(status(code), `code ${code}`).toBe(want);
  }
  expect(status(8, details)).toBe('retryable');
  expect(fromGrpc(8, 'x', details)).toMatchObject({ retryAfterMs: 2500, limited: true });
  expect(fromGrpc(14, 'x', details)).toMatchObject({ retryAfterMs: 2500 });
  expect(fromGrpc(3, 'x', details).status).toBe('permanent');
  expect(fromGrpc(0, '')).toBe(accepted);
  expect(fromGrpc(8, 'grpc: received message larger than max (5 vs. 4)')).toMatchObject({ code: 'too_large' });
  expect(fromGrpc(8, 'quota')).toMatchObject({ code: 'rejected', reason: 'RESOURCE_EXHAUSTED: quota' });
});

function hear(status: number, headers: Record<string, string> = {}, body: Uint8Array | string = '') {
  return fromHttp(status, { header: (name) => headers[name], body: Buffer.from(body), now: 1_000_000 });
}

test('HTTP statuses are retried exactly as OTLP says', () => {
  for (const status of [429, 502, 503, 504]) expect(hear(status).status, String(status)).toBe('retryable');
  for (const status of [301, 400, 401, 403, 404, 405, 408, 413, 415, 418, 500, 501, 505]) {
    expect(hear(status).status, String(status)).toBe('permanent');
  }
  expect(hear(200)).toBe(accepted);
  expect(hear(503, { 'retry-after': '7' })).toMatchObject({ retryAfterMs: 7000 });
  expect(hear(429, { 'retry-after': '7' })).toMatchObject({ retryAfterMs: 7000, limited: true });
});

test('Retry-After is seconds or a date', () => {
  const now = Date.parse('Wed, 21 Oct 2015 07:28:00 GMT');
  expect(parseRetryAfter('120', now)).toBe(120_000);
  expect(parseRetryAfter('Wed, 21 Oct 2015 07:28:05 GMT', now)).toBe(5000);
  expect(parseRetryAfter('Wed, 21 Oct 2015 07:00:00 GMT', now)).toBe(0);
  expect(parseRetryAfter('soon', now)).toBeUndefined();
  expect(parseRetryAfter('-5', now)).toBeUndefined();
  expect(parseRetryAfter(undefined, now)).toBeUndefined();
});

test('what was refused over HTTP is told in the words of the far end', () => {
  expect(hear(400, { 'content-type': 'application/json' }, '{"code":3,"message":"bad id"}')).toMatchObject({
    reason: 'HTTP 400: bad id',
  });
  const answer = toHttp(permanent('invalid', 'bad id'), 'traces', 'protobuf');
  expect(hear(400, answer.headers, answer.body)).toMatchObject({ reason: 'HTTP 400: bad id' });
  expect(hear(502, { 'content-type': 'text/html' }, '<h1>Bad\n Gateway</h1>')).toMatchObject({
    reason: 'HTTP 502: <h1>Bad Gateway</h1>',
  });
  expect(hear(500)).toMatchObject({ reason: 'HTTP 500: no reason given' });
  expect(hear(400, { 'content-type': 'application/json' }, '{broken')).toMatchObject({ reason: 'HTTP 400: {broken' });
});

test('what we say is what we hear: an outcome survives the way over the wire', () => {
  for (const [outcome] of table) {
    const grpc = toGrpc(outcome, 'traces');
    const overGrpc =
      grpc.code === 0 ? fromExportResponse(grpc.message) : fromGrpc(grpc.code, grpc.reason, grpc.details);
    const overHttp = (['protobuf', 'json'] as const).map((format) => {
      const answer: HttpAnswer = toHttp(outcome, 'traces', format);
      return fromHttp(answer.status, { header: (name) => answer.headers[name], body: answer.body, now: 0 });
    });
    for (const heard of [overGrpc, ...overHttp]) sameMeaning(heard, outcome);
  }
});

function sameMeaning(heard: Outcome, said: Outcome) {
  if (said.status === 'accepted') return expect(heard).toEqual(said);
  // A process that stops is to others one that may be asked again.
  if (said.status === 'permanent' && said.code === 'shutdown') return expect(heard.status).toBe('retryable');
  expect(heard.status).toBe(said.status);
  if (heard.status === 'permanent') expect(heard.code).toSatisfy((code: PermanentCode) => close(code, said));
  expect('reason' in heard && heard.reason).toContain(said.reason);
  return undefined;
}

/** Some codes share a number: nobody can tell a bug there from a refusal. */
function close(heard: PermanentCode, said: Outcome): boolean {
  if (said.status !== 'permanent') return false;
  const shared: Partial<Record<PermanentCode, PermanentCode[]>> = {
    bug: ['rejected'],
    too_large: ['rejected'],
    unimplemented: ['not_found'],
  };
  return heard === said.code || (shared[said.code]?.includes(heard) ?? false);
}

test('an answer that is no OTLP response is still a yes', () => {
  expect(fromExportResponse(Buffer.from('hello'))).toMatchObject({ status: 'accepted' });
  expect(hear(200, { 'content-type': 'application/json' }, 'hello')).toMatchObject({ status: 'accepted' });
  expect(hear(200, { 'content-type': 'application/json' }, '{"partialSuccess":{"rejectedSpans":"2"}}')).toEqual(
    partial(2, 'the far end gave no reason'),
  );
  expect(hear(200, { 'content-type': 'application/json' }, '{"partialSuccess":{"errorMessage":"old SDK"}}')).toEqual({
    status: 'accepted',
    reason: 'old SDK',
  });
});
