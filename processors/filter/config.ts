import { z } from 'zod';
import { matchSchema } from '../../internal/attributes/match_config.ts';
import { ignored, object, section, unsupported } from '../../internal/config/fields.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import type { Context } from '../../internal/ottl/index.ts';
import { compileFor, contextFor } from './compile.ts';

/** Read in any case, as upstream does. */
const errorMode = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.enum(['ignore', 'silent', 'propagate']));

/** Conditions of one context; the context's paths need no prefix. */
const conditionsOf = (context: Context, what: string) =>
  z
    .array(z.string())
    .optional()
    .superRefine((conditions, ctx) => {
      for (const [i, text] of (conditions ?? []).entries()) {
        const compiled = compileFor(text, context, false);
        if (!compiled.ok) ctx.addIssue({ code: 'custom', path: [i], message: compiled.message });
      }
    })
    .describe(`${what} where any of these conditions holds are left out. Prefer the list of conditions of the signal.`);

const group = object({
  context: z
    .string()
    .transform((text) => text.toLowerCase())
    .pipe(z.enum(['', 'resource', 'scope', 'span', 'spanevent', 'metric', 'datapoint', 'log']))
    .default('')
    .describe('What the conditions are about; left empty, each tells by the prefix of its paths.'),
  conditions: z.array(z.string()).default([]).describe('Any of them may hold.'),
  error_mode: errorMode.optional().describe('For this group.'),
});

/** What a list of conditions may be made of: conditions, or groups of them. */
const conditionsField = (signal: Signal) =>
  z
    .union([z.array(z.string()), z.array(group)])
    .default([])
    .superRefine((list, ctx) => {
      for (const [i, item] of list.entries()) {
        if (typeof item === 'string') check(signal, '', item, ctx, [i]);
        else
          for (const [j, text] of item.conditions.entries())
            check(signal, item.context, text, ctx, [i, 'conditions', j]);
      }
    })
    .describe(
      'What any of these OTTL conditions holds for is left out; their paths begin with a context, such as span.name.',
    );

function check(
  signal: Signal,
  context: Context | '',
  text: string,
  ctx: z.RefinementCtx,
  path: (string | number)[],
): void {
  const found = contextFor(text, signal, context);
  const compiled = found.ok ? compileFor(text, found.context, context === '') : found;
  if (!compiled.ok) ctx.addIssue({ code: 'custom', path, message: compiled.message });
}

const pairs = z.array(object({ key: z.string().min(1), value: z.unknown().optional() })).default([]);
const matchType = z.enum(['strict', 'regexp']).describe('How names and text values are compared.');

const metricMatch = section(
  object({
    match_type: matchType,
    regexp: ignored('matches are fast enough without a cache'),
    metric_names: z.array(z.string()).default([]),
    expressions: unsupported('write the condition in metric_conditions', [[]]),
    resource_attributes: pairs,
  }),
);

const severities = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** 1 to 24, or TRACE to FATAL4. */
const severity = z.union([z.string(), z.number()]).transform((value, ctx) => {
  const [, name = '', step] = /^([A-Za-z]+)([234]?)$/.exec(String(value)) ?? [];
  const index = severities.indexOf(name.toUpperCase());
  const number = index < 0 ? Number(value) : index * 4 + Number(step || '1');
  if (number >= 1 && number <= 24) return number;
  ctx.addIssue({ code: 'custom', message: `expected a severity such as WARN or 13, got ${JSON.stringify(value)}` });
  return z.NEVER;
});

const logMatch = section(
  object({
    match_type: matchType,
    resource_attributes: pairs,
    record_attributes: pairs,
    severity_texts: z.array(z.string()).default([]),
    severity_number: object({
      min: severity.optional().describe('The lowest that matches.'),
      match_undefined: z.boolean().default(false).describe('Whether records without a severity match.'),
    }).optional(),
    bodies: z.array(z.string()).default([]),
  }),
);

const mixed = (fields: string) => `cannot stand beside ${fields}: put all of it into the list of conditions`;

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/filterprocessor/README.md */
export const schema = object({
  error_mode: errorMode
    .default('ignore')
    .describe(
      'What becomes of a condition that cannot be evaluated. ignore: logged, it does not hold. silent: the same, not logged. propagate: the batch is refused.',
    ),
  trace_conditions: conditionsField('traces'),
  metric_conditions: conditionsField('metrics'),
  log_conditions: conditionsField('logs'),
  profile_conditions: unsupported('there are no profiles here', [[]]),
  traces: section(
    object({
      resource: conditionsOf('resource', 'Resources'),
      span: conditionsOf('span', 'Spans'),
      spanevent: conditionsOf('spanevent', 'Span events'),
    }),
  ),
  metrics: section(
    object({
      include: metricMatch.describe('Metrics that do not match are left out.'),
      exclude: metricMatch.describe('Metrics that match are left out.'),
      regexp: ignored('matches are fast enough without a cache'),
      resource: conditionsOf('resource', 'Resources'),
      metric: conditionsOf('metric', 'Metrics'),
      datapoint: conditionsOf('datapoint', 'Data points'),
    }),
  ),
  logs: section(
    object({
      include: logMatch.describe('Log records that do not match are left out.'),
      exclude: logMatch.describe('Log records that match are left out.'),
      resource: conditionsOf('resource', 'Resources'),
      log_record: conditionsOf('log', 'Log records'),
    }),
  ),
  spans: section(
    object({
      include: matchSchema.describe('Spans that do not match are left out.'),
      exclude: matchSchema.describe('Spans that match are left out.'),
    }),
  ),
  profiles: unsupported('there are no profiles here'),
}).superRefine((config, ctx) => {
  const conflict = (path: string[], others: string) => ctx.addIssue({ code: 'custom', path, message: mixed(others) });
  const { traces, metrics, logs, spans } = config;
  const oldTraces = traces?.resource ?? traces?.span ?? traces?.spanevent;
  const oldMetrics = metrics?.resource ?? metrics?.metric ?? metrics?.datapoint;
  const oldLogs = logs?.resource ?? logs?.log_record;
  if (config.trace_conditions.length > 0 && oldTraces) conflict(['trace_conditions'], 'traces');
  if (config.metric_conditions.length > 0 && (oldMetrics ?? metrics?.include ?? metrics?.exclude)) {
    conflict(['metric_conditions'], 'metrics');
  }
  if (config.log_conditions.length > 0 && (oldLogs ?? logs?.include ?? logs?.exclude))
    conflict(['log_conditions'], 'logs');
  if (oldTraces && (spans?.include ?? spans?.exclude)) conflict(['spans'], 'traces');
  if (oldMetrics && (metrics?.include ?? metrics?.exclude)) conflict(['metrics'], 'include and exclude');
  if (oldLogs && (logs?.include ?? logs?.exclude)) conflict(['logs'], 'include and exclude');
});

export type FilterConfig = z.output<typeof schema>;
export type ErrorMode = FilterConfig['error_mode'];
