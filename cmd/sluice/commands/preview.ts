import { existsSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Factory } from '../../../internal/core/component.ts';
import { Payload, type Signal } from '../../../internal/otlp/payload.ts';
import { type Command, configOptions, type ExitCode, UsageError, type Values } from '../command.ts';
import { components } from '../components.ts';
import { load, printIssues } from '../load.ts';
import type { Previewer } from '../preview/previewer.ts';
import { decodeRecord } from '../replay/decode.ts';
import { readRecords } from '../replay/records.ts';

/** Each is loaded when it is asked for. */
const previewers: Readonly<Record<string, () => Promise<Previewer>>> = {
  prometheus: async () => (await import('../preview/prometheus.ts')).previewer,
  elasticsearch: async () => (await import('../preview/elasticsearch.ts')).previewer,
  jaeger: async () => (await import('../preview/jaeger.ts')).previewer,
};

export const command: Command = {
  options: { ...configOptions, exporter: { type: 'string' }, records: { type: 'string', default: '10' } },
  positionals: 2,
  async run(values, [backend = '', path]) {
    const kinds = Object.keys(previewers);
    if (!kinds.includes(backend)) {
      throw new UsageError(`preview: expected ${kinds.join(', ')}, got ${JSON.stringify(backend)}`);
    }
    if (path === undefined) throw new UsageError('preview: expected a file, such as the file exporter writes');
    if (values.exporter !== undefined && !values.config) {
      throw new UsageError('--exporter: expected --config with the file that defines it');
    }
    const records = Number(values.records);
    if (!Number.isInteger(records) || records < 0) {
      throw new UsageError(`--records: expected a number, 0 for all of them, got ${JSON.stringify(values.records)}`);
    }
    if (!existsSync(path)) return fail(`${path}: there is no such file`);
    const previewer = await previewers[backend]!();
    const config = await configOf(previewer, values);
    if (!config) return 1;
    return show(previewer, config.parsed, path, records || Number.POSITIVE_INFINITY);
  },
};

interface Found {
  readonly parsed: unknown;
}

/** The settings of the exporter that is named, or of the only one of its type; without a configuration the defaults. */
async function configOf({ exporter: type, needed }: Previewer, values: Values): Promise<Found | undefined> {
  if (!values.config) {
    const factory = await components.find((entry) => entry.kind === 'exporter' && entry.type === type)!.load();
    return { parsed: parse(factory, needed) };
  }
  const loaded = await load(values);
  if (!loaded.ok) {
    printIssues(loaded.issues);
    return undefined;
  }
  const fitting = [...loaded.config.exporters.values()].filter(({ factory }) => factory.type === type);
  const ids = fitting.map(({ id }) => id).join(', ') || 'none';
  const named = values.exporter === undefined ? fitting : fitting.filter(({ id }) => id === values.exporter);
  if (named.length === 1) return { parsed: named[0]!.config };
  if (values.exporter !== undefined) {
    fail(`--exporter: expected an exporter of type ${type}, got ${JSON.stringify(values.exporter)}; there are: ${ids}`);
  } else
    fail(`the configuration has ${fitting.length} exporters of type ${type} (${ids}): name one with --exporter ID`);
  return undefined;
}

function parse({ schema }: Factory, config: unknown): unknown {
  return (schema as unknown as { parse(value: unknown): unknown }).parse(config);
}

async function show(previewer: Previewer, config: unknown, path: string, records: number): Promise<ExitCode> {
  const note = (text: string) => process.stderr.write(`sluice: ${text}\n`);
  const read = await readBatches(path, records, note);
  let shown = 0;
  function* lines(): Generator<string> {
    for (const signal of previewer.signals) {
      const batches = read.filter((batch) => batch.signal === signal);
      if (batches.length === 0) continue;
      for (const line of previewer.lines(batches, config, note)) {
        shown++;
        yield `${line}\n`;
      }
    }
  }
  try {
    await pipeline(lines, process.stdout, { end: false });
  } catch (error) {
    // `| head` has seen enough.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0;
    throw error;
  }
  for (const [signal, items] of leftOut(read, previewer.signals)) {
    note(`${items} items of ${signal} are left out: ${previewer.exporter} takes ${previewer.signals.join(', ')}`);
  }
  return shown > 0 ? 0 : fail(`${path}: there is nothing in it that ${previewer.exporter} would send`);
}

async function readBatches(path: string, most: number, note: (text: string) => void): Promise<Payload[]> {
  const batches: Payload[] = [];
  let seen = 0;
  for await (const record of readRecords(path)) {
    if (seen === most) {
      note(`the first ${most} records are shown; --records 0 shows all`);
      break;
    }
    seen++;
    const batch = Buffer.isBuffer(record) ? decodeRecord(record) : record;
    if (batch instanceof Payload) batches.push(batch);
    else note(`${path}, record ${seen}: ${batch.passedOver}`);
  }
  return batches;
}

function leftOut(batches: readonly Payload[], signals: readonly Signal[]): Map<Signal, number> {
  const items = new Map<Signal, number>();
  for (const { signal, itemCount } of batches) {
    if (!signals.includes(signal)) items.set(signal, (items.get(signal) ?? 0) + itemCount);
  }
  return items;
}

function fail(message: string): ExitCode {
  process.stderr.write(`sluice: ${message}\n`);
  return 1;
}
