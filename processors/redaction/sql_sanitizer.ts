import { trimSpace } from '../../internal/ottl/index.ts';
import { SqlTokens } from './sql_tokens.ts';

/**
 * An SQL text with `?` in place of its literals, `$1` among them, and of the digits in its names. All else stays, comments
 * and spaces too, but for those at the ends; so does what is cut off inside a comment, a quoted name or $$...$$.
 *
 * Source: https://github.com/DataDog/datadog-agent/tree/main/pkg/obfuscate, which upstream uses with obfuscate_only
 */
export function withoutSqlLiterals(query: string, system = ''): string {
  const tokens = new SqlTokens(query, system === 'mysql');
  let out = '';
  let kept = 0;
  while (tokens.next()) {
    if (tokens.kind === 'other') continue;
    out += query.slice(kept, tokens.start) + replacement(tokens, query, system);
    kept = tokens.end;
  }
  return trimSpace(out + query.slice(kept, tokens.end));
}

const FUNCTION_TAG = '$func$';

function replacement({ kind, start, end }: SqlTokens, query: string, system: string): string {
  if (kind === 'literal') return '?';
  const token = query.slice(start, end);
  if (kind === 'name') return token.replace(/[0-9]+/g, '?');
  const body = token.slice(FUNCTION_TAG.length, -FUNCTION_TAG.length);
  return FUNCTION_TAG + withoutSqlLiterals(body, system) + FUNCTION_TAG;
}
