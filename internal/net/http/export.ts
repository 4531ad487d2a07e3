import { setImmediate } from 'node:timers/promises';
import type { Consumer } from '../../core/consumer.ts';
import type { MemoryBudget } from '../../core/memory.ts';
import { type Outcome, type Permanent, permanent, type Retryable, retryable } from '../../core/outcome.ts';
import { isMalformed, type Malformed, readRequest } from '../../otlp/check.ts';
import { decodeJsonInTurns } from '../../otlp/json_turns.ts';
import type { Payload, Signal } from '../../otlp/payload.ts';
import type { AuthGate } from '../auth.ts';
import { decompress, isFailure, sizeHint } from '../compression.ts';
import { requestContext } from '../context.ts';
import type { HttpAnswer, HttpHandler, HttpRequest } from '../h2/types.ts';
import { type BodyFormat, toHttp } from '../status.ts';
import type { Cors } from './cors.ts';

/** Takes the batches of one signal, and hears of the requests that never became one. */
export interface Intake extends Consumer {
  /** It was no OTLP. */
  malformed(reason: string): void;
  /** It was turned away unread: too large, no room, or not allowed in. */
  turnedAway(reason: string): void;
}

export interface ExportTarget {
  readonly signal: Signal;
  /** Without one the path answers 404 and says why. */
  readonly intake: Intake | undefined;
  /** For that answer. */
  readonly missing?: string;
}

export interface ExportOptions {
  /** By path, for instance `/v1/traces`. */
  readonly targets: ReadonlyMap<string, ExportTarget>;
  /** Of the body as it comes and of what it inflates to. */
  readonly maxBodyBytes: number;
  /** Values of content-encoding, in lower case, besides identity. */
  readonly encodings: readonly string[];
  readonly memory: MemoryBudget;
  readonly includeMetadata: boolean;
  readonly auth?: AuthGate | undefined;
  readonly cors?: Cors | undefined;
  readonly responseHeaders?: Readonly<Record<string, string>> | undefined;
}

/** Milliseconds a sender waits when there is no room for its body. */
const noRoomRetryMs = 1000;

/** OTLP/HTTP as it is the same over HTTP/1 and HTTP/2, https://opentelemetry.io/docs/specs/otlp/#otlphttp */
export class ExportHandler implements HttpHandler {
  readonly #options: ExportOptions;

  constructor(options: ExportOptions) {
    this.#options = options;
  }

  /** Everything that can be said before the body is read. */
  admit(request: HttpRequest): HttpAnswer | undefined | Promise<HttpAnswer | undefined> {
    const { targets, encodings, maxBodyBytes, auth } = this.#options;
    const target = targets.get(pathOf(request));
    if (!target) {
      return this.#refuse(
        request,
        'not_found',
        `nothing is served at ${pathOf(request)}; expected ${[...targets.keys()].join(', ')}`,
      );
    }
    if (request.method !== 'POST') return this.#notPost(request);
    if (!target.intake)
      return this.#refuse(request, 'unimplemented', target.missing ?? `${target.signal} are not taken here`);
    if (!formatOf(request)) {
      const got = request.header('content-type') ?? 'none';
      const reason = `expected content-type application/x-protobuf or application/json, got ${got}`;
      return this.#refuse(request, 'invalid', reason, 415);
    }
    const encoding = encodingOf(request);
    if (encoding !== 'identity' && !encodings.includes(encoding)) {
      const reason = `content-encoding ${encoding} is not taken; expected one of ${encodings.join(', ') || 'none'}`;
      const answer = this.#refuse(request, 'invalid', reason, 415);
      return withHeaders(answer, { 'accept-encoding': encodings.join(', ') || 'identity' });
    }
    if (Number(request.header('content-length') ?? 0) > maxBodyBytes) return this.tooLarge(request);
    if (!auth) return undefined;
    const refused = auth.check(request);
    if (refused instanceof Promise) return refused.then((it) => it && this.#stranger(request, auth, it));
    return refused && this.#stranger(request, auth, refused);
  }

  async handle(body: Uint8Array, request: HttpRequest): Promise<HttpAnswer> {
    const target = this.#options.targets.get(pathOf(request));
    // Only what admit let through comes here.
    if (!target?.intake) return this.answer(request, permanent('bug', 'a request came past its admission'));
    const encoding = encodingOf(request);
    if (encoding === 'identity') return this.#take(body, request, target.signal, target.intake);

    const { memory, maxBodyBytes } = this.#options;
    // Room for what it inflates to, as far as that can be told, before it is there; corrected after.
    let reserved = Math.min(sizeHint(encoding, body), maxBodyBytes);
    if (!memory.tryReserve(reserved)) return this.noRoom(request);
    try {
      const inflated = await decompress(encoding, body, maxBodyBytes);
      if (isFailure(inflated)) {
        if (inflated.failed === 'oversize') return this.tooLarge(request);
        target.intake.malformed(inflated.reason);
        return this.answer(request, permanent('invalid', inflated.reason));
      }
      const more = inflated.length - reserved;
      if (more > 0 && !memory.tryReserve(more)) return this.noRoom(request);
      if (more < 0) memory.release(-more);
      reserved = inflated.length;
      return await this.#take(inflated, request, target.signal, target.intake);
    } finally {
      memory.release(reserved);
    }
  }

  tooLarge(request: HttpRequest): HttpAnswer {
    const reason = `the body is larger than ${this.#options.maxBodyBytes} bytes, as sent or inflated; send smaller batches`;
    return this.#turnAway(request, permanent('too_large', reason));
  }

  /** The memory budget is full: the sender keeps the batch. */
  noRoom(request: HttpRequest): HttpAnswer {
    return this.#turnAway(
      request,
      retryable('the memory budget for telemetry is used up; send again later', noRoomRetryMs),
    );
  }

  /** @param status see toHttp */
  answer(request: HttpRequest, outcome: Outcome, status?: number): HttpAnswer {
    const { targets, cors, responseHeaders } = this.#options;
    const signal = targets.get(pathOf(request))?.signal ?? 'traces';
    // A client that named neither encoding is most likely a person or a proxy: text they can read.
    const answer = toHttp(outcome, signal, formatOf(request) ?? 'json', status);
    if (!cors && !responseHeaders) return answer;
    const origin = cors && request.header('origin');
    return withHeaders(answer, { ...responseHeaders, ...(origin ? cors.headers(origin) : {}) });
  }

  #take(body: Uint8Array, request: HttpRequest, signal: Signal, intake: Intake): Promise<HttpAnswer> {
    if (formatOf(request) === 'json') return this.#takeJson(body, request, signal, intake);
    return this.#pass(readRequest(signal, body), request, signal, intake);
  }

  /** Its protobuf is a second copy of it, which needs room of its own. */
  async #takeJson(body: Uint8Array, request: HttpRequest, signal: Signal, intake: Intake): Promise<HttpAnswer> {
    const { memory, maxBodyBytes } = this.#options;
    let reserved = body.length;
    if (!memory.tryReserve(reserved)) return this.noRoom(request);
    try {
      const batch = await decodeJsonInTurns(signal, body, maxBodyBytes, setImmediate);
      const more = (isMalformed(batch) ? 0 : batch.byteLength) - reserved;
      if (more > 0 && !memory.tryReserve(more)) return this.noRoom(request);
      if (more < 0) memory.release(-more);
      reserved += more;
      return await this.#pass(batch, request, signal, intake);
    } finally {
      memory.release(reserved);
    }
  }

  async #pass(batch: Payload | Malformed, request: HttpRequest, signal: Signal, intake: Intake): Promise<HttpAnswer> {
    if (isMalformed(batch)) {
      const refusal = malformed(signal, batch);
      intake.malformed(refusal.reason);
      return this.answer(request, refusal);
    }
    const { includeMetadata, auth } = this.#options;
    const metadata = includeMetadata ? request.metadata() : undefined;
    const outcome = await intake.consume(batch, requestContext(request, metadata, auth?.attributes(request)));
    return this.answer(request, outcome);
  }

  #turnAway(request: HttpRequest, refusal: Permanent | Retryable): HttpAnswer {
    this.#options.targets.get(pathOf(request))?.intake?.turnedAway(refusal.reason);
    return this.answer(request, refusal);
  }

  #stranger(request: HttpRequest, auth: AuthGate, refusal: Permanent): HttpAnswer {
    return withHeaders(this.#turnAway(request, refusal), { 'www-authenticate': auth.challenge });
  }

  #notPost(request: HttpRequest): HttpAnswer {
    const { cors } = this.#options;
    const origin = request.header('origin');
    if (request.method === 'OPTIONS' && cors && origin) {
      const wanted = request.header('access-control-request-method');
      const headers = cors.preflight(origin, wanted, request.header('access-control-request-headers'));
      return { status: 204, headers, body: nothing };
    }
    const answer = this.#refuse(
      request,
      'unimplemented',
      `method ${request.method} is not served here; expected POST`,
      405,
    );
    return withHeaders(answer, { allow: 'POST' });
  }

  #refuse(
    request: HttpRequest,
    code: 'not_found' | 'unimplemented' | 'invalid',
    reason: string,
    status?: number,
  ): HttpAnswer {
    return this.answer(request, permanent(code, reason), status);
  }
}

const requestNames: Readonly<Record<Signal, string>> = {
  traces: 'ExportTraceServiceRequest',
  metrics: 'ExportMetricsServiceRequest',
  logs: 'ExportLogsServiceRequest',
};

/** The refusal of bytes that are no OTLP. */
export function malformed(signal: Signal, found: Malformed): Permanent {
  return permanent('invalid', `no valid ${requestNames[signal]}: ${found.malformed} (at byte ${found.offset})`);
}

const nothing = new Uint8Array(0);
function pathOf(request: HttpRequest): string {
  const query = request.path.indexOf('?');
  return query < 0 ? request.path : request.path.slice(0, query);
}

function formatOf(request: HttpRequest): BodyFormat | undefined {
  const type = request.header('content-type');
  if (type === 'application/x-protobuf') return 'protobuf';
  if (type === 'application/json') return 'json';
  const bare = type?.replace(/;.*$/s, '').trim().toLowerCase();
  if (bare === 'application/x-protobuf') return 'protobuf';
  return bare === 'application/json' ? 'json' : undefined;
}

function encodingOf(request: HttpRequest): string {
  return request.header('content-encoding')?.trim().toLowerCase() || 'identity';
}

function withHeaders(answer: HttpAnswer, headers: Readonly<Record<string, string>>): HttpAnswer {
  return { ...answer, headers: { ...answer.headers, ...headers } };
}
