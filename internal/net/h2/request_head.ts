import type { ClientMetadata } from '../../core/consumer.ts';
import {
  AUTHORITY,
  CONTENT_LENGTH,
  CONTENT_TYPE,
  type Field,
  FORBIDDEN,
  GRPC_ENCODING,
  GRPC_TIMEOUT,
  METHOD,
  PATH,
  REGULAR,
  SCHEME,
} from './hpack/field.ts';
import type { UnaryMethod } from './types.ts';

/** A request's headers, read once. Shared by all calls whose header block is the same bytes; holds no call's state. */
export class RequestHead {
  readonly fields: readonly Field[];
  method = '';
  path = '';
  /** -1: not said. */
  contentLength = -1;
  isGrpc = false;
  grpcEncoding: string | undefined;
  /** Milliseconds; undefined: none. */
  timeoutMs: number | undefined;
  /** The list was longer than allowed: `fields` is its beginning. */
  cut = false;
  /** The gRPC method behind the path; looked up by whoever makes the head. */
  unary: UnaryMethod | undefined;
  #metadata: ClientMetadata | undefined;

  constructor(fields: readonly Field[]) {
    this.fields = fields;
  }

  header(name: string): string | undefined {
    const wanted = name.toLowerCase();
    let found: string | undefined;
    for (const field of this.fields) {
      if (field.name === wanted) found = found === undefined ? field.value : `${found}, ${field.value}`;
    }
    return found;
  }

  metadata(): ClientMetadata {
    if (this.#metadata) return this.#metadata;
    const map = new Map<string, string[]>();
    for (const { name, value } of this.fields) {
      const values = map.get(name);
      if (values) values.push(value);
      else map.set(name, [value]);
    }
    return (this.#metadata = map);
  }
}

/** @returns undefined for a malformed request (RFC 9113 8.1.1): a stream error of type PROTOCOL_ERROR */
export function readHead(fields: readonly Field[], cut = false): RequestHead | undefined {
  const head = new RequestHead(fields);
  head.cut = cut;
  let seen = 0;
  let regular = false;
  for (const field of fields) {
    const kind = field.kind;
    if (kind === REGULAR) {
      regular = true;
      continue;
    }
    if (kind === FORBIDDEN) return undefined;
    if (kind <= PATH) {
      // 8.3: before all others, and once
      if (regular || seen & (1 << kind)) return undefined;
      seen |= 1 << kind;
    } else {
      regular = true;
    }
    if (!take(head, kind, field.value)) return undefined;
  }
  if (cut) return head;
  const needed = (1 << METHOD) | (1 << SCHEME) | (1 << PATH);
  // 8.5: CONNECT has neither scheme nor path; no handler of ours serves it
  if (head.method === 'CONNECT') return seen & (1 << AUTHORITY) ? head : undefined;
  return (seen & needed) === needed && head.path !== '' ? head : undefined;
}

function take(head: RequestHead, kind: number, value: string): boolean {
  switch (kind) {
    case METHOD:
      head.method = value;
      return value !== '';
    case PATH:
      head.path = value;
      return true;
    case CONTENT_TYPE:
      // alone or with a subtype; application/grpc-web is another protocol
      head.isGrpc = /^application\/grpc(?:$|[+;])/i.test(value);
      return true;
    case GRPC_ENCODING:
      head.grpcEncoding = value;
      return true;
    case GRPC_TIMEOUT:
      head.timeoutMs = parseTimeout(value);
      return true;
    case CONTENT_LENGTH: {
      if (!/^\d{1,15}$/.test(value)) return false;
      const length = Number(value);
      if (head.contentLength !== -1 && head.contentLength !== length) return false;
      head.contentLength = length;
      return true;
    }
    default:
      return true;
  }
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** @returns milliseconds of a `grpc-timeout` value; undefined, as if there were none, for anything else */
function parseTimeout(value: string): number | undefined {
  const unit = unitMs[value[value.length - 1] ?? ''];
  const digits = value.slice(0, -1);
  return unit !== undefined && /^\d{1,8}$/.test(digits) ? Number(digits) * unit : undefined;
}

/** Trailers of a request (RFC 9113 8.1): fields that no request may have, or pseudo-headers, make it malformed. */
export function trailersAreRight(fields: readonly Field[]): boolean {
  return fields.every(({ kind }) => kind === REGULAR || (kind > PATH && kind !== FORBIDDEN));
}
