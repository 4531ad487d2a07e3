import { preview } from '../../../exporters/jaeger/preview.ts';
import type { Previewer } from './previewer.ts';

/** A line for each span, as Jaeger's query API would show it. */
export const previewer: Previewer = {
  exporter: 'jaeger',
  signals: ['traces'],
  needed: {},
  *lines(batches) {
    for (const batch of batches) for (const span of preview(batch)) yield JSON.stringify(span);
  },
};
