import { createHash } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { define, type FunctionTable } from '../args.ts';
import { fail } from '../values.ts';
import { urlParts } from './url.ts';

/** Converters of addresses. */
export const networkConverters: FunctionTable = {
  URL: define('uri', (args) => {
    const uri = args.text('uri');
    return (scene) => urlParts(uri(scene));
  }),
  CommunityID: define('source_ip, source_port, destination_ip, destination_port, protocol?, seed?', (args) => {
    const [sourceIp, destinationIp] = [args.text('source_ip'), args.text('destination_ip')];
    const [sourcePort, destinationPort] = [args.int('source_port'), args.int('destination_port')];
    const protocol = args.has('protocol') ? args.text('protocol') : () => 'TCP';
    const seed = args.has('seed') ? args.int('seed') : () => 0n;
    return (scene) => {
      const from = { ip: ipBytes(sourceIp(scene)), port: uint16('source_port', sourcePort(scene)) };
      const to = { ip: ipBytes(destinationIp(scene)), port: uint16('destination_port', destinationPort(scene)) };
      const name = protocol(scene);
      const number = protocols.get(name) ?? fail(`unknown protocol ${JSON.stringify(name.slice(0, 64))}`);
      return communityId(from, to, number, uint16('seed', seed(scene)));
    };
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

const protocols = new Map([
  ['ICMP', 1],
  ['TCP', 6],
  ['UDP', 17],
  ['RSVP', 46],
  ['ICMP6', 58],
  ['SCTP', 132],
]);

interface End {
  readonly ip: Uint8Array;
  readonly port: Uint8Array;
}

/** A hash of a flow, the same for both directions. Source: https://github.com/corelight/community-id-spec */
function communityId(a: End, b: End, protocol: number, seed: Uint8Array): string {
  const order = a.ip.length - b.ip.length || Buffer.compare(a.ip, b.ip) || Buffer.compare(a.port, b.port);
  const [from, to] = order > 0 ? [b, a] : [a, b];
  const hash = createHash('sha1');
  for (const part of [seed, from.ip, to.ip, Uint8Array.of(protocol, 0), from.port, to.port]) hash.update(part);
  return `1:${hash.digest('base64')}`;
}

function uint16(what: string, value: bigint): Uint8Array {
  if (value < 0n || value > 0xffffn) fail(`${what} ${value}: expected 0 to 65535`);
  return Uint8Array.of(Number(value >> 8n), Number(value & 0xffn));
}

/** Four bytes, or sixteen; an IPv4 address in IPv6 clothes is the same address. */
function ipBytes(text: string): Uint8Array {
  const family = text.includes('%') ? 0 : isIP(text);
  if (family === 0) fail(`${JSON.stringify(text.slice(0, 64))} is no IP address`);
  if (family === 4) return Uint8Array.from(text.split('.'), Number);
  const plain = text.replace(/[^:]*\.[^:]*$/, (tail) =>
    Buffer.from(tail.split('.').map(Number)).toString('hex').replace(/^.{4}/, '$&:'),
  );
  const [head = '', tail] = plain.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [first, last] = [groups(head), groups(tail ?? '')];
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  const bytes = Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
  const isMapped = all.slice(0, 5).every((group) => group === 0) && all[5] === 0xffff;
  return isMapped ? bytes.subarray(12) : bytes;
}

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
