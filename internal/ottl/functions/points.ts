import type { Metric } from '../../otlp/view/metric.ts';
import { define, type FunctionTable } from '../args.ts';

/** What upstream's filter, and the conditions of its transform, add to the converters of metrics. */
export const pointConverters: FunctionTable = {
  HasAttrKeyOnDatapoint: define('key', (args) => {
    const key = Buffer.from(args.literalText('key')!);
    return ({ metric }) => firstWith(metric, key) !== undefined;
  }),
  HasAttrOnDatapoint: define('key, expected_val', (args) => {
    const key = Buffer.from(args.literalText('key')!);
    const wanted = args.literalText('expected_val')!;
    // A value that is no string counts as the empty one, as upstream.
    return ({ metric }) => firstWith(metric, key) === wanted;
  }),
};

/** The text of the attribute in the first data point that has it. */
function firstWith(metric: Metric, key: Uint8Array): string | undefined {
  const points = metric.data?.points;
  for (let point = points?.next(); point; point = points!.next()) {
    const found = point.attributes.find(key);
    if (found) return found.value.kind === 'string' ? found.value.stringValue : '';
  }
  return undefined;
}
