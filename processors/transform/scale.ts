import type { Cursor } from '../../internal/otlp/view/cursor.ts';
import { Fields } from '../../internal/otlp/view/fields.ts';
import type { MetricData } from '../../internal/otlp/view/metric.ts';
import { type DataPoint, HistogramPoint, NumberPoint } from '../../internal/otlp/view/point.ts';
import { doubleAt, sfixed64At } from '../../internal/otlp/wire.ts';
import { Writer } from '../../internal/otlp/writer.ts';

/** What is done to a field: its value times the multiplier, as a double, as an int, or by the fields of the message in it. */
type Plan = Readonly<Record<number, 'double' | 'int' | 'doubles' | { readonly inside: Plan }>>;

const exemplar: Plan = { 3: 'double', 6: 'int' };
const numberPoint: Plan = { 4: 'double', 6: 'int' };
const histogramPoint: Plan = { 5: 'double', 7: 'doubles', 8: { inside: exemplar }, 11: 'double', 12: 'double' };
const summaryPoint: Plan = { 5: 'double', 6: { inside: { 2: 'double' } } };

/** The data of a metric with every value multiplied; exemplars too for histograms, as upstream. */
export function scaleData(data: MetricData<DataPoint>, by: number): Uint8Array {
  const first = data.points.next();
  const plan =
    first instanceof NumberPoint ? numberPoint : first instanceof HistogramPoint ? histogramPoint : summaryPoint;
  return scaled(data, { 1: { inside: plan } }, by);
}

function scaled({ buf, start, end }: Pick<Cursor, 'buf' | 'start' | 'end'>, plan: Plan, by: number): Uint8Array {
  const out = new Writer(end - start + 16);
  const fields = new Fields().reset(buf, start, end);
  while (fields.next()) {
    const number = fields.tag >>> 3;
    const what = plan[number];
    if (what === undefined) out.range(buf, fields.at, fields.to);
    else if (what === 'double') out.double(number, doubleAt(buf, fields.from) * by);
    else if (what === 'int') out.fixed64(number, truncated(Number(sfixed64At(buf, fields.from)) * by));
    else if (what !== 'doubles')
      out.bytes(number, scaled({ buf, start: fields.from, end: fields.to }, what.inside, by));
    else if ((fields.tag & 7) === 1) out.double(number, doubleAt(buf, fields.from) * by);
    else {
      const packed = out.open(number);
      for (let at = fields.from; at + 8 <= fields.to; at += 8) out.packedDouble(doubleAt(buf, at) * by);
      out.close(packed);
    }
  }
  return out.finish();
}

/** As Go does on amd64: what does not fit becomes the least int64. */
function truncated(value: number): bigint {
  return Number.isFinite(value) && Math.abs(value) < 2 ** 63 ? BigInt(Math.trunc(value)) : -(2n ** 63n);
}
