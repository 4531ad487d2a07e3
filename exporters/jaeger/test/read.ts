/** A Jaeger batch as any reader gives it: ids in hex, times in nanoseconds, values by their type. */
export interface ReadBatch {
  readonly service: string;
  readonly tags: readonly ReadTag[];
  readonly spans: readonly ReadSpan[];
}

export interface ReadSpan {
  readonly trace: string;
  readonly id: string;
  readonly name: string;
  readonly references: readonly string[];
  readonly flags: number;
  readonly start: bigint;
  readonly duration: bigint;
  readonly tags: readonly ReadTag[];
  readonly logs: readonly ReadLog[];
}

export interface ReadLog {
  readonly time: bigint;
  readonly fields: readonly ReadTag[];
}

/** Type, key and value; binary values are in hex. */
export type ReadTag = readonly [type: 'string' | 'bool' | 'int64' | 'float64' | 'binary', key: string, value: unknown];
