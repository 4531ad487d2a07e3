import type { ElasticsearchConfig } from '../../../exporters/elasticsearch/config.ts';
import { BulkEncoder } from '../../../exporters/elasticsearch/encode.ts';
import { systemClock } from '../../../internal/core/clock.ts';
import type { Previewer } from './previewer.ts';

/** The body of the bulk request: for each document a line with its index and id, and the document. */
export const previewer: Previewer = {
  exporter: 'elasticsearch',
  signals: ['traces', 'metrics', 'logs'],
  needed: { endpoint: 'http://localhost:9200' },
  *lines(batches, config, note) {
    let withoutValue = 0;
    for (const batch of batches) {
      const encoder = new BulkEncoder(config as ElasticsearchConfig, batch.signal, systemClock.now, 0);
      encoder.encode(batch, undefined, () => withoutValue++);
      const { out, refused } = encoder.bulk;
      for (const line of out.buf.toString('utf8', 0, out.pos).split('\n')) if (line !== '') yield line;
      for (const { item, reason } of refused)
        note(`item ${item} of a batch of ${batch.signal} has no document: ${reason}`);
    }
    if (withoutValue > 0) note(`${withoutValue} data points without a value have no document`);
  },
};
