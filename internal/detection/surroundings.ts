import { promises as dns } from 'node:dns';
import { type FileHandle, open } from 'node:fs/promises';
import os from 'node:os';

/** The world as detectors see it, a value so that tests can make another one. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What there is of a file up to 1 MiB; undefined where it cannot be read. */
  read(path: string): Promise<string | undefined>;
  readonly os: Pick<
    typeof os,
    'arch' | 'hostname' | 'machine' | 'networkInterfaces' | 'platform' | 'release' | 'type' | 'version'
  >;
  readonly names: Names;
  /** Where the metadata services of clouds listen: `http://169.254.169.254`, without a slash at the end. */
  readonly linkLocal: string;
  /** Where Google's Compute API is. */
  readonly googleCompute: string;
  readonly process: Pick<NodeJS.Process, 'argv' | 'execArgv' | 'execPath' | 'pid' | 'ppid' | 'title' | 'version'>;
}

/** Questions about the names of machines. All reject where there is no answer. */
export interface Names {
  /** Addresses by the system's own resolution, hosts file included. */
  addresses(host: string): Promise<string[]>;
  /** Name of an address by the system's own resolution. */
  nameOf(address: string): Promise<string>;
  /** Resolves where DNS has an address of exactly this name. */
  exists(name: string): Promise<unknown>;
  /** Where DNS has this name point to. */
  alias(name: string): Promise<string | undefined>;
}

const maxFileBytes = 1 << 20;

export function systemSurroundings(): Surroundings {
  return {
    env: process.env,
    read: readText,
    os,
    names: systemNames(),
    linkLocal: 'http://169.254.169.254',
    googleCompute: 'https://compute.googleapis.com',
    process,
  };
}

function systemNames(): Names {
  const resolver = new dns.Resolver({ timeout: 1000, tries: 1 });
  return {
    addresses: async (host) => (await dns.lookup(host, { all: true })).map(({ address }) => address),
    nameOf: async (address) => (await dns.lookupService(address, 0)).hostname,
    exists: (name) => Promise.any([resolver.resolve4(name), resolver.resolve6(name)]),
    alias: async (name) => (await resolver.resolveCname(name))[0],
  };
}

/** Not by `readFile`: files below /proc have no size. */
async function readText(path: string): Promise<string | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    const buffer = Buffer.alloc(maxFileBytes);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = (await file.read(buffer, length, buffer.length - length)).bytesRead;
    }
    return buffer.toString('utf8', 0, length);
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}
