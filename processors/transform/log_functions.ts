import {
  defineFunction,
  type FunctionTable,
  failStatement,
  mapOf,
  type OttlValue,
  trimSpace,
} from '../../internal/ottl/index.ts';

/*
 * Formats of lines, read by logs' statements. Escapes and delimiters are about bytes: texts are handled as UTF-8, a
 * character for each byte.
 */

/** What upstream's transform processor adds to the converters of logs. */
export const logFunctions: FunctionTable = {
  ParseCLF: defineFunction('target, format?', (args) => {
    const target = args.text('target');
    const format = args.literalText('format') ?? 'clf';
    if (format !== 'clf' && format !== 'combined') args.refuse('format', 'expected "clf" or "combined"');
    return (scene) => commonLog(target(scene), format === 'combined');
  }),
  ParseLEEF: defineFunction('target', (args) => {
    const target = args.text('target');
    return (scene) => leef(target(scene));
  }),
};

const word = '([^\\t\\n\\f\\r ]+)';
const quoted = '"((?:[^"\\\\]|\\\\[^\\n])*)"';
const common = `${word} ${word} ${word} \\[([^\\]]+)\\] ${quoted} ${word} ${word}`;
const clf = new RegExp(`^${common}$`);
const combined = new RegExp(`^${common} ${quoted} ${quoted}$`);

/** Source: https://www.w3.org/Daemon/User/Config/Logging.html, https://httpd.apache.org/docs/current/mod/mod_log_config.html */
function commonLog(text: string, isCombined: boolean): OttlValue {
  const line = Buffer.from(trimSpace(text)).toString('latin1');
  const found = (isCombined ? combined : clf).exec(line) ?? failStatement('the text is no line of this log format');
  const [, host, identity, user, time, escaped, status, bytes, referer, agent] = found as unknown as string[];
  const request = unescaped(escaped!);
  const [method, uri, protocol] = splitAt(request, ' ', 3);
  const parts: [string, OttlValue][] = [
    ['clf.remote_host', utf8(host!)],
    ['clf.rfc931', utf8(identity!)],
    ['clf.auth_user', utf8(user!)],
    ['clf.timestamp', utf8(time!)],
    ['clf.request', utf8(request)],
  ];
  if (protocol !== undefined) {
    parts.push(['clf.method', utf8(method!)], ['clf.request_uri', utf8(uri!)], ['clf.protocol', utf8(protocol)]);
  }
  parts.push(['clf.status', int64(status!)]);
  if (bytes !== '-') parts.push(['clf.bytes', int64(bytes!)]);
  if (isCombined) parts.push(['clf.referer', utf8(unescaped(referer!))], ['clf.user_agent', utf8(unescaped(agent!))]);
  return mapOf(parts);
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  '"': '"',
  '\\': '\\',
};

function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9A-Fa-f]{2})|([\s\S]))/g, (found, digits?: string, letter?: string) =>
    digits ? String.fromCharCode(Number.parseInt(digits, 16)) : (escapes[letter!] ?? found),
  );
}

function int64(text: string): bigint {
  const value = /^[+-]?\d{1,64}$/.test(text) ? BigInt(text.replace('+', '')) : undefined;
  if (value === undefined || BigInt.asIntN(64, value) !== value)
    failStatement(`${JSON.stringify(text.slice(0, 64))} is no int64`);
  return value;
}

/** Source: https://www.ibm.com/docs/en/dsm?topic=leef-overview */
function leef(text: string): OttlValue {
  const bytes = Buffer.from(text).toString('latin1');
  const start = bytes.indexOf('LEEF:');
  if (start < 0) failStatement('the text has no LEEF: in it');
  const [head = '', rest] = splitAt(bytes.slice(start), '|', 2);
  const version = head.slice('LEEF:'.length);
  if (rest === undefined) failStatement('the header has no | in it');
  if (version !== '1.0' && version !== '2.0') failStatement(`LEEF ${version.slice(0, 64)}: expected 1.0 or 2.0`);
  const [vendor, product, productVersion, event, attributes = ''] = splitAt(rest, '|', 5);
  if (event === undefined) failStatement('the header has fewer than four fields');
  const fields: [string, OttlValue][] = [
    ['leef.version', version],
    ['leef.vendor', utf8(vendor!)],
    ['leef.product.name', utf8(product!)],
    ['leef.product.version', utf8(productVersion!)],
    ['leef.event.id', utf8(event)],
  ];
  return mapOf([...fields, ['leef.attributes', leefAttributes(version, attributes)]]);
}

/** In version 2.0 the delimiter may stand before them. */
function leefAttributes(version: string, attributes: string): OttlValue {
  const [first = '', rest = ''] = splitAt(attributes, '|', 2);
  const named = version === '2.0' && !first.includes('=');
  const delimiter = named ? delimiterOf(first) : '\t';
  const pairs = new Map<string, string>();
  for (const pair of (named ? rest : attributes).split(delimiter)) {
    const [key, value] = splitAt(pair, '=', 2);
    if (key && value !== undefined) pairs.set(utf8(key), utf8(value));
  }
  return mapOf(pairs);
}

function delimiterOf(text: string): string {
  if (text === '') return '\t';
  const digits = /^0[xX]([0-9A-Fa-f]{2})$/.exec(text)?.[1];
  if (digits) return String.fromCharCode(Number.parseInt(digits, 16));
  return text.length === 1 ? text : failStatement('the delimiter is neither a character nor 0x and two digits');
}

/** At most `count` parts. */
function splitAt(text: string, by: string, count: number): string[] {
  const parts = text.split(by);
  return parts.length <= count ? parts : [...parts.slice(0, count - 1), parts.slice(count - 1).join(by)];
}

const utf8 = (bytes: string) => Buffer.from(bytes, 'latin1').toString();
