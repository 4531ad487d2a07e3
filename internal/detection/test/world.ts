import { afterEach } from 'vitest';
import { FakeClock } from '../../testkit/clock.ts';
import { TestLogger } from '../../testkit/settings.ts';
import { configuredDetectors, detectorSections, isWanted } from '../config.ts';
import type { Found } from '../detector.ts';
import { type Surroundings, systemSurroundings } from '../surroundings.ts';
import { serve } from './service.ts';

/** What a test makes of the world; what it leaves out does not exist. */
export interface World {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly os?: Partial<Surroundings['os']>;
  readonly names?: Partial<Surroundings['names']>;
  readonly linkLocal?: string;
  readonly googleCompute?: string;
}

const nowhere = () => Promise.reject(new Error('ENOTFOUND'));

/** A machine without network and files. */
export function surroundings({
  env = {},
  files = {},
  os = {},
  names = {},
  linkLocal,
  googleCompute,
}: World): Surroundings {
  const real = systemSurroundings();
  return {
    ...real,
    env,
    read: async (path) => files[path],
    os: { ...real.os, platform: () => 'linux', hostname: () => 'box', networkInterfaces: () => ({}), ...os },
    names: { addresses: nowhere, nameOf: nowhere, exists: nowhere, alias: nowhere, ...names },
    // Nothing listens there, so that nobody waits.
    googleCompute: googleCompute ?? 'http://127.0.0.1:9',
    linkLocal: linkLocal ?? 'http://127.0.0.1:9',
  };
}

export interface Detecting {
  readonly found: Promise<Found>;
  readonly clock: FakeClock;
  readonly logger: TestLogger;
  readonly abort: AbortController;
}

/** Asks one detector. @param section its configuration */
export function detecting(name: string, world: World, section: object = {}): Detecting {
  const schema = detectorSections()[name];
  const [one] = configuredDetectors([name], { [name]: schema?.parse(section) });
  if (!one) throw new Error(`there is no detector ${name}`);
  const clock = new FakeClock();
  const logger = new TestLogger();
  const abort = new AbortController();
  const wants = (attribute: string) => isWanted(one, attribute);
  const question = { surroundings: surroundings(world), clock, logger, abort: abort.signal, wants };
  const found = one.kind.detect(question, one.config as never);
  return { found, clock, logger, abort };
}

/** The attributes that one detector sets, those that are switched off left out. */
export async function detected(name: string, world: World, section: object = {}): Promise<Record<string, unknown>> {
  const schema = detectorSections()[name];
  const [one] = configuredDetectors([name], { [name]: schema?.parse(section) });
  const { attributes } = await detecting(name, world, section).found;
  return Object.fromEntries([...attributes].filter(([key]) => isWanted(one!, key)));
}

/** Servers that end with the test. */
export function servers() {
  const open: { close(): Promise<void> }[] = [];
  afterEach(() => Promise.all(open.splice(0).map((one) => one.close())));
  return async (...given: Parameters<typeof serve>) => {
    const service = await serve(...given);
    open.push(service);
    return service;
  };
}
