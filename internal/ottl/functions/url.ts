import { isIPv6 } from 'node:net';
import { fail, type Value, ValueMap } from '../values.ts';

/*
 * The parts of a URL as Go's net/url has them, which takes more than RFC 3986 allows. Texts are handled as UTF-8, a
 * character for each byte, since percent escapes are about bytes. Source: https://pkg.go.dev/net/url
 */

/** Beside letters and digits, what stands for itself. */
const unreserved = '-_.~';
const plain = {
  path: `${unreserved}$&+,/:;=@`,
  user: `${unreserved}$&+,;=`,
  host: `${unreserved}!$&'()*+,;=:[]<>"`,
  fragment: `${unreserved}$&+,/:;=?@!()*`,
} as const;
type Part = keyof typeof plain;

interface Url {
  readonly scheme: string;
  /** What follows a scheme without a slash. */
  readonly opaque: string;
  readonly user: readonly string[] | undefined;
  /** With the port; undefined where there is no `//`. */
  readonly host: string | undefined;
  /** As it was written. */
  readonly path: string;
  readonly query: string | undefined;
  readonly fragment: string;
}

/** By the names of the semantic conventions. Of what begins with `?`, the parameters. */
export function urlParts(text: string): Value {
  if (text === '') fail('an empty text is no URL');
  const bytes = Buffer.from(text).toString('latin1');
  if (bytes.startsWith('?')) return parameters(bytes.slice(1));
  const url = parse(bytes);
  const path = unescaped(url.path, 'path');
  const [, name = '', port = ''] = /^([\s\S]*?)(?::([0-9]*))?$/.exec(url.host ?? '')!;
  const parts: [string, Value][] = [
    ['url.original', utf8(written(url, path))],
    ['url.domain', utf8(name.replace(/^\[([\s\S]*)\]$/, '$1'))],
    ['url.scheme', url.scheme],
    ['url.path', utf8(path)],
  ];
  if (port !== '') parts.push(['url.port', portOf(port)]);
  const fragment = unescaped(url.fragment, 'fragment');
  if (fragment !== '') parts.push(['url.fragment', utf8(fragment)]);
  if (url.user) {
    parts.push(['url.user_info', userInfo(url.user)]);
    if (url.user[0] !== '') parts.push(['url.username', utf8(url.user[0]!)]);
    if (url.user[1] !== undefined) parts.push(['url.password', utf8(url.user[1])]);
  }
  if (url.query) parts.push(['url.query', utf8(url.query)]);
  const dot = path.lastIndexOf('.');
  if (dot >= 0 && dot < path.length - 1) parts.push(['url.extension', utf8(path.slice(dot + 1))]);
  return ValueMap.of(parts);
}

function parse(bytes: string): Url {
  const [before, fragment] = cut(bytes, '#');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what a URL may not have
  if (/[\x00-\x1f\x7f]/.test(before)) fail('a URL has no control characters');
  if (before.startsWith(':')) fail('the scheme is missing');
  const [, scheme = '', rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?([\s\S]*)$/.exec(before)!;
  const [hierarchy, query] = cut(rest, '?');
  const url = { scheme: scheme.toLowerCase(), query, fragment: fragment ?? '', opaque: '', user: undefined };
  if (!hierarchy.startsWith('/')) {
    if (scheme !== '') return { ...url, opaque: hierarchy, host: undefined, path: '' };
    if (/^[^/]*:/.test(hierarchy)) fail('the first part of the path has a colon in it');
  }
  if (!hierarchy.startsWith('//') || (scheme === '' && hierarchy.startsWith('///'))) {
    return { ...url, host: undefined, path: hierarchy };
  }
  const [, authority = '', path = ''] = /^\/\/([^/]*)([\s\S]*)$/.exec(hierarchy)!;
  const at = authority.lastIndexOf('@');
  const host = hostOf(authority.slice(at + 1));
  return { ...url, user: at < 0 ? undefined : userOf(authority.slice(0, at)), host, path };
}

function userOf(text: string): string[] {
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(text))
    fail('the user before the host has characters that need escapes');
  const [name, password] = cut(text, ':');
  return [name, ...(password === undefined ? [] : [password])].map((part) => unescaped(part, 'user'));
}

function hostOf(host: string): string {
  const open = host.lastIndexOf('[');
  if (open > 0) fail('a bracket stands in the host');
  if (open === 0) {
    const close = host.lastIndexOf(']');
    if (close < 0) fail('the host lacks a closing bracket');
    checkPort(host.slice(close + 1));
    const [address, zone] = cut(host.slice(1, close), '%25');
    const name = unescaped(address, 'host') + (zone === undefined ? '' : unescaped(`%25${zone}`, 'host', true));
    if (!isIPv6(name)) fail(`${JSON.stringify(name.slice(0, 64))} is no IPv6 address`);
    return `[${name}]${host.slice(close + 1)}`;
  }
  // A list of hosts, as databases have it, may have several colons.
  const colon = host.lastIndexOf(':');
  if (colon >= 0) checkPort(host.slice(colon));
  return unescaped(host, 'host');
}

function checkPort(text: string): void {
  if (!/^(?::[0-9]*)?$/.test(text)) fail(`the port ${JSON.stringify(text.slice(0, 64))} is no number`);
}

function portOf(text: string): bigint {
  const port = BigInt(text);
  return port < 2n ** 63n ? port : fail(`the port ${text.slice(0, 64)} is too large`);
}

/** The URL anew: what need not be escaped in one way stays as it was written. */
function written({ scheme, opaque, user, host, path, query, fragment }: Url, decoded: string): string {
  let out = scheme === '' ? '' : `${scheme}:`;
  if (opaque !== '') out += opaque;
  else {
    const isRooted = scheme !== '' && host === undefined && path.startsWith('/');
    if ((scheme !== '' || host || user) && !isRooted && (host || decoded !== '' || user)) out += '//';
    if (user) out += `${escaped(user[0]!, 'user')}${user[1] === undefined ? '' : `:${escaped(user[1], 'user')}`}@`;
    if (host) out += escaped(host, 'host');
    const said = asWritten(path, decoded, 'path');
    if (out === '' && /^[^/]*:/.test(said)) out += './';
    out += said;
  }
  if (query !== undefined) out += `?${query}`;
  const said = unescaped(fragment, 'fragment');
  return said === '' ? out : `${out}#${asWritten(fragment, said, 'fragment')}`;
}

function asWritten(text: string, decoded: string, part: Part): string {
  if (text === '*') return text;
  return [...text].every((byte) => "!$&'()*+,;=:@[]%".includes(byte) || isPlain(byte, part))
    ? text
    : escaped(decoded, part);
}

/** As JSON-like lists of values under `query`. */
function parameters(query: string): ValueMap {
  const byName = new Map<string, string[]>();
  for (const pair of query.split('&')) {
    if (pair.includes(';')) fail('a semicolon separates nothing in a query');
    if (pair === '') continue;
    const [name, value = ''] = cut(pair, '=').map((part) => part && utf8(unescaped(part.replaceAll('+', ' '), 'path')));
    byName.set(name!, [...(byName.get(name!) ?? []), value]);
  }
  return ValueMap.of(byName.size === 0 ? [] : [['query', ValueMap.of(byName)]]);
}

/** @param isZone behind the address of an IPv6 host, where ASCII may be escaped too */
function unescaped(text: string, part: Part, isZone = false): string {
  if (part === 'host') {
    for (const byte of text) {
      if (byte !== '%' && byte < '\x80' && !isPlain(byte, 'host')) fail(`the host has ${JSON.stringify(byte)} in it`);
    }
  }
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9A-Fa-f]{2})?/g, (found, digits: string | undefined) => {
    if (digits === undefined) fail('a percent escape is broken');
    const byte = String.fromCharCode(Number.parseInt(digits, 16));
    if (part === 'host' && found !== '%25') {
      const allowed = isZone ? byte === ' ' || isPlain(byte, 'host') : byte >= '\x80';
      if (!allowed) fail(`the host has the escape ${found} in it`);
    }
    return byte;
  });
}

function escaped(text: string, part: Part): string {
  return [...text]
    .map((byte) => (isPlain(byte, part) ? byte : `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`))
    .join('');
}

const isPlain = (byte: string, part: Part) => /[A-Za-z0-9]/.test(byte) || plain[part].includes(byte);

const userInfo = (user: readonly string[]) => user.map((part) => escaped(part, 'user')).join(':');

function cut(text: string, by: string): [before: string, after: string | undefined] {
  const at = text.indexOf(by);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + by.length)];
}

const utf8 = (bytes: string) => Buffer.from(bytes, 'latin1').toString();
