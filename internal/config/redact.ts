import type { z } from 'zod';
import { childSchemas, peel } from './schema.ts';

export const redacted = '[REDACTED]';

/** Names that tell of a secret where no schema does. A file's or a variable's name is none. */
const secretName =
  /(?:^|[_-])(?:password|passwd|passphrase|secret|secret_key|tokens?|api_?key|access_key|account_key|private_key|key_pem|credentials?|authorization|cookie)$/i;

/**
 * A copy in which `[REDACTED]` stands for what is secret: fields declared so, the values of `headers`, whatever is named
 * like a password or a token, and passwords within addresses. A `${…}` stays: it only tells where the secret is.
 * @param schemas what describes the value; none where nothing is known of it
 */
export function redact(value: unknown, schemas: readonly z.core.$ZodType[], name = ''): unknown {
  const isSecret = schemas.some((schema) => peel(schema).meta.secret === true) || secretName.test(name);
  if (typeof value === 'string') {
    if (isSecret) return isReference(value) || value === '' ? value : redacted;
    return value.replace(/(\/\/[^/\s:@]*):[^/\s@]+@/g, `$1:${redacted}@`);
  }
  if (Array.isArray(value)) {
    const named = value.some((item) => typeof item === 'object' && item !== null && 'name' in item && 'value' in item);
    return value.map((item, index) => {
      const copy = redact(
        item,
        schemas.flatMap((schema) => childSchemas(schema, index)),
        isSecret ? name : '',
      );
      const hides = named && isHeaders(name);
      return hides && typeof copy === 'object' ? { ...copy, value: redacted } : copy;
    });
  }
  if (typeof value !== 'object' || value === null) return isSecret && typeof value === 'number' ? redacted : value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      redact(
        inner,
        schemas.flatMap((schema) => childSchemas(schema, key)),
        isHeaders(name) ? 'secret' : key,
      ),
    ]),
  );
}

function isHeaders(name: string): boolean {
  return /(?:^|_)headers$/.test(name);
}

/** Not one with a default, which would be the secret itself. */
function isReference(text: string): boolean {
  return /^\$\{(?:(?:env|file):)?[\w./-]+\}$/.test(text);
}
