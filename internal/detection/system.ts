import { z } from 'zod';
import { enumeration } from '../config/fields.ts';
import type { Plain } from '../otlp/view/value.ts';
import { detectorKind, type Found, found, type Question } from './detector.ts';
import { hostName, hostnameSources } from './hostname.ts';
import { distribution, processor } from './os_facts.ts';
import type { Surroundings } from './surroundings.ts';

const cpuNames = ['vendor.id', 'family', 'model.id', 'model.name', 'stepping', 'cache.l2.size'];

/** The machine, or what the container shows of it. */
export const system = detectorKind({
  name: 'system',
  attributes: {
    'host.arch': false,
    ...Object.fromEntries(cpuNames.map((name) => [`host.cpu.${name}`, false])),
    'host.id': false,
    'host.interface': false,
    'host.ip': false,
    'host.mac': false,
    'host.name': true,
    'os.build.id': false,
    'os.description': false,
    'os.name': false,
    'os.type': true,
    'os.version': false,
  },
  fields: {
    hostname_sources: z
      .array(enumeration(hostnameSources))
      .default([])
      .describe('Where `host.name` comes from; the first that has one counts. Empty: dns, os.'),
  },
  async detect(question, config): Promise<Found> {
    const { surroundings, wants } = question;
    const sources = config.hostname_sources.length > 0 ? config.hostname_sources : (['dns', 'os'] as const);
    const values: Record<string, Plain> = {
      'host.name': wants('host.name') ? await hostName(question, sources) : undefined,
      'os.type': osType(surroundings.os.platform()),
      'host.arch': architecture(surroundings.os.arch()),
      ...network(surroundings),
      ...(await named(surroundings)),
    };
    if (cpuNames.some((name) => wants(`host.cpu.${name}`))) Object.assign(values, await processor(surroundings));
    if (wants('host.interface')) values['host.interface'] = await interfaces(surroundings);
    if (wants('host.id')) values['host.id'] = await hostId(question);
    return found(values);
  },
});

/** https://opentelemetry.io/docs/specs/semconv/resource/os/ by Node's names. */
function osType(platform: string): string {
  return { win32: 'windows', sunos: 'solaris', cygwin: 'windows' }[platform] ?? platform;
}

function architecture(arch: string): string {
  return { x64: 'amd64', arm: 'arm32', ia32: 'x86' }[arch] ?? arch;
}

async function named(surroundings: Surroundings): Promise<Record<string, string | undefined>> {
  const { os } = surroundings;
  const uname = [os.type(), os.hostname(), os.release(), os.version(), os.machine()].join(' ');
  if (os.platform() !== 'linux') {
    const mac = os.platform() === 'darwin' ? await macVersion(surroundings) : undefined;
    return {
      'os.name': os.platform() === 'win32' ? os.version() : os.platform(),
      'os.version': mac?.version ?? os.release(),
      'os.build.id': mac?.build ?? os.release(),
      'os.description': os.platform() === 'win32' ? `${os.version()} ${os.release()}` : uname,
    };
  }
  const { name, version, build, title } = await distribution(surroundings);
  return {
    'os.name': name,
    'os.version': version,
    'os.build.id': build ?? os.release(),
    'os.description': title ? `${title} (${uname})` : uname,
  };
}

async function macVersion({ read }: Surroundings): Promise<{ version?: string; build?: string }> {
  const plist = (await read('/System/Library/CoreServices/SystemVersion.plist')) ?? '';
  const said = (key: string) => new RegExp(`<key>${key}</key>\\s*<string>([^<]*)</string>`).exec(plist)?.[1];
  const [version, build] = [said('ProductVersion'), said('ProductBuildVersion')];
  return { ...(version && { version }), ...(build && { build }) };
}

/** Addresses that others can reach. */
function network({ os }: Surroundings): Record<string, string[] | undefined> {
  const outward = Object.values(os.networkInterfaces()).map((all) => all?.filter(({ internal }) => !internal) ?? []);
  const ips = outward.flatMap((all) => all.map(({ address }) => address));
  const macs = outward.flatMap((all) => (all[0] ? [all[0].mac] : [])).filter((mac) => /[1-9a-f]/.test(mac));
  // The IEEE's form, which the semantic conventions ask for.
  return { 'host.ip': ips, 'host.mac': macs.map((mac) => mac.replaceAll(':', '-').toUpperCase()) };
}

/** All of them, those without an address too. */
async function interfaces({ os, read }: Surroundings): Promise<string[]> {
  const listed = [...((await read('/proc/net/dev')) ?? '').matchAll(/^\s*([^\s:|]+):/gm)].map(([, name]) => name!);
  return listed.length > 0 ? listed : Object.keys(os.networkInterfaces());
}

async function hostId({ surroundings, logger }: Question): Promise<string | undefined> {
  const files = ['/etc/machine-id', '/var/lib/dbus/machine-id', '/etc/hostid'];
  for (const file of files) {
    const id = (await surroundings.read(file))?.trim();
    if (id) return id;
  }
  logger.warn(
    `the system detector found no host.id: none of ${files.join(', ')} can be read. Set it by the env detector`,
  );
  return undefined;
}
