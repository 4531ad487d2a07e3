import { z } from 'zod';
import { object, secret } from '../../internal/config/fields.ts';
import { defineExtension } from '../../internal/core/component.ts';
import { BearerTokenAuth } from './bearer.ts';

/** Upstream's fields, extension/bearertokenauthextension of the OpenTelemetry Collector contrib. */
const schema = object({
  header: z.string().min(1).default('Authorization').describe('Header that carries the token.'),
  scheme: z.string().default('Bearer').describe('Word before the token; empty: the token alone.'),
  token: secret().optional().describe('The token that is sent, and accepted.'),
  tokens: z.array(secret()).default([]).describe('Tokens that are accepted; a client sends the first.'),
  filename: z.string().optional().describe('File with one token per line, read again when it changes.'),
}).superRefine(({ token, tokens, filename }, ctx) => {
  const ways = [
    token !== undefined && 'token',
    tokens.length > 0 && 'tokens',
    filename !== undefined && 'filename',
  ].filter(Boolean);
  if (ways.length !== 1) {
    const got = ways.length === 0 ? 'none of them' : ways.join(' and ');
    ctx.addIssue({ code: 'custom', message: `expected exactly one of token, tokens and filename, got ${got}` });
  }
  if (token === '' || tokens.includes(''))
    ctx.addIssue({ code: 'custom', message: 'expected a token that is not empty' });
});

export type BearerTokenAuthConfig = z.output<typeof schema>;

export default defineExtension<BearerTokenAuthConfig>({
  type: 'bearertokenauth',
  aliases: ['bearer_token_auth'],
  signals: [],
  stability: 'beta',
  summary: 'Checks a token of incoming requests, and adds one to outgoing requests',
  schema,
  create: (settings, config) => new BearerTokenAuth(settings, config),
});
