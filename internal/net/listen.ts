import { lstat, unlink } from 'node:fs/promises';
import net from 'node:net';
import { type Address, formatAddress } from './address.ts';

/**
 * Binds `server`. A socket file that nobody listens on any more is removed first.
 * @returns the address in use, with the port that was chosen for port 0
 * @throws Error that says who may hold the address and what to do
 */
export async function listen(server: net.Server, address: Address): Promise<Address> {
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  try {
    await bind(server, address);
  } catch (error) {
    throw new Error(listenTrouble(error as NodeJS.ErrnoException, address), { cause: error });
  }
  if (address.kind === 'unix') return address;
  return { ...address, port: (server.address() as net.AddressInfo).port };
}

function bind(server: net.Server, address: Address): Promise<void> {
  const where =
    address.kind === 'unix'
      ? { path: address.path }
      : { host: address.host, port: address.port, ipv6Only: address.ipv6Only ?? false };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...where, backlog: 1024 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** A process that was killed leaves its socket file behind, and the next one could not listen. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isSocket()) {
    throw new Error(
      `cannot listen on unix://${path}: a file that is no socket is in the way. Move it or choose another path`,
    );
  }
  if (!(await answers(path))) await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect({ path });
    probe.once('connect', () => {
      probe.end();
      resolve(true);
    });
    // Only a refusal proves that nobody listens; EACCES, for one, does not.
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

function listenTrouble(error: NodeJS.ErrnoException, address: Address): string {
  const what = `cannot listen on ${formatAddress(address)}: `;
  const port = address.kind === 'tcp' ? address.port : 0;
  switch (error.code) {
    case 'EADDRINUSE':
      return address.kind === 'unix'
        ? `${what}another program listens there. Find it with \`ss -lxp src ${address.path}\`, and stop it or choose another path`
        : `${what}another program holds port ${port}, perhaps another collector or agent. ` +
            `Find it with \`ss -ltnp 'sport = :${port}'\`, and stop it or choose another endpoint`;
    case 'EACCES':
      return address.kind === 'unix'
        ? `${what}this user may not create the socket. Check the folder's owner and mode`
        : `${what}this user may not use port ${port}. Ports below 1024 need root or CAP_NET_BIND_SERVICE; choose a higher one`;
    case 'EADDRNOTAVAIL':
      return `${what}it is no address of this machine. Use 0.0.0.0 for all of its addresses, or localhost`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${what}the host name cannot be resolved. Use an address, localhost, or 0.0.0.0 for all addresses`;
    case 'ENOENT':
      return `${what}its folder does not exist. Create it, or choose another path`;
    default:
      return `${what}${error.message}`;
  }
}
