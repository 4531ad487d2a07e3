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
