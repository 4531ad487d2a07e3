import type { RemoteWriteConfig } from '../../../exporters/prometheus_remote_write/config.ts';
import { preview } from '../../../exporters/prometheus_remote_write/preview.ts';
import { systemClock } from '../../../internal/core/clock.ts';
import type { ListedSeries } from '../../../internal/prometheus/listing.ts';
import type { Previewer } from './previewer.ts';

/** Series in the form of Prometheus's text format, under their family. */
export const previewer: Previewer = {
  exporter: 'prometheus_remote_write',
  signals: ['metrics'],
  needed: { endpoint: 'http://localhost:9090/api/v1/write' },
  *lines(batches, config, note) {
    const { series, skipped } = preview(batches, config as RemoteWriteConfig, systemClock);
    let family = '';
    for (const one of series) {
      const described = describe(one);
      if (described !== family) yield described;
      family = described;
      yield seriesLine(one);
    }
    for (const [reason, points] of skipped) note(`${points} data points would become no series: ${reason}`);
  },
};

function describe({ type, unit, help }: ListedSeries): string {
  return `# ${[`type ${type}`, unit && `unit ${unit}`, help && `help ${JSON.stringify(help)}`].filter(Boolean).join(', ')}`;
}

function seriesLine({ name, labels, value, histogram, stale, timeMs, exemplars }: ListedSeries): string {
  const pairs = labels.map(([label, text]) => `${quoted(label)}=${JSON.stringify(text)}`);
  const plain = /^[a-zA-Z_:][\w:]*$/.test(name);
  const head = plain ? name : '';
  const all = plain ? pairs : [JSON.stringify(name), ...pairs];
  const shown = stale ? 'stale' : histogram ? JSON.stringify(histogram, exact) : String(value);
  const marked = exemplars.length > 0 ? ` # exemplars ${JSON.stringify(exemplars, exact)}` : '';
  return `${head}${all.length > 0 ? `{${all.join(',')}}` : ''} ${shown} ${timeMs}${marked}`;
}

/** A label name of UTF-8 stands in quotes: https://prometheus.io/docs/guides/utf8/ */
function quoted(label: string): string {
  return /^[a-zA-Z_]\w*$/.test(label) ? label : JSON.stringify(label);
}

function exact(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
