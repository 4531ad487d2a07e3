import type { ComponentStatus, Status } from '../../internal/core/component.ts';

/** Health of the collector, a pipeline or a component: what is below it decides. */
export interface Health {
  readonly status: Status;
  readonly error?: string | undefined;
  /** Wall time of the change, milliseconds. */
  readonly since: number;
  /** Parts by their name, as upstream spells it: `pipeline:traces`, `exporter:otlp`. */
  readonly parts: ReadonlyMap<string, Health>;
}

export interface Rules {
  readonly include_permanent_errors: boolean;
  readonly include_recoverable_errors: boolean;
  /** Milliseconds. */
  readonly recovery_duration: number;
}

const noParts: ReadonlyMap<string, Health> = new Map();

/** @param startedAt stands for the time of a status while there is nothing to look at */
export function collectorHealth(rows: readonly ComponentStatus[], rules: Rules, startedAt: number): Health {
  const groups = new Map<string, Map<string, Health>>();
  for (const { kind, id, pipelines, status, error, since } of rows) {
    const names = kind === 'extension' ? ['extensions'] : pipelines.map((pipeline) => `pipeline:${pipeline}`);
    for (const name of names) {
      const group = groups.get(name) ?? new Map<string, Health>();
      groups.set(name, group.set(`${kind}:${id}`, { status, error, since, parts: noParts }));
    }
  }
  const parts = new Map([...groups].map(([name, members]) => [name, worst(members, rules, startedAt)]));
  return worst(parts, rules, startedAt);
}

/** @returns undefined for a pipeline there is none of */
export function pipelineHealth(collector: Health, pipeline: string): Health | undefined {
  return collector.parts.get(`pipeline:${pipeline}`);
}

/**
 * Upstream's order, pkg/status/aggregation.go of the OpenTelemetry Collector contrib: what all agree on; else a fatal
 * error, then what starts or stops, then errors. An error's time is that of the first one, so that a later one does not
 * restart its recovery; any other status has the time of the latest change.
 */
function worst(parts: ReadonlyMap<string, Health>, rules: Rules, startedAt: number): Health {
  const all = [...parts.values()];
  const status = commonStatus(new Set(all.map((part) => part.status)), rules);
  const isError = status.endsWith('_error');
  const same = all.filter((part) => part.status === status);
  const first = same.reduce<Health | undefined>((a, b) => (a && a.since <= b.since ? a : b), undefined);
  const latest = all.reduce((since, part) => Math.max(since, part.since), 0);
  return {
    status,
    error: isError ? first?.error : undefined,
    since: (isError ? first?.since : latest) || startedAt,
    parts,
  };
}

function commonStatus(seen: ReadonlySet<Status>, rules: Rules): Status {
  const [only] = seen;
  if (!only) return 'starting';
  if (seen.size === 1) return only;
  if (seen.has('fatal_error')) return 'fatal_error';
  if (seen.has('starting')) return 'starting';
  if (seen.has('stopping') || seen.has('stopped')) return 'stopping';
  // The kind that makes unhealthy is the one to hear about.
  const recoverableFirst = rules.include_recoverable_errors && !rules.include_permanent_errors;
  const errors: Status[] = ['permanent_error', 'recoverable_error'];
  return (recoverableFirst ? errors.reverse() : errors).find((status) => seen.has(status)) ?? 'ok';
}

export function isHealthy({ status, since }: Health, rules: Rules, now: number): boolean {
  switch (status) {
    case 'fatal_error':
      return false;
    case 'permanent_error':
      return !rules.include_permanent_errors;
    case 'recoverable_error':
      return !rules.include_recoverable_errors || now < since + rules.recovery_duration;
    default:
      return true;
  }
}

const codes: Readonly<Record<Status, number>> = {
  starting: 503,
  ok: 200,
  recoverable_error: 200,
  permanent_error: 200,
  fatal_error: 500,
  stopping: 503,
  stopped: 503,
};

/** The HTTP status of a v2 answer. */
export function httpCode(health: Health, rules: Rules, now: number): number {
  return isHealthy(health, rules, now) ? codes[health.status] : 500;
}

/** The HTTP status of a v1 answer, which knows 200 and 503 only. */
export function legacyCode({ status }: Health): number {
  return codes[status] === 200 ? 200 : 503;
}
