import { defineProcessor } from '../../internal/core/component.ts';
import { schema } from './config.ts';
import { MemoryLimiter } from './limiter.ts';
import { processMemory } from './memory.ts';

export default defineProcessor({
  type: 'memory_limiter',
  signals: ['traces', 'metrics', 'logs'],
  stability: 'beta',
  summary: 'Refuses data for now while the process uses too much memory',
  schema,
  create: (settings, config, next) => new MemoryLimiter(settings, config, next, processMemory),
});
