import { z } from 'zod';
import { enumeration, object } from '../config/fields.ts';
import { compileRegex, placed } from '../ottl/index.ts';

const names = ['insert', 'update', 'upsert', 'delete', 'hash', 'extract', 'convert'] as const;

const fields = object({
  key: z.string().default('').describe('The attribute to act upon; not needed for delete and hash with a pattern.'),
  action: z
    .preprocess((value) => (typeof value === 'string' ? value.toLowerCase() : value), enumeration(names))
    .describe(
      'insert if absent, update if present, upsert, delete, hash (SHA-256), extract by pattern, convert the type.',
    ),
  value: z.unknown().optional().describe('What to set; its YAML type is the attribute’s type.'),
  from_attribute: z.string().default('').describe('Takes the value of this attribute; without it nothing happens.'),
  from_context: z
    .string()
    .default('')
    .describe('Takes the value from the request: metadata.NAME (with include_metadata), auth.NAME, client.address.'),
  default_value: z.unknown().optional().describe('What to set where from_attribute or from_context have nothing.'),
  pattern: z
    .string()
    .default('')
    .describe('RE2: for delete and hash of keys; for extract with named groups, which become attributes.'),
  converted_type: z
    .union([enumeration(['string', 'int', 'double']), z.literal('')])
    .default('')
    .describe('For convert.'),
});

/**
 * One action on attributes, as upstream's attributes and resource processors have it.
 * https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/processor/attributesprocessor/README.md
 */
export const actionSchema = fields.superRefine((action, ctx) => {
  const refuse = (field: string, message: string) => ctx.addIssue({ code: 'custom', path: [field], message });
  const patterned = action.action === 'delete' || action.action === 'hash';
  if (action.key === '' && !(patterned && action.pattern)) {
    refuse('key', patterned ? 'expected a key, a pattern, or both' : 'expected the key of an attribute');
  }
  const sources = [action.value !== undefined, action.from_attribute !== '', action.from_context !== ''];
  const given = sources.filter(Boolean).length;
  if (action.action === 'insert' || action.action === 'update' || action.action === 'upsert') {
    if (given === 0 && action.default_value === undefined) {
      refuse('action', `${action.action} needs one of value, from_attribute, from_context or default_value`);
    }
    if (given > 1) refuse('action', 'takes one source: value, from_attribute or from_context, not several');
  } else if (given > 0) refuse('action', `${action.action} takes no value, from_attribute or from_context`);
  if (action.action === 'convert' ? action.converted_type === '' : action.converted_type !== '') {
    refuse(
      'converted_type',
      action.action === 'convert' ? 'expected string, int or double' : 'is for action convert only',
    );
  }
  for (const field of ['value', 'default_value'] as const) {
    if (losesDigits(action[field])) {
      refuse(field, 'expected whole numbers of at most 2^53: set larger ones by the transform processor');
    }
  }
  checkPattern(action, refuse);
});

/** A whole number that YAML's reader could not hold exactly, at any depth. */
function losesDigits(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(losesDigits);
}

function checkPattern(
  { action, pattern }: z.output<typeof fields>,
  refuse: (field: string, message: string) => void,
): void {
  if (pattern === '') {
    if (action === 'extract') refuse('pattern', 'expected a regular expression with named groups');
    return;
  }
  if (action !== 'delete' && action !== 'hash' && action !== 'extract') {
    refuse('pattern', `is not used by ${action}`);
    return;
  }
  const regex = compileRegex(pattern);
  if (!regex.ok) refuse('pattern', placed(regex.problem));
  else if (action === 'extract') {
    const groups = regex.groupNames.slice(1);
    if (groups.length === 0 || groups.some((name) => !name)) {
      refuse('pattern', 'every group needs a name, such as (?P<user>\\w+): it becomes the attribute’s key');
    }
  }
}

export type ActionConfig = z.output<typeof actionSchema>;
