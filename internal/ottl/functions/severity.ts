import type { Args } from '../args.ts';
import type { Scene } from '../scene.ts';
import { fail, typeName, type Value, ValueMap } from '../values.ts';

interface Criterion {
  readonly equals: readonly string[];
  readonly min: bigint;
  readonly max: bigint;
}

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  '2xx': [200n, 299n],
  '3xx': [300n, 399n],
  '4xx': [400n, 499n],
  '5xx': [500n, 599n],
};

/** `ParseSeverity(attributes["level"], {"error": [{"equals": ["err"]}, {"range": "5xx"}]})`: the level whose criteria fit. */
export function severityFrom(args: Args): (scene: Scene) => Value {
  const target = args.any('target');
  const mapping = args.literal('mapping')?.value;
  if (!(mapping instanceof ValueMap)) args.refuse('mapping', 'expected a map, written out');
  const wrong = (why: string): never => args.refuse('mapping', why);
  const levels = mapping.pairs.map(({ key, value }) => {
    if (!Array.isArray(value)) wrong(`${key}: expected a list of criteria`);
    return { level: key, criteria: (value as Value[]).map((one) => criterion(one, wrong)) };
  });
  return (scene) => {
    const value = target(scene);
    if (typeof value !== 'string' && typeof value !== 'bigint') fail(`cannot map ${typeName(value)} to a level`);
    const found = levels.find(({ criteria }) => criteria.some((one) => fits(one, value)));
    return found?.level ?? fail(`no level for ${JSON.stringify(String(value).slice(0, 64))}`);
  };
}

function fits({ equals, min, max }: Criterion, value: string | bigint): boolean {
  return typeof value === 'string' ? equals.includes(value) : value >= min && value <= max;
}

function criterion(value: Value, wrong: (why: string) => never): Criterion {
  if (!(value instanceof ValueMap)) wrong('expected criteria such as {"equals": ["err"]} or {"range": "5xx"}');
  const equals = value.get('equals') ?? [];
  if (!Array.isArray(equals) || !equals.every((one) => typeof one === 'string'))
    wrong('equals: expected a list of strings');
  const range = value.get('range');
  if (range === undefined) return { equals: equals as string[], min: 1n, max: 0n };
  if (typeof range === 'string') {
    const [min, max] =
      (Object.hasOwn(ranges, range) && ranges[range]) || wrong(`range: expected ${Object.keys(ranges).join(', ')}`);
    return { equals: equals as string[], min, max };
  }
  const min = range instanceof ValueMap ? range.get('min') : undefined;
  const max = range instanceof ValueMap ? range.get('max') : undefined;
  if (typeof min !== 'bigint' || typeof max !== 'bigint') wrong('range: expected {"min": 1, "max": 2}');
  return { equals: equals as string[], min, max };
}
