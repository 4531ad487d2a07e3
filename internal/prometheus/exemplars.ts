import type { Messages } from '../otlp/view/cursor.ts';
import type { Exemplar } from '../otlp/view/point.ts';
import { AttributeList } from './attributes.ts';
import { Scratch } from './bytes.ts';
import type { LabelNames } from './labels.ts';
import type { ExemplarData } from './series.ts';
import { milliseconds } from './times.ts';

/** Names and values of all labels together: https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#exemplars */
const maxRunes = 128;

/**
 * The exemplars of a point, oldest first. Other attributes than the ids are left out, all of them, where there is no room.
 * @param otherwiseMs the time of one that has none
 */
export function exemplarsOf(list: Messages<Exemplar>, otherwiseMs: number, names: LabelNames): ExemplarData[] {
  const found: ExemplarData[] = [];
  for (let exemplar = list.next(); exemplar; exemplar = list.next()) {
    if (exemplar.value === undefined) continue;
    const timeMs = milliseconds(exemplar.buf, exemplar.valueStart(2)) || otherwiseMs;
    found.push({ labels: labelsOf(exemplar, names), value: Number(exemplar.value), timeMs });
  }
  return found.sort((a, b) => a.timeMs - b.timeMs);
}

function labelsOf(exemplar: Exemplar, names: LabelNames): [string, string][] {
  const ids = new Map<string, string>();
  for (const [name, id] of [
    ['trace_id', exemplar.traceId],
    ['span_id', exemplar.spanId],
  ] as const) {
    if (id.some((byte) => byte !== 0)) ids.set(name, Buffer.from(id).toString('hex'));
  }
  const labels = new Map(ids);
  const attributes = new AttributeList(new Scratch());
  const first = exemplar.firstTag(7);
  attributes.read(exemplar.buf, Math.max(0, first), first < 0 ? 0 : exemplar.valueEnd(7), 7);
  for (let i = 0; i < attributes.count; i++) {
    const name = names.of(attributes.key(i))?.text;
    if (name !== undefined && !labels.has(name)) labels.set(name, attributes.text(i));
  }
  let runes = 0;
  for (const [name, value] of labels) runes += [...name].length + [...value].length;
  return [...(runes <= maxRunes ? labels : ids)].sort(([a], [b]) => (a < b ? -1 : 1));
}
