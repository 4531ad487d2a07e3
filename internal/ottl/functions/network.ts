import { BlockList, isIP } from 'node:net';
import { define, type FunctionTable } from '../args.ts';
import { fail, type Value, ValueMap } from '../values.ts';

/** Converters of addresses. */
export const networkConverters: FunctionTable = {
  URL: define('uri', (args) => {
    const uri = args.text('uri');
    return (scene) => urlParts(uri(scene));
  }),
  IsInCIDR: define('target, networks', (args) => {
    const target = args.text('target');
    const networks = args.texts('networks');
    const node = args.call.args.find(({ value }) => value.kind === 'list')!.value;
    const isLiteral = node.kind === 'list' && node.values.every(({ kind }) => kind === 'string');
    let fixed: BlockList | undefined;
    if (isLiteral)
      fixed = blocks(
        networks.map((get) => get(undefined as never)),
        (why) => args.refuse('networks', why),
      );
    return (scene) => {
      const address = target(scene);
      const family = isIP(address);
      if (family === 0) return false;
      const list =
        fixed ??
        blocks(
          networks.map((get) => get(scene)),
          fail,
        );
      // An IPv4 address in IPv6 clothes is the same address.
      const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
      return list.check(mapped ?? address, (mapped ? 4 : family) === 4 ? 'ipv4' : 'ipv6');
    };
  }),
};

function blocks(networks: readonly string[], wrong: (why: string) => never): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(network) ?? [];
    const family = isIP(address);
    if (family === 0 || Number(bits) > (family === 4 ? 32 : 128))
      wrong(`${JSON.stringify(network.slice(0, 64))} is no network: expected for example 10.0.0.0/8`);
    list.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** The parts by the names of the semantic conventions. Source: RFC 3986, appendix B */
function urlParts(text: string): Value {
  if (text === '') fail('an empty text is no URL');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what a URL may not have
  if (/[\x00-\x20\x7f]/.test(text)) fail('a URL has no control characters and no spaces');
  const [, scheme = '', authority, path = '', query, fragment] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/.exec(text) ?? [];
  if (scheme === '' && /^[^/?#]*:/.test(text)) fail('the first part of the path has a colon in it');
  const at = authority?.lastIndexOf('@') ?? -1;
  const user = at < 0 ? undefined : authority!.slice(0, at);
  const host = (authority ?? '').slice(at + 1);
  const [, name = '', port = ''] =
    /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host) ??
    fail(`the port of ${JSON.stringify(host.slice(0, 64))} is no number`);
  const decodedPath = decoded(path);
  const parts: [string, Value][] = [
    ['url.original', text],
    ['url.domain', name.replace(/^\[|\]$/g, '')],
    ['url.scheme', scheme.toLowerCase()],
    ['url.path', decodedPath],
  ];
  if (port !== '') parts.push(['url.port', BigInt(port)]);
  if (fragment) parts.push(['url.fragment', decoded(fragment)]);
  if (user !== undefined) {
    const colon = user.indexOf(':');
    parts.push(['url.user_info', user]);
    const username = colon < 0 ? user : user.slice(0, colon);
    if (username !== '') parts.push(['url.username', decoded(username)]);
    if (colon >= 0) parts.push(['url.password', decoded(user.slice(colon + 1))]);
  }
  if (query) parts.push(['url.query', query]);
  const dot = decodedPath.lastIndexOf('.');
  if (dot >= 0 && dot < decodedPath.length - 1) parts.push(['url.extension', decodedPath.slice(dot + 1)]);
  return ValueMap.of(parts);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    fail(`${JSON.stringify(text.slice(0, 64))} has a broken percent escape`);
  }
}
