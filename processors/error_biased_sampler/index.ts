import { defineProcessor } from '../../internal/core/component.ts';
import { mannerOf, schema } from './config.ts';
import { Head } from './head.ts';
import { Tail } from './tail.ts';

export default defineProcessor({
  type: 'error_biased_sampler',
  signals: ['traces', 'logs'],
  stability: 'beta',
  summary: 'Keeps errors, unusually slow and rare ones, and a fair share of the rest, within a budget',
  schema,
  create: (settings, config, next) =>
    mannerOf(config, settings.signal).buffered ? new Tail(settings, config, next) : new Head(settings, config, next),
});
