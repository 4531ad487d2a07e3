import { ElasticsearchClient } from '../../../exporters/elasticsearch/client.ts';
import { type ElasticsearchConfig, schema } from '../../../exporters/elasticsearch/config.ts';
import { installTemplates, templateNames } from '../../../exporters/elasticsearch/templates.ts';
import { systemClock } from '../../../internal/core/clock.ts';
import type { Component, ExtensionFactory } from '../../../internal/core/component.ts';
import { noAccount } from '../../../internal/core/ledger.ts';
import { MemoryBudget } from '../../../internal/core/memory.ts';
import type { ResolvedConfig } from '../../../internal/core/resolved.ts';
import { noLogger, noMeter } from '../../../internal/core/telemetry.ts';
import { type Command, configOptions, type ExitCode, UsageError, type Values } from '../command.ts';
import { load, printIssues } from '../load.ts';
import { build } from '../version.ts';

export const command: Command = {
  options: { ...configOptions, exporter: { type: 'string' }, endpoint: { type: 'string' } },
  positionals: 2,
  async run(values, [backend = '', action = '']) {
    if (backend !== 'elasticsearch') {
      throw new UsageError(`backend: expected elasticsearch, got ${JSON.stringify(backend)}`);
    }
    if (action !== 'install')
      throw new UsageError(`backend elasticsearch: expected install, got ${JSON.stringify(action)}`);
    if ((values.endpoint === undefined) === !values.config) {
      throw new UsageError('backend elasticsearch install: expected either --endpoint or --config');
    }
    const target = values.endpoint === undefined ? await configured(values) : atEndpoint(String(values.endpoint));
    return target ? install(target) : 1;
  },
};

interface Target {
  readonly config: ElasticsearchConfig;
  /** The running extension of `auth.authenticator`, if the configuration has one. */
  readonly authenticator?: Component | undefined;
}

function atEndpoint(endpoint: string): Target {
  const parsed = schema.safeParse({ endpoint });
  if (parsed.success) return { config: parsed.data };
  throw new UsageError(`--endpoint: ${parsed.error.issues[0]!.message}`);
}

/** The exporter that is named, or the only one of its type. */
async function configured(values: Values): Promise<Target | undefined> {
  const loaded = await load(values);
  if (!loaded.ok) {
    printIssues(loaded.issues);
    return undefined;
  }
  const fitting = [...loaded.config.exporters.values()].filter(({ factory }) => factory.type === 'elasticsearch');
  const named = values.exporter === undefined ? fitting : fitting.filter(({ id }) => id === values.exporter);
  const [exporter] = named;
  if (!exporter || named.length > 1) {
    const ids = fitting.map(({ id }) => id).join(', ') || 'none';
    fail(`expected one exporter of type elasticsearch, the configuration has: ${ids}; name it with --exporter ID`);
    return undefined;
  }
  const config = exporter.config as ElasticsearchConfig;
  return { config, authenticator: await started(loaded.config, config.auth?.authenticator) };
}

async function started(config: ResolvedConfig, id: string | undefined): Promise<Component | undefined> {
  const extension = id === undefined ? undefined : config.extensions.get(id);
  if (!extension) return undefined;
  const settings = {
    id: extension.id,
    kind: 'extension' as const,
    logger: noLogger,
    meter: noMeter,
    clock: systemClock,
    random: Math.random,
    memory: new MemoryBudget(1 << 20),
    account: noAccount,
    build,
    report: () => {},
  };
  const component = (extension.factory as ExtensionFactory).create(settings, extension.config);
  const system = { statuses: () => [], onStatus: () => () => {} };
  await component.start?.({ extension: () => undefined, fatal: (error) => void fail(error.message), system });
  return component;
}

async function install({ config, authenticator }: Target): Promise<ExitCode> {
  const client = new ElasticsearchClient({ clock: systemClock, logger: noLogger, build }, config);
  try {
    await client.start({ extension: () => authenticator });
    const problem = await installTemplates(client);
    if (problem !== undefined) return fail(problem);
  } catch (error) {
    return fail((error as Error).message);
  } finally {
    await client.close();
    await authenticator?.shutdown?.(AbortSignal.timeout(1000));
  }
  process.stdout.write(
    `Written: ${templateNames.join(', ')}.\nExisting data streams take them at their next rollover.\n`,
  );
  return 0;
}

function fail(message: string): ExitCode {
  process.stderr.write(`sluice: ${message}\n`);
  return 1;
}
