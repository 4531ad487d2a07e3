import { z } from 'zod';
import { byteSize, duration, integer, object, unsupported } from '../../internal/config/fields.ts';
import { compileCondition, placed } from '../../internal/ottl/index.ts';
import { splitPath } from './paths.ts';
import { isTimezone } from './timestamp.ts';

const fields = (what: string) =>
  z
    .array(z.string())
    .default([])
    .superRefine((paths, ctx) => {
      for (const [i, path] of paths.entries()) {
        const problem = pathProblem(path);
        if (problem !== undefined) ctx.addIssue({ code: 'custom', path: [i], message: problem });
        else if (paths.indexOf(path) < i)
          ctx.addIssue({ code: 'custom', path: [i], message: `${path} is there twice` });
      }
    })
    .describe(what);

function pathProblem(path: string): string | undefined {
  const [root, ...keys] = splitPath(path);
  if (root !== 'body' && root !== 'attributes') return `expected body.… or attributes.…, got ${JSON.stringify(path)}`;
  return root === 'body' && keys.length === 0 ? 'the whole body cannot stand here: name keys in it' : undefined;
}

/** https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/logdedupprocessor/README.md */
export const schema = object({
  interval: duration('10s')
    .refine((ms) => ms > 0, { message: 'expected more than 0' })
    .describe('How long log records are kept and merged.'),
  log_count_attribute: z.string().min(1).default('log_count').describe('Gets the number of records merged into one.'),
  timezone: z
    .string()
    .default('UTC')
    .refine(isTimezone, { error: ({ input }) => `expected a name such as Europe/Berlin, got ${JSON.stringify(input)}` })
    .describe('Of first_observed_timestamp and last_observed_timestamp.'),
  conditions: z
    .array(z.string())
    .default([])
    .superRefine((conditions, ctx) => {
      for (const [i, text] of conditions.entries()) {
        const compiled = compileCondition(text, 'log');
        if (compiled.ok) continue;
        ctx.addIssue({ code: 'custom', path: [i], message: placed(compiled.problem) });
      }
    })
    .describe('OTTL: only records for which any of these holds are merged, the others pass at once. Empty: all.'),
  exclude_fields: fields(
    'Left out of what is compared, and of what is passed on: attributes.a.b, body.a; a dot in a key is written \\.',
  ),
  include_fields: fields('Only these are compared; a record that has none of them is compared whole.'),
  metadata_keys: unsupported('use a pipeline for each tenant', [[]]),
  metadata_cardinality_limit: unsupported('there are no metadata_keys', [0]),
  max_entries: integer()
    .min(1)
    .max(10_000_000)
    .default(100_000)
    .describe('Different log records kept at once: when that is reached, all are passed on before the interval ends.'),
  max_bytes: byteSize().min(1024).default(67_108_864).describe('The same for their bytes.'),
  spans_window: duration('60s')
    .refine((ms) => ms > 0, { message: 'expected more than 0' })
    .describe('In pipelines of traces: a span that came before within this time, byte by byte, is left out.'),
  max_spans: integer()
    .min(16)
    .max(50_000_000)
    .default(500_000)
    .describe('Spans remembered, 32 bytes each; with more of them the window becomes shorter.'),
})
  .refine(({ include_fields, exclude_fields }) => include_fields.length === 0 || exclude_fields.length === 0, {
    path: ['include_fields'],
    message: 'cannot stand beside exclude_fields',
  })
  .refine(({ include_fields }) => !include_fields.includes('attributes'), {
    path: ['include_fields'],
    message: 'all attributes are compared when nothing is listed: name keys',
  });

export type LogdedupConfig = z.output<typeof schema>;
