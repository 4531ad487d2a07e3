import type { MetricLevel } from '../core/telemetry.ts';

/** A metric of ours as documented. The code that counts states name, labels and level again; a test compares. */
export interface CatalogueEntry {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly level: MetricLevel;
  readonly help: string;
}

export function entry(
  type: CatalogueEntry['type'],
  name: string,
  labels: readonly string[],
  help: string,
  level: MetricLevel = 'basic',
): CatalogueEntry {
  return { name, type, labels, level, help };
}
