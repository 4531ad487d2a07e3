import { z } from 'zod';
import { object, unsupported } from '../../internal/config/fields.ts';
import type { Signal } from '../../internal/otlp/payload.ts';
import { problemsOf } from './groups.ts';

/** Read in any case, as upstream does. */
const errorMode = z
  .string()
  .transform((text) => text.toLowerCase())
  .pipe(z.enum(['ignore', 'silent', 'propagate']));

const group = object({
  context: z
    .string()
    .transform((text) => text.toLowerCase())
    .pipe(z.enum(['', 'resource', 'scope', 'span', 'spanevent', 'metric', 'datapoint', 'log']))
    .default('')
    .describe('What the statements are about; left empty, the prefixes of their paths tell.'),
  conditions: z
    .array(z.string())
    .default([])
    .describe('The statements are carried out where any of these holds; without any, everywhere.'),
  statements: z.array(z.string()).default([]).describe('Carried out in this order on each record.'),
  error_mode: errorMode.optional().describe('For this group.'),
});

/** Statements, or groups of them. */
const statementsField = (signal: Signal) =>
  z
    .union([z.array(z.string()), z.array(group)])
    .default([])
    .superRefine((list, ctx) => {
      for (const { path, message } of problemsOf(signal, list))
        ctx.addIssue({ code: 'custom', path: [...path], message });
    })
    .describe(
      'OTTL statements whose paths begin with a context, such as span.name; or groups of them, each a pass of its own.',
    );

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/transformprocessor/README.md */
export const schema = object({
  error_mode: errorMode
    .default('ignore')
    .describe(
      'What becomes of a statement that fails. ignore: logged, the next one is carried out. silent: the same, not logged. propagate: the batch is refused.',
    ),
  trace_statements: statementsField('traces'),
  metric_statements: statementsField('metrics'),
  log_statements: statementsField('logs'),
  profile_statements: unsupported('there are no profiles here', [[]]),
  flatten_data: unsupported('statements about resources here change the resource of all its records', [false]),
});

export type TransformConfig = z.output<typeof schema>;
export type StatementList = TransformConfig['trace_statements'];
export type ErrorMode = TransformConfig['error_mode'];
