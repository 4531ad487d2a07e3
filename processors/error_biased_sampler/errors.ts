import type { LogRecord } from '../../internal/otlp/view/log_record.ts';
import type { Span } from '../../internal/otlp/view/span.ts';
import type { Attributes } from '../../internal/otlp/view/value.ts';
import type { ErrorBiasedConfig } from './config.ts';

const STATUS = 15;
const EVENTS = 11;
const STATUS_ERROR = 2;
const httpKeys = [Buffer.from('http.response.status_code'), Buffer.from('http.status_code')];
const grpcKey = Buffer.from('rpc.grpc.status_code');
const exceptionType = Buffer.from('exception.type');
const exception = Buffer.from('exception');
const NAME = 2;

/** Why something counts as an error; 0: it does not. */
export const NO_ERROR = 0;
export const BY_STATUS = 1;
export const BY_EXCEPTION = 2;
export const BY_HTTP = 3;
export const BY_GRPC = 4;
export const BY_SEVERITY = 5;
const words = ['', 'status ERROR', 'an exception', 'an HTTP status code', 'a gRPC status code', 'its severity'];

export function errorText(reason: number): string {
  return words[reason] ?? '';
}

/** Tells errors, by what the configuration calls one. */
export class Errors {
  readonly #config: ErrorBiasedConfig['errors'];
  readonly #grpc: ReadonlySet<number>;

  constructor(config: ErrorBiasedConfig['errors']) {
    this.#config = config;
    this.#grpc = new Set(config.grpc_status_codes);
  }

  ofSpan(span: Span): number {
    const { status, exception_events: events } = this.#config;
    if (status && span.has(STATUS) && span.status.code === STATUS_ERROR) return BY_STATUS;
    if (events && span.has(EVENTS) && hasException(span)) return BY_EXCEPTION;
    return this.#ofAttributes(span.attributes);
  }

  ofLog(record: LogRecord): number {
    const { min_severity_number: least, exception_events: events } = this.#config;
    if (least > 0 && record.severityNumber >= least) return BY_SEVERITY;
    if (events && record.attributes.find(exceptionType)) return BY_EXCEPTION;
    return NO_ERROR;
  }

  #ofAttributes(attributes: Attributes): number {
    const { http_status_code_min: least } = this.#config;
    if (least > 0) {
      for (const key of httpKeys) {
        const code = intOf(attributes, key);
        if (code >= least) return BY_HTTP;
        // The other key is the older name of the same.
        if (code >= 0) break;
      }
    }
    if (this.#grpc.size > 0 && this.#grpc.has(intOf(attributes, grpcKey))) return BY_GRPC;
    return NO_ERROR;
  }
}

/** -1 for none. */
function intOf(attributes: Attributes, key: Uint8Array): number {
  const value = attributes.find(key)?.value;
  return value?.kind === 'int' ? Number(value.intValue) : -1;
}

function hasException(span: Span): boolean {
  const { events } = span;
  for (let event = events.next(); event; event = events.next()) {
    if (event.raw.bytesEqual(NAME, exception)) return true;
  }
  return false;
}
