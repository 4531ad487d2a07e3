import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { Redaction } from './redaction.ts';

export default defineProcessor({
  type: 'redaction',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Removes attributes that are not allowed, and masks what matches a pattern in the values of the others',
  schema,
  create: (settings, config, next) => new Redaction(settings, config, next),
});
