import type { Payload } from '../../../internal/otlp/payload.ts';
import { compare, paired } from '../short/compare.ts';
import type { Frame } from '../short/frame.ts';
import { worthShowing } from '../short/record.ts';
import { allKinds, type Kind } from '../short/specs.ts';
import { fromPayload, itemsIn } from '../short/telemetry.ts';
import { differenceLines, type Line, recordLines, titleOf } from '../short/text.ts';
import { type Fields, textOf } from '../short/values.ts';
import type { Counted, Expectation } from './expectation.ts';
import type { Case } from './file.ts';
import type { Came } from './run.ts';

/** One thing that is not as expected. */
export interface Failure {
  readonly title: string;
  readonly lines: readonly Line[];
}

/** Records of each kind, in the order in which they came. */
type Records = ReadonlyMap<Kind, readonly Fields[]>;

/** Records that are shown in full at most; the rest is counted. */
const maxShown = 5;

export function judge(one: Case, came: Came): Failure[] {
  const sent = recordsOf(came.sent, one.frame);
  return one.expectations.flatMap((expectation) => {
    const { exporter } = expectation;
    const arrived = came.arrived.filter((each) => (exporter === undefined ? each.isFirst : each.exporter === exporter));
    const got = recordsOf(
      arrived.map(({ batch }) => batch),
      one.frame,
    );
    return [
      ...refusals(expectation, came),
      ...expectation.lists.flatMap(({ kind, records }) =>
        listFailures(kind, records, got.get(kind)!, expectation.exact),
      ),
      ...countFailures(expectation, sent, got),
      ...traceFailures(expectation, got),
      ...rateFailures(expectation, sent, got),
      ...patternFailures(expectation, got),
    ];
  });
}

function recordsOf(batches: readonly Payload[], frame: Frame): Records {
  return new Map(
    allKinds.map((kind) => [
      kind,
      batches.filter(({ signal }) => signal === kind.signal).flatMap((batch) => fromPayload(batch, frame)),
    ]),
  );
}

function plainly(title: string): Failure {
  return { title, lines: [] };
}

function within(value: number, [least, most]: readonly [number, number]): boolean {
  return value >= least && value <= most;
}

function rangeText([least, most]: readonly [number, number]): string {
  if (least === most) return String(least);
  return most === Number.POSITIVE_INFINITY ? `at least ${least}` : `${least} to ${most}`;
}

function refusals({ refused }: Expectation, came: Came): Failure[] {
  if (within(came.refused, refused)) return [];
  const why = came.refusal === undefined ? '' : `: ${came.refusal}`;
  return [plainly(`refused batches: expected ${rangeText(refused)}, got ${came.refused}${why}`)];
}

function listFailures(kind: Kind, expected: readonly Fields[], came: readonly Fields[], exact: boolean): Failure[] {
  const failures: Failure[] = [];
  for (const pair of paired(expected, came, exact)) {
    if (!pair.came) {
      failures.push({
        title: `${kind.list}[${pair.index}]: expected a ${kind.one} that did not come`,
        lines: recordLines(kind, pair.expected!).map((text) => ({ sign: '-', text })),
      });
    } else if (!pair.expected) {
      failures.push({
        title: `a ${kind.one} came that was not expected`,
        lines: recordLines(kind, pair.came).map((text) => ({ sign: '+', text })),
      });
    } else {
      const lines = differenceLines(kind, pair.expected, pair.came, exact);
      if (lines.length > 0) failures.push({ title: `${kind.list}[${pair.index}] ${titleOf(pair.came)}`, lines });
    }
  }
  if (failures.length <= maxShown) return failures;
  return [...failures.slice(0, maxShown), plainly(`${kind.list}: ${failures.length - maxShown} more that differ`)];
}

function count(of: Counted, records: Records): number {
  if (of === 'traces') return traces(records).size;
  const kind = allKinds.find(({ list }) => list === (of === 'points' ? 'metrics' : of))!;
  return of === 'points' ? itemsIn(kind, records.get(kind)!) : records.get(kind)!.length;
}

function items(records: Records): number {
  return [...records].reduce((sum, [kind, of]) => sum + itemsIn(kind, of), 0);
}

function traces(records: Records): ReadonlySet<string> {
  const spans = [...records].find(([kind]) => kind.one === 'span')![1];
  return new Set(spans.map((span) => String(span.get('trace'))));
}

function countFailures({ counts, dropped }: Expectation, sent: Records, got: Records): Failure[] {
  const failures: Failure[] = [];
  for (const [of, wanted] of counts) {
    const number = count(of, got);
    if (!within(number, wanted)) failures.push(plainly(`${of}: expected ${rangeText(wanted)}, got ${number}`));
  }
  const lost = items(sent) - items(got);
  if (dropped && !within(lost, dropped)) {
    failures.push(plainly(`dropped items: expected ${rangeText(dropped)}, got ${lost}`));
  }
  return failures;
}

function traceFailures({ sampled, notSampled }: Expectation, got: Records): Failure[] {
  const kept = traces(got);
  return [
    ...sampled
      .filter((name) => !kept.has(name))
      .map((name) => plainly(`trace ${name}: expected to be sampled, was not`)),
    ...notSampled
      .filter((name) => kept.has(name))
      .map((name) => plainly(`trace ${name}: expected not to be sampled, was`)),
  ];
}

function rateFailures({ rate }: Expectation, sent: Records, got: Records): Failure[] {
  if (!rate) return [];
  const { of, is, tolerance } = rate;
  const [before, after] = [count(of, sent), count(of, got)];
  const share = before === 0 ? Number.NaN : after / before;
  if (Math.abs(share - is) <= tolerance) return [];
  return [
    plainly(`rate of ${of}: expected ${is} within ${tolerance}, got ${share.toFixed(4)} (${after} of ${before})`),
  ];
}

function patternFailures({ has, none }: Expectation, got: Records): Failure[] {
  const failures: Failure[] = [];
  for (const { kind, record } of has) {
    const records = got.get(kind)!;
    if (records.some((came) => compare(record, came, false).length === 0)) continue;
    const lines: Line[] = [
      { sign: '-', text: textOf(record) },
      ...records.slice(0, maxShown).map((came): Line => ({ sign: '+', text: textOf(worthShowing(kind.spec, came)) })),
    ];
    failures.push({ title: `has: no ${kind.one} of ${records.length} is like this`, lines });
  }
  for (const { kind, record } of none) {
    const like = got.get(kind)!.filter((came) => compare(record, came, false).length === 0);
    if (like.length === 0) continue;
    const lines = like
      .slice(0, maxShown)
      .map((came): Line => ({ sign: '+', text: textOf(worthShowing(kind.spec, came)) }));
    failures.push({ title: `none: ${like.length} came that are like ${textOf(record)}`, lines });
  }
  return failures;
}
