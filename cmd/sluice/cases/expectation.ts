import type { Node } from '../../../internal/config/tree.ts';
import type { Mode, Reading } from '../short/reading.ts';
import { readRecord } from '../short/record.ts';
import { allKinds, type Kind } from '../short/specs.ts';
import type { Fields } from '../short/values.ts';

export const counted = ['spans', 'logs', 'metrics', 'points', 'traces'] as const;
export type Counted = (typeof counted)[number];

export interface Pattern {
  readonly kind: Kind;
  readonly record: Fields;
}

/** What a case expects of what came out. */
export class Expectation {
  /** Whose output; undefined: what the first exporter of each pipeline got. */
  exporter: string | undefined;
  /** Records have no fields but those that are expected. */
  exact = false;
  /** All that comes out of a kind, in this order. */
  readonly lists: { readonly kind: Kind; readonly records: readonly Fields[] }[] = [];
  readonly counts = new Map<Counted, readonly [least: number, most: number]>();
  /** Items that went in and did not come out. */
  dropped: readonly [number, number] | undefined;
  /** Batches that the pipeline refused. */
  refused: readonly [number, number] = [0, 0];
  readonly sampled: string[] = [];
  readonly notSampled: string[] = [];
  rate: { of: Counted; is: number; tolerance: number } | undefined;
  readonly has: Pattern[] = [];
  readonly none: Pattern[] = [];
}

export function readExpectations(node: Node, at: Reading): Expectation[] {
  if (node.kind === 'list') return node.items.map((item, i) => readExpectation(item, at.in(i)));
  return [readExpectation(node, at)];
}

function readExpectation(node: Node, at: Reading): Expectation {
  const to = new Expectation();
  const said = node.kind === 'map' ? node.entries.get('match')?.value : undefined;
  const match = said?.kind === 'scalar' ? said.value : undefined;
  to.exact = match === 'exact';
  const mode: Mode = to.exact ? 'exact' : 'subset';
  at.keys(node, 'a map such as { spans: […] } or { counts: { spans: 2 } }', {
    match: (value, place) => {
      if (match !== 'exact' && match !== 'subset') place.wrong(value, 'expected exact or subset');
    },
    exporter: (value, place) => {
      to.exporter = place.text(value, "an exporter's id");
    },
    counts: (value, place) => {
      const readers = counted.map((name) => [
        name,
        (one: Node, of: Reading) => void to.counts.set(name, range(one, of)),
      ]);
      place.keys(value, 'a map such as { spans: 2 }', Object.fromEntries(readers));
    },
    dropped: (value, place) => {
      to.dropped = range(value, place);
    },
    refused: (value, place) => {
      to.refused = range(value, place);
    },
    sampled: (value, place) => names(value, place, to.sampled),
    not_sampled: (value, place) => names(value, place, to.notSampled),
    rate: (value, place) => {
      to.rate = readRate(value, place);
    },
    has: (value, place) => patterns(value, place, to.has),
    none: (value, place) => patterns(value, place, to.none),
    ...Object.fromEntries(allKinds.map((kind) => [kind.list, listReader(kind, mode, to)])),
  });
  return to;
}

function listReader(kind: Kind, mode: Mode, to: Expectation) {
  return (value: Node, place: Reading) => {
    const items = place.list(value, `a list of ${kind.list}, [] for none`)?.items ?? [];
    const records = items.flatMap(
      (item, i) => readRecord(kind.spec, item, place.in(i).as(mode), `a ${kind.one}`) ?? [],
    );
    to.lists.push({ kind, records });
  };
}

/** A number, or `{ min, max }`. */
function range(node: Node, at: Reading): readonly [number, number] {
  const whole = (value: Node, place: Reading): number => {
    const number = value.kind === 'scalar' && typeof value.value === 'number' ? value.value : Number.NaN;
    if (!Number.isInteger(number) || number < 0) place.wrong(value, 'expected a whole number, or { min: 1, max: 3 }');
    return number;
  };
  if (node.kind !== 'map') {
    const number = whole(node, at);
    return [number, number];
  }
  let least = 0;
  let most = Number.POSITIVE_INFINITY;
  at.keys(node, 'a number', {
    min: (value, place) => {
      least = whole(value, place);
    },
    max: (value, place) => {
      most = whole(value, place);
    },
  });
  return [least, most];
}

function names(node: Node, at: Reading, to: string[]): void {
  for (const [i, item] of (at.list(node, 'a list of names of traces')?.items ?? []).entries()) {
    if (item.kind === 'scalar' && item.value !== null) to.push(String(item.value));
    else at.in(i).wrong(item, 'expected the name of a trace');
  }
}

function readRate(node: Node, at: Reading): Expectation['rate'] {
  const rate = { of: 'traces' as Counted, is: Number.NaN, tolerance: 0.05 };
  const share = (value: Node, place: Reading): number => {
    const number = value.kind === 'scalar' && typeof value.value === 'number' ? value.value : -1;
    if (number < 0 || number > 1) place.wrong(value, 'expected a share from 0 to 1');
    return number;
  };
  if (node.kind !== 'map') rate.is = share(node, at);
  else {
    at.keys(node, 'a share from 0 to 1', {
      of: (value, place) => {
        const of = counted.find((name) => value.kind === 'scalar' && value.value === name);
        if (of) rate.of = of;
        else place.wrong(value, `expected one of ${counted.join(', ')}`);
      },
      is: (value, place) => {
        rate.is = share(value, place);
      },
      tolerance: (value, place) => {
        rate.tolerance = share(value, place);
      },
    });
    if (Number.isNaN(rate.is)) at.wrong(node, 'expected is: with the share that is kept, such as 0.1');
  }
  return rate;
}

/** `- span: { name: … }`: matched as a subset. */
function patterns(node: Node, at: Reading, to: Pattern[]): void {
  for (const [i, item] of (at.list(node, 'a list such as [{ span: { name: GET } }]')?.items ?? []).entries()) {
    const readers = allKinds.map((kind) => [
      kind.one,
      (value: Node, place: Reading) => {
        const record = readRecord(kind.spec, value, place.as('subset'), `a ${kind.one}`);
        if (record) to.push({ kind, record });
      },
    ]);
    at.in(i).keys(item, 'a map such as { span: { name: GET } }', Object.fromEntries(readers));
  }
}
