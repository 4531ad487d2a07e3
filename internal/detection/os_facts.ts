import type { Surroundings } from './surroundings.ts';

/** What the files of a Linux distribution say of it, as upstream reads them. */
export interface Distribution {
  /** `os.name`, such as `debian`. */
  readonly name: string | undefined;
  /** `os.version`, such as `12.11`. */
  readonly version: string | undefined;
  /** `os.build.id`. */
  readonly build: string | undefined;
  /** The readable name and version. */
  readonly title: string | undefined;
}

/** Distributions with the files of Debian that are told apart by /etc/lsb-release. */
const debians: Readonly<Record<string, string>> = {
  Ubuntu: 'ubuntu',
  LinuxMint: 'linuxmint',
  Kylin: 'Kylin',
  uos: 'uos',
  Deepin: 'Deepin',
};

export async function distribution({ read }: Surroundings): Promise<Distribution> {
  const release = assignments((await read('/etc/os-release')) ?? (await read('/usr/lib/os-release')) ?? '');
  const { NAME: name, VERSION: version = release.VERSION_ID, PRETTY_NAME: pretty } = release;
  return {
    ...(await platform(read, release)),
    build: release.BUILD_ID,
    title: name && version ? `${name} ${version}` : pretty,
  };
}

/** The order is that of gopsutil's host.PlatformInformation, which upstream asks. */
async function platform(
  read: Surroundings['read'],
  release: Readonly<Record<string, string>>,
): Promise<Pick<Distribution, 'name' | 'version'>> {
  const textOf = async (file: string) => (await read(`/etc/${file}`))?.trim() || undefined;
  const lsb = assignments((await textOf('lsb-release')) ?? '');
  for (const file of ['oracle-release', 'enterprise-release']) {
    const oracle = await textOf(file);
    if (oracle) return { name: 'oracle', version: releaseIn(oracle) };
  }
  const debian = await textOf('debian_version');
  if (debian) {
    const name = debians[lsb.DISTRIB_ID ?? ''];
    if (name) return { name, version: lsb.DISTRIB_RELEASE };
    return { name: release.ID === 'raspbian' ? 'raspbian' : 'debian', version: debian.split('\n')[0] };
  }
  for (const file of ['redhat-release', 'system-release']) {
    const redhat = await textOf(file);
    if (redhat) return { name: redhatName(redhat), version: releaseIn(redhat) };
  }
  const alpine = await textOf('alpine-release');
  if (alpine) return { name: 'alpine', version: alpine.split('\n')[0] };
  const id = release.ID === 'amzn' ? 'amazon' : release.ID;
  return { name: id ?? lsb.DISTRIB_ID?.toLowerCase(), version: release.VERSION_ID ?? lsb.DISTRIB_RELEASE };
}

function releaseIn(text: string): string | undefined {
  return text.toLowerCase().includes('rawhide') ? 'rawhide' : /release (\w[\w.]*)/.exec(text)?.[1];
}

function redhatName(text: string): string | undefined {
  const lower = text.toLowerCase();
  return lower.includes('red hat') ? 'redhat' : lower.split(/\s/)[0];
}

/** The lines of a shell file that assign. https://www.freedesktop.org/software/systemd/man/os-release.html */
function assignments(text: string): Record<string, string> {
  const values: Record<string, string> = Object.create(null);
  for (const [, name, value] of text.matchAll(/^[ \t]*([A-Z_]+)=[ \t]*(.*?)[ \t]*$/gm)) {
    const bare = /^(["'])(.*)\1$/.exec(value!)?.[2] ?? value!;
    values[name!] = bare.replace(/\\([$"'\\`])/g, '$1');
  }
  return values;
}

/** `host.cpu.*` of the first processor in /proc/cpuinfo; other systems tell the model's name alone. */
export async function processor({ read }: Surroundings): Promise<Record<string, string | bigint | undefined>> {
  const lines = ((await read('/proc/cpuinfo')) ?? '').split(/\n\s*\n/, 1)[0]!.split('\n');
  const said = new Map(lines.map((line) => line.split(':', 2).map((part) => part.trim()) as [string, string]));
  const first = (...names: string[]) => names.map((name) => said.get(name)).find((value) => value);
  const cache = /^(\d+) KB$/.exec(first('cache size') ?? '')?.[1];
  return {
    'host.cpu.vendor.id': first('vendor_id', 'vendorId') ?? armMakers[Number(first('CPU implementer') ?? Number.NaN)],
    'host.cpu.family': first('cpu family', 'marchid'),
    'host.cpu.model.id': first('model', 'CPU part', 'mimpid'),
    'host.cpu.model.name': first('model name', 'Model Name', 'uarch'),
    'host.cpu.stepping': first('stepping', 'CPU revision') ?? '0',
    'host.cpu.cache.l2.size': cache === undefined ? undefined : BigInt(cache),
  };
}

/** Implementer codes of the Main ID Register, https://developer.arm.com/documentation/ddi0601/latest/AArch64-Registers/MIDR-EL1--Main-ID-Register */
const armMakers: Readonly<Record<number, string>> = {
  65: 'ARM',
  66: 'Broadcom',
  67: 'Cavium',
  68: 'DEC',
  70: 'Fujitsu',
  72: 'HiSilicon',
  73: 'Infineon',
  77: 'Motorola/Freescale',
  78: 'NVIDIA',
  80: 'APM',
  81: 'Qualcomm',
  86: 'Marvell',
  97: 'Apple',
  105: 'Intel',
  192: 'Ampere',
};
