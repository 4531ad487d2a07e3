import { z } from 'zod';
import { compileRegex, placed } from '../ottl/index.ts';

/** A field that holds a regular expression of Go's dialect (RE2). */
export function pattern() {
  return z.string().superRefine((text, ctx) => {
    const regex = compileRegex(text);
    if (!regex.ok) ctx.addIssue({ code: 'custom', message: placed(regex.problem) });
  });
}
