import { define, type FunctionTable } from '../args.ts';
import type { Context } from '../scene.ts';
import { hashConverters } from './hashes.ts';
import { stringConverters } from './strings.ts';
import { timeConverters } from './times.ts';
import { typeConverters } from './types.ts';

const converters: FunctionTable = { ...typeConverters, ...stringConverters, ...timeConverters, ...hashConverters };

const spanConverters: FunctionTable = {
  IsRootSpan: define('', () => (scene) => {
    const { parentSpanId } = scene.span;
    return parentSpanId.length === 0 || parentSpanId.every((byte) => byte === 0);
  }),
};

/** The converters that may be used in a context. */
export function convertersOf(context: Context): FunctionTable {
  return context === 'span' || context === 'spanevent' ? { ...converters, ...spanConverters } : converters;
}
