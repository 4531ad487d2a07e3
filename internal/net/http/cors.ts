/** Cross-origin rules, https://fetch.spec.whatwg.org/#http-cors-protocol, by upstream's field names. */
export interface CorsConfig {
  /** Origins, each with at most one `*`; `*` alone allows all. */
  readonly allowed_origins: readonly string[];
  /** Request headers besides those that are always allowed; `*` allows all. */
  readonly allowed_headers: readonly string[];
  readonly exposed_headers: readonly string[];
  /** Seconds a browser may remember a preflight; 0 says nothing about it. */
  readonly max_age: number;
}

type Headers = Readonly<Record<string, string>>;

const always = [
  'accept',
  'accept-language',
  'content-language',
  'content-type',
  'content-encoding',
  'x-requested-with',
];

export class Cors {
  readonly #anyOrigin: boolean;
  readonly #origins: readonly RegExp[];
  readonly #anyHeader: boolean;
  readonly #headers: ReadonlySet<string>;
  readonly #exposed: string;
  readonly #maxAge: number;

  constructor(config: CorsConfig) {
    this.#anyOrigin = config.allowed_origins.includes('*');
    this.#origins = config.allowed_origins.map(originPattern);
    this.#anyHeader = config.allowed_headers.includes('*');
    this.#headers = new Set([...always, ...config.allowed_headers.map((name) => name.toLowerCase())]);
    this.#exposed = config.exposed_headers.join(', ');
    this.#maxAge = config.max_age;
  }

  /** Headers of an answer to a request from `origin`; a page from elsewhere gets none and cannot read the answer. */
  headers(origin: string): Headers {
    if (!this.#allows(origin)) return { vary: 'Origin' };
    return { ...this.#grant(origin), ...(this.#exposed ? { 'access-control-expose-headers': this.#exposed } : {}) };
  }

  /** Headers of the answer to a preflight; without a grant the browser does not send the request. */
  preflight(origin: string, method: string | undefined, requestedHeaders: string | undefined): Headers {
    const vary = { vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers' };
    const wanted = (requestedHeaders ?? '').split(',').map((name) => name.trim().toLowerCase());
    const headersFine = this.#anyHeader || wanted.every((name) => name === '' || this.#headers.has(name));
    if (!this.#allows(origin) || method?.toUpperCase() !== 'POST' || !headersFine) return vary;
    return {
      ...this.#grant(origin),
      ...vary,
      'access-control-allow-methods': 'POST',
      ...(requestedHeaders ? { 'access-control-allow-headers': requestedHeaders } : {}),
      ...(this.#maxAge > 0 ? { 'access-control-max-age': String(this.#maxAge) } : {}),
    };
  }

  #allows(origin: string): boolean {
    return this.#anyOrigin || this.#origins.some((pattern) => pattern.test(origin.toLowerCase()));
  }

  /** Credentials go only to origins that are named: browsers refuse them together with `*`. */
  #grant(origin: string): Headers {
    if (this.#anyOrigin) return { 'access-control-allow-origin': '*' };
    return { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: 'Origin' };
  }
}

function originPattern(origin: string): RegExp {
  const parts = origin.toLowerCase().split('*');
  const literal = parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${literal.join('[^/]*')}$`);
}
