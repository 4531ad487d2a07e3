import { encodeField } from '../../internal/otlp/attributes/encode.ts';
import type { Metric } from '../../internal/otlp/view/metric.ts';
import type { DataPoint, SummaryPoint } from '../../internal/otlp/view/point.ts';
import { Writer } from '../../internal/otlp/writer.ts';
import {
  type Args,
  type Context,
  defineFunction,
  type FunctionTable,
  failStatement,
  pointConverters,
  type Scene,
} from '../../internal/ottl/index.ts';
import { logFunctions } from './log_functions.ts';
import { scaleData } from './scale.ts';

/** Field numbers of the members of Metric.data, and of what a metric begins with. */
const GAUGE = 5;
const SUM = 7;
const SUMMARY = 11;
const dataFields = [5, 7, 9, 10, 11];
const NAME = 1;
const DESCRIPTION = 2;
const UNIT = 3;
/** Of NumberDataPoint. */
const POINT_ATTRIBUTES = 7;

/** What upstream's transform processor adds to the functions that statements of a context may use. */
export function functionsOf(context: Context): FunctionTable {
  if (context === 'log') return logFunctions;
  return context === 'metric' ? metricFunctions : context === 'datapoint' ? addingFunctions : {};
}

/** The same for conditions. */
export function conditionFunctionsOf(context: Context): FunctionTable {
  if (context === 'log') return logFunctions;
  return context === 'metric' ? pointConverters : {};
}

const metricFunctions: FunctionTable = {
  convert_sum_to_gauge: defineFunction('', () => (scene) => {
    const { metric } = scene;
    if (metric.dataField === SUM) setData(scene, GAUGE, (out) => writePoints(out, metric));
    return undefined;
  }),
  convert_gauge_to_sum: defineFunction('string_agg_temp, monotonic', (args) => {
    const temporality = temporalityOf(args);
    const monotonic = args.literalBool('monotonic')!;
    return (scene) => {
      const { metric } = scene;
      if (metric.dataField === GAUGE) {
        setData(scene, SUM, (out) => {
          writePoints(out, metric);
          writeSum(out, temporality, monotonic);
        });
      }
      return undefined;
    };
  }),
  copy_metric: defineFunction('name?, description?, unit?', (args) => {
    const texts = [NAME, DESCRIPTION, UNIT].map((field, i) => {
      const name = ['name', 'description', 'unit'][i]!;
      return args.has(name) ? ([field, args.text(name)] as const) : undefined;
    });
    return (scene) => {
      const { metric } = scene;
      const out = new Writer(metric.end - metric.start + 64);
      out.range(metric.buf, metric.start, metric.end);
      // The last of a text that is there twice counts.
      for (const text of texts) if (text) out.string(text[0], text[1](scene));
      scene.added.push(out.finish());
      return undefined;
    };
  }),
  scale_metric: defineFunction('multiplier, unit?', (args) => {
    const multiplier = args.literalDouble('multiplier')!;
    const unit = args.has('unit') ? args.text('unit') : undefined;
    return (scene) => {
      const { dataField } = scene.metric;
      if (dataField === 0) failStatement('a metric without data cannot be scaled');
      if (dataField === 10) failStatement('exponential histograms cannot be scaled');
      const said = unit?.(scene);
      const scaled = scaleData(scene.metric.data!, multiplier);
      replace(scene, dataField, (out) => out.bytes(dataField, scaled));
      if (said !== undefined) replace(scene, UNIT, (out) => out.string(UNIT, said));
      return undefined;
    };
  }),
  extract_count_metric: defineFunction('monotonic, suffix?', (args) =>
    extracted(args, '_count', true, (point) => ('count' in point ? (point.count as bigint) : undefined)),
  ),
  convert_summary_quantile_val_to_gauge: defineFunction('attribute_key?, suffix?', (args) => {
    const key = Buffer.from(args.literalText('attribute_key') ?? 'quantile');
    const suffix = args.literalText('suffix') ?? '.quantiles';
    return (scene) => {
      if (scene.metric.dataField === SUMMARY) addQuantiles(scene, key, suffix);
      return undefined;
    };
  }),
  extract_sum_metric: defineFunction('monotonic, suffix?', (args) =>
    extracted(args, '_sum', false, (point) => ('sum' in point ? (point.sum as number | undefined) : undefined)),
  ),
};

const addingFunctions: FunctionTable = {
  convert_summary_count_val_to_sum: defineFunction('string_agg_temp, monotonic, suffix?', (args) =>
    fromSummary(args, '_count', (point) => point.count),
  ),
  convert_summary_sum_val_to_sum: defineFunction('string_agg_temp, monotonic, suffix?', (args) =>
    fromSummary(args, '_sum', (point) => point.sum),
  ),
};

function temporalityOf(args: Args): number {
  const text = args.literalText('string_agg_temp')!;
  if (text !== 'delta' && text !== 'cumulative') args.refuse('string_agg_temp', 'expected "delta" or "cumulative"');
  return text === 'delta' ? 1 : 2;
}

function fromSummary(args: Args, ending: string, value: (point: SummaryPoint) => bigint | number) {
  const temporality = temporalityOf(args);
  const monotonic = args.literalBool('monotonic')!;
  const suffix = args.literalText('suffix') ?? ending;
  return (scene: Scene) => {
    const { metric } = scene;
    if (metric.dataField === SUMMARY) {
      addSum(scene, { suffix, unit: metric.unit, temporality, monotonic }, (point) => value(point as SummaryPoint));
    }
    return undefined;
  };
}

/** A sum of what each data point counted or added up. */
function extracted(
  args: Args,
  ending: string,
  count: boolean,
  value: (point: DataPoint) => bigint | number | undefined,
) {
  const monotonic = args.literalBool('monotonic')!;
  const suffix = args.literalText('suffix') ?? ending;
  return (scene: Scene) => {
    const { metric } = scene;
    const temporality =
      metric.dataField === SUMMARY ? 2 : metric.dataField >= 9 ? metric.data!.aggregationTemporality : 0;
    if (temporality === 0) failStatement('expected a histogram or summary with an aggregation temporality');
    addSum(scene, { suffix, unit: count ? '1' : metric.unit, temporality, monotonic }, value);
    return undefined;
  };
}

interface NewSum {
  readonly suffix: string;
  readonly unit: string;
  readonly temporality: number;
  readonly monotonic: boolean;
}

function addSum(scene: Scene, sum: NewSum, value: (point: DataPoint) => bigint | number | undefined): void {
  const { metric } = scene;
  const out = new Writer(512);
  writeHead(out, metric.name + sum.suffix, metric.description, sum.unit);
  const data = out.open(SUM);
  let points = 0;
  const list = metric.data!.points;
  for (let point = list.next(); point; point = list.next()) {
    const said = value(point);
    if (said === undefined) continue;
    points++;
    const start = out.open(1);
    writeTimes(out, point);
    if (typeof said === 'bigint') out.fixed64(6, said);
    else out.double(4, said);
    writeAttributes(out, point);
    out.close(start);
  }
  writeSum(out, sum.temporality, sum.monotonic);
  out.close(data);
  if (points > 0) scene.added.push(out.finish());
}

/** A gauge with a point for each quantile of each point. */
function addQuantiles(scene: Scene, key: Uint8Array, suffix: string): void {
  const { metric } = scene;
  const out = new Writer(512);
  writeHead(out, metric.name + suffix, metric.description, metric.unit);
  const data = out.open(GAUGE);
  const list = metric.summary.points;
  for (let point = list.next(); point; point = list.next()) {
    const quantiles = point.quantileValues;
    for (let quantile = quantiles.next(); quantile; quantile = quantiles.next()) {
      const start = out.open(1);
      writeTimes(out, point);
      out.double(4, quantile.value);
      const label = new Writer(16);
      label.double(4, quantile.quantile);
      writeAttributes(out, point, encodeField(POINT_ATTRIBUTES, key, label.finish()).bytes, key);
      out.close(start);
    }
  }
  out.close(data);
  scene.added.push(out.finish());
}

function writeHead(out: Writer, name: string, description: string, unit: string): void {
  out.string(NAME, name);
  if (description !== '') out.string(DESCRIPTION, description);
  if (unit !== '') out.string(UNIT, unit);
}

function writeTimes(out: Writer, point: DataPoint): void {
  if (point.startTimeUnixNano !== 0n) out.fixed64(2, point.startTimeUnixNano);
  if (point.timeUnixNano !== 0n) out.fixed64(3, point.timeUnixNano);
}

/** The point's own, with `more` in the place of the first that has its key, or at the end. */
function writeAttributes(out: Writer, { attributes }: DataPoint, more?: Uint8Array, key?: Uint8Array): void {
  let rest = more;
  for (let pair = attributes.next(); pair; pair = attributes.next()) {
    if (rest && pair.keyIs(key!)) {
      out.raw(rest);
      rest = undefined;
    } else out.bytes(POINT_ATTRIBUTES, pair.buf.subarray(pair.start, pair.end));
  }
  if (rest) out.raw(rest);
}

function writeSum(out: Writer, temporality: number, monotonic: boolean): void {
  out.varint(2, temporality);
  if (monotonic) out.varint(3, 1);
}

function writePoints(out: Writer, metric: Metric): void {
  const list = metric.data!.points;
  for (let point = list.next(); point; point = list.next()) out.bytes(1, point.buf.subarray(point.start, point.end));
}

/** Puts the data of another kind in the place of what there was. */
function setData(scene: Scene, field: number, write: (out: Writer) => void): void {
  const out = new Writer(scene.metric.end - scene.metric.start + 16);
  const start = out.open(field);
  write(out);
  out.close(start);
  for (const other of dataFields)
    if (other !== field) scene.draftFor(scene.metric).replace(scene.metric, other, undefined);
  scene.draftFor(scene.metric).replace(scene.metric, field, out);
}

function replace(scene: Scene, field: number, write: (out: Writer) => void): void {
  scene.draftFor(scene.metric).replace(scene.metric, field, scene.write(write));
}
