import { object } from '../../internal/config/fields.ts';
import { defineConnector } from '../../internal/core/component.ts';
import { permanent } from '../../internal/core/outcome.ts';

export default defineConnector({
  type: 'forward',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Joins pipelines: passes what one pipeline ends with to others of the same signal',
  schema: object({}),
  create: (_settings, _config, { all }) => ({
    consume: (batch, ctx) =>
      all[batch.signal]?.consume(batch, ctx) ??
      Promise.resolve(permanent('unimplemented', `forward leads to no ${batch.signal} pipeline`)),
  }),
});
