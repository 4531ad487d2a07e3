import { Payload } from '../../internal/otlp/payload.ts';
import { walkLogs, walkSpans } from '../../internal/otlp/view/walk.ts';
import { LEN } from '../../internal/otlp/wire.ts';
import type { Grouping } from './grouping.ts';

const RECORD = (2 << 3) | LEN;

/** Spans or log records under the resources where they belong; the batch itself where they are there already. */
export function recordsGrouped(batch: Payload, grouping: Grouping): Payload {
  const walk = batch.signal === 'traces' ? walkSpans(batch) : walkLogs(batch);
  while (walk.nextResource()) {
    grouping.enterResource(walk.resource);
    while (walk.nextScope()) {
      grouping.enterScope(walk.scope);
      while (walk.nextRecord()) {
        const { record, buf, at, end } = walk;
        const moves = grouping.find(record.attributes);
        grouping.place().records.push(moves ? grouping.stripped(RECORD, record) : buf.subarray(at, end));
      }
    }
  }
  if (grouping.moved === 0 && !grouping.groups.merged) return batch;
  for (const chunk of batch.chunks) grouping.addRest(chunk);
  const bytes = grouping.groups.finish(batch.byteLength);
  return new Payload(batch.signal, [bytes], batch.itemCount, bytes.length);
}
