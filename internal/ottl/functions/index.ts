import { define, type FunctionTable } from '../args.ts';
import type { Context } from '../scene.ts';
import { collectionConverters } from './collections.ts';
import { editors } from './editors.ts';
import { hashConverters } from './hashes.ts';
import { networkConverters } from './network.ts';
import { parsers } from './parsers.ts';
import { stringConverters } from './strings.ts';
import { timeConverters } from './times.ts';
import { typeConverters } from './types.ts';

const converters: FunctionTable = {
  ...typeConverters,
  ...stringConverters,
  ...timeConverters,
  ...hashConverters,
  ...collectionConverters,
  ...parsers,
  ...networkConverters,
};

const spanConverters: FunctionTable = {
  IsRootSpan: define('', () => (scene) => {
    const { parentSpanId } = scene.spanFields;
    return parentSpanId.length === 0 || parentSpanId.every((byte) => byte === 0);
  }),
};

/** The converters that may be used in a context. */
export function convertersOf(context: Context): FunctionTable {
  return context === 'span' ? { ...converters, ...spanConverters } : converters;
}

/** The editors of every context. */
export { editors };
