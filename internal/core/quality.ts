/** How good the telemetry is that one component judged: a row of `GET /quality`. */
export interface QualityReport {
  /** Wall time since which it counts, milliseconds since 1970. */
  readonly since: number;
  /** Worst first. */
  readonly services: readonly ServiceQuality[];
}

export interface ServiceQuality {
  readonly service: string;
  readonly items: number;
  /** 0 to 100: the share of checks passed by rule, weighted by the rules' impact. */
  readonly score: number;
  /** Most frequent first; rules that nothing violated are left out. */
  readonly violations: readonly {
    readonly rule: string;
    readonly action: string;
    readonly count: number;
    readonly checked: number;
    readonly example: string;
  }[];
}
