import { type presetNames, presetRule, type Rule, type RuleInput } from './rules.ts';

type Preset = (typeof presetNames)[number];

/** https://opentelemetry.io/docs/specs/semconv/ : what holds wherever these attributes stand. */
const semanticConventions: readonly RuleInput[] = [
  { name: 'semconv.service.name', on: 'resource', required: ['service.name'], impact: 'important' },
  {
    name: 'semconv.http.request.method',
    allowed: {
      attribute: 'http.request.method',
      values: ['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY', 'TRACE', '_OTHER'],
    },
  },
  { name: 'semconv.http.response.status_code', type: { attribute: 'http.response.status_code', is: 'int' } },
  { name: 'semconv.server.port', type: { attribute: 'server.port', is: 'int' } },
  { name: 'semconv.url.full', type: { attribute: 'url.full', is: 'string' } },
  { name: 'semconv.error.type', type: { attribute: 'error.type', is: 'string' } },
  {
    name: 'semconv.deprecated',
    forbidden: ['http.method', 'http.status_code', 'http.url', 'net.peer.name', 'net.peer.port', 'db.statement'],
    impact: 'low',
  },
];

/** https://github.com/instrumentation-score/spec/tree/main/rules : those that one batch can judge, with their impact. */
const instrumentationScore: readonly RuleInput[] = [
  { name: 'RES-001', on: 'resource', required: ['service.instance.id'], impact: 'normal' },
  {
    name: 'RES-004',
    forbidden: ['service.name', 'service.namespace', 'service.instance.id', 'telemetry.sdk.name'],
    impact: 'important',
  },
  { name: 'RES-005', on: 'resource', required: ['service.name'], impact: 'critical' },
  { name: 'SPA-002', signals: ['traces'], parent_present: true, impact: 'normal' },
  { name: 'MET-002', signals: ['metrics'], unit_present: true, impact: 'important' },
];

const presets: Readonly<Record<Preset, readonly RuleInput[]>> = {
  semantic_conventions: semanticConventions,
  instrumentation_score: instrumentationScore,
};

export function presetRules(preset: Preset): Rule[] {
  return presets[preset].map((input) => presetRule.parse(input));
}
