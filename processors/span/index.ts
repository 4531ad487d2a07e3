import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { SpanProcessor } from './span.ts';

export default defineProcessor({
  type: 'span',
  signals: ['traces'],
  stability: 'beta',
  summary: 'Makes span names of attributes and attributes of span names, and sets the status',
  schema,
  create: (_settings, config, next) => new SpanProcessor(config, next),
});
