/** What the rules of RFC 9113 section 8 say of a header field; found out once, when the field is decoded. */
export const REGULAR = 0;
export const METHOD = 1;
export const SCHEME = 2;
export const AUTHORITY = 3;
export const PATH = 4;
export const CONTENT_TYPE = 5;
export const CONTENT_LENGTH = 6;
export const GRPC_TIMEOUT = 7;
export const GRPC_ENCODING = 8;
/** Makes a request malformed wherever it stands: 8.2.1 (characters), 8.2.2 (connection-specific), 8.3 (unknown pseudo). */
export const FORBIDDEN = 9;

const kinds: ReadonlyMap<string, number> = new Map([
  [':method', METHOD],
  [':scheme', SCHEME],
  [':authority', AUTHORITY],
  [':path', PATH],
  ['content-type', CONTENT_TYPE],
  ['content-length', CONTENT_LENGTH],
  ['grpc-timeout', GRPC_TIMEOUT],
  ['grpc-encoding', GRPC_ENCODING],
  ['connection', FORBIDDEN],
  ['keep-alive', FORBIDDEN],
  ['proxy-connection', FORBIDDEN],
  ['transfer-encoding', FORBIDDEN],
  ['upgrade', FORBIDDEN],
]);

const badName = /[^\x21-\x39\x3b-\x40\x5b-\x7e]/;
const badValue = /[\0\n\r]|^[ \t]|[ \t]$/;

/** A header field; shared by the tables and by every request that names it by index. Values are latin1. */
export class Field {
  readonly name: string;
  readonly value: string;
  readonly kind: number;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
    this.kind = kindOf(name, value);
  }

  /** RFC 7541 4.1. */
  get size(): number {
    return this.name.length + this.value.length + 32;
  }
}

function kindOf(name: string, value: string): number {
  if (badValue.test(value)) return FORBIDDEN;
  const known = kinds.get(name);
  if (known !== undefined) return known;
  if (name === 'te') return value === 'trailers' ? REGULAR : FORBIDDEN;
  return name === '' || badName.test(name) ? FORBIDDEN : REGULAR;
}
