import { logMatcher, type Matcher, metricMatcher, spanMatcher } from '../../internal/attributes/match.ts';
import type { MatchConfig } from '../../internal/attributes/match_config.ts';
import type { Settings } from '../../internal/core/component.ts';
import { Notice } from '../../internal/core/notice.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { type CompiledCondition, type Context, OttlError, type Scene } from '../../internal/ottl/index.ts';
import { compileFor, contextFor } from './compile.ts';
import type { ErrorMode, FilterConfig } from './config.ts';

/** Whether what the scene stands on is left out. */
export type Judge = (scene: Scene) => boolean;
/** The judges of one round, by what they judge. */
export type Round = Partial<Record<Context, Judge>>;

/** A condition could not be evaluated, and `error_mode` is propagate. */
export class ConditionFailed extends Error {}

/** The rounds of a signal, one after the other: a later one sees what an earlier one has left. */
export function roundsOf(signal: Signal, config: FilterConfig, settings: Settings): Round[] {
  const builder = new Builder(settings);
  const list = { traces: config.trace_conditions, metrics: config.metric_conditions, logs: config.log_conditions }[
    signal
  ];
  const groups = list.filter((item) => typeof item !== 'string');
  const plain = list.filter((item) => typeof item === 'string');
  if (plain.length > 0) return [builder.round(signal, '', plain, config.error_mode)];
  if (groups.length > 0) {
    return groups.map(({ context, conditions, error_mode }) => {
      return builder.round(signal, context, conditions, error_mode ?? config.error_mode);
    });
  }
  return [{ ...builder.named(config, signal), ...matched(config, signal) }].filter(
    (round) => Object.keys(round).length > 0,
  );
}

class Builder {
  readonly #settings: Settings;
  readonly #notice: Notice;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#notice = new Notice(settings.clock);
  }

  round(signal: Signal, named: Context | '', conditions: readonly string[], mode: ErrorMode): Round {
    const byContext = new Map<Context, string[]>();
    for (const text of conditions) {
      const found = contextFor(text, signal, named);
      if (!found.ok) throw new Error(found.message);
      byContext.set(found.context, [...(byContext.get(found.context) ?? []), text]);
    }
    return Object.fromEntries(
      Array.from(byContext, ([context, texts]) => [context, this.#judge(context, texts, mode, named === '')]),
    );
  }

  /** The older lists, each of one context. */
  named({ traces, metrics, logs, error_mode }: FilterConfig, signal: Signal): Round {
    const lists: Partial<Record<Context, readonly string[] | undefined>> = {
      traces: { resource: traces?.resource, span: traces?.span, spanevent: traces?.spanevent },
      metrics: { resource: metrics?.resource, metric: metrics?.metric, datapoint: metrics?.datapoint },
      logs: { resource: logs?.resource, log: logs?.log_record },
    }[signal];
    const round: Round = {};
    for (const [context, texts] of Object.entries(lists) as [Context, readonly string[] | undefined][]) {
      if (texts && texts.length > 0) round[context] = this.#judge(context, texts, error_mode, false);
    }
    return round;
  }

  /** Holds where any condition does. */
  #judge(context: Context, texts: readonly string[], mode: ErrorMode, prefixed: boolean): Judge {
    const { clock, random } = this.#settings;
    const surroundings = { now: () => BigInt(Math.round(clock.now() * 1e6)), random };
    const conditions = texts.map((text) => {
      const compiled = compileFor(text, context, prefixed, surroundings);
      if (!compiled.ok) throw new Error(compiled.message);
      return compiled;
    });
    if (conditions.length === 1) return this.#one(conditions[0]!, texts[0]!, mode);
    const judges = conditions.map((condition, i) => this.#one(condition, texts[i]!, mode));
    return (scene) => judges.some((judge) => judge(scene));
  }

  #one(condition: CompiledCondition, text: string, mode: ErrorMode): Judge {
    return (scene) => {
      try {
        return condition.test(scene);
      } catch (thrown) {
        if (!(thrown instanceof OttlError)) throw thrown;
        if (mode === 'propagate')
          throw new ConditionFailed(`the condition ${text} could not be evaluated: ${thrown.message}`);
        if (mode === 'ignore') this.#log(text, thrown.message);
        return false;
      }
    };
  }

  #log(condition: string, error: string): void {
    this.#notice.event((leftOut) => {
      const fields = { condition, error, left_out_before: leftOut };
      this.#settings.logger.warn(
        'a condition could not be evaluated and counts as not holding (error_mode: ignore)',
        fields,
      );
    });
  }
}

type MetricMatch = NonNullable<FilterConfig['metrics']>['include'];

/** The oldest form: include and exclude by names and values. */
function matched({ spans, metrics, logs }: FilterConfig, signal: Signal): Round {
  if (signal === 'traces') {
    const judge = unlessMatched(spans?.include, spans?.exclude, spanMatcher, (scene) => scene.span);
    return judge ? { span: judge } : {};
  }
  if (signal === 'metrics') {
    // Resources and names are judged apart: either is enough to be left out.
    const as = (
      match: MetricMatch,
      key: 'metric_names' | 'resources',
      list: MatchConfig['resources'] | string[] = [],
    ) => (match && list.length > 0 ? { ...blank, match_type: match.match_type, [key]: list } : undefined);
    const names = (match: MetricMatch) => as(match, 'metric_names', match?.metric_names);
    const resources = (match: MetricMatch) => as(match, 'resources', match?.resource_attributes);
    const { include, exclude } = metrics ?? {};
    const metric = unlessMatched(names(include), names(exclude), metricMatcher, (scene) => scene.metric);
    const onResource = unlessMatched(resources(include), resources(exclude), metricMatcher, () => undefined as never);
    return { ...(onResource && { resource: onResource }), ...(metric && { metric }) };
  }
  const as = (match: NonNullable<FilterConfig['logs']>['include']) =>
    match && {
      ...blank,
      match_type: match.match_type,
      resources: match.resource_attributes,
      attributes: match.record_attributes,
      log_severity_texts: match.severity_texts,
      log_bodies: match.bodies,
      ...(match.severity_number?.min === undefined
        ? {}
        : { log_severity_number: { ...match.severity_number, min: match.severity_number.min } }),
    };
  const judge = unlessMatched(as(logs?.include), as(logs?.exclude), logMatcher, (scene) => scene.log);
  return judge ? { log: judge } : {};
}

const blank = {
  services: [],
  span_names: [],
  span_kinds: [],
  log_bodies: [],
  log_severity_texts: [],
  metric_names: [],
  attributes: [],
  resources: [],
  libraries: [],
};

function unlessMatched<R>(
  include: MatchConfig | undefined,
  exclude: MatchConfig | undefined,
  matcher: (config: MatchConfig) => Matcher<R>,
  recordOf: (scene: Scene) => R,
): Judge | undefined {
  const wanted = include && matcher(include);
  const unwanted = exclude && matcher(exclude);
  if (!wanted && !unwanted) return undefined;
  const matches = ({ group, record }: Matcher<R>, scene: Scene) => {
    return group(scene.resource, scene.scope) && record(recordOf(scene));
  };
  return (scene) =>
    (wanted !== undefined && !matches(wanted, scene)) || (unwanted !== undefined && matches(unwanted, scene));
}
