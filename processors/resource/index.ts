import { z } from 'zod';
import { actionSchema } from '../../internal/attributes/action_config.ts';
import { Actions } from '../../internal/attributes/actions.ts';
import { object } from '../../internal/config/fields.ts';
import { defineProcessor, type Settings } from '../../internal/core/component.ts';
import { type BatchContext, type Consumer, noContext } from '../../internal/core/consumer.ts';
import { AttributeList } from '../../internal/otlp/attributes/list.ts';
import type { Patch } from '../../internal/otlp/patch.ts';
import type { Payload } from '../../internal/otlp/payload.ts';
import { rewriteLogs, rewriteMetrics, rewriteSpans, Tools } from '../../internal/otlp/rewrite.ts';
import type { ResourceGroup } from '../../internal/otlp/view/resource.ts';

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/resourceprocessor/README.md */
const schema = object({
  attributes: z
    .array(actionSchema)
    .min(1, 'expected at least one action')
    .describe('Actions on the resource’s attributes, carried out in this order.'),
});

/** Field number of Resource.attributes. */
const resourceAttributes = 1;

function create({ signal }: Settings, config: z.output<typeof schema>, next: Consumer): Consumer {
  const actions = new Actions(config.attributes, resourceAttributes);
  const list = new AttributeList();
  let current: BatchContext = noContext;
  const visitor = {
    resource: ({ resource }: ResourceGroup, patch: Patch) => {
      actions.apply(actions.read(list, resource), current);
      if (list.changed) list.write(patch);
    },
  };
  const options = { tools: new Tools() };
  const rewrite = { traces: rewriteSpans, logs: rewriteLogs, metrics: rewriteMetrics }[signal ?? 'traces'];
  return {
    consume: (batch: Payload, ctx: BatchContext) => {
      current = ctx;
      return next.consume(rewrite(batch, visitor, options), ctx);
    },
  };
}

export default defineProcessor({
  type: 'resource',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Inserts, updates, deletes, hashes, extracts and converts attributes of resources',
  schema,
  create,
});
