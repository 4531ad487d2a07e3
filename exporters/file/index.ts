import { defineExporter, type Settings } from '../../internal/core/component.ts';
import { exporter } from '../../internal/exporterhelper/index.ts';
import { type FileConfig, schema } from './config.ts';
import { FileSender } from './sender.ts';
import { SharedWriter } from './shared.ts';

/** Belongs to the configuration values, not to this module: nothing outlives the collector that holds them. */
const writers = new WeakMap<FileConfig, SharedWriter>();

function sharedWriter(settings: Settings, config: FileConfig): SharedWriter {
  const known = writers.get(config);
  if (known) return known;
  const writer = new SharedWriter(config, () => settings.clock.now());
  writers.set(config, writer);
  return writer;
}

export default defineExporter<FileConfig>({
  type: 'file',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Writes OTLP to a file: JSON lines, or protobuf with its length in front',
  schema,
  create: (settings, config) =>
    exporter(settings, config, new FileSender(settings, config, sharedWriter(settings, config))),
});
