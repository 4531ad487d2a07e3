import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { LogDedup } from './logs.ts';
import { SpanDedup } from './spans.ts';

export default defineProcessor({
  type: 'logdedup',
  aliases: ['log_dedup'],
  signals: ['logs', 'traces'],
  stability: 'alpha',
  summary: 'Merges log records that say the same within an interval, and counts them; leaves out repeated spans',
  schema,
  create: (settings, config, next) =>
    settings.signal === 'traces' ? new SpanDedup(settings, config, next) : new LogDedup(settings, config, next),
});
