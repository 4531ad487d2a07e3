import { z } from 'zod';
import { object, secret, section } from '../../internal/config/fields.ts';
import { defineExtension } from '../../internal/core/component.ts';
import { BasicAuth } from './basic.ts';

/** Upstream's fields, extension/basicauthextension of the OpenTelemetry Collector contrib. */
const htpasswd = object({
  file: z.string().optional().describe('File as htpasswd writes it, read again when it changes.'),
  inline: secret().optional().describe('The same, in line; its users win over those of the file.'),
}).refine(({ file, inline }) => file !== undefined || inline !== undefined, 'expected file or inline');

const clientAuth = object({
  username: z.string().optional().describe('The name that is sent.'),
  password: secret().optional().describe('The password that is sent.'),
  username_file: z.string().optional().describe('File with the name, read again when it changes.'),
  password_file: z.string().optional().describe('File with the password, read again when it changes.'),
}).superRefine((value, ctx) => {
  const pairs = [
    ['username', value.username, value.username_file],
    ['password', value.password, value.password_file],
  ] as const;
  for (const [name, text, file] of pairs) {
    if ((text === undefined) === (file === undefined)) {
      ctx.addIssue({ code: 'custom', message: `expected either ${name} or ${name}_file` });
    }
  }
  if (value.username?.includes(':')) ctx.addIssue({ code: 'custom', message: 'expected a username without a colon' });
});

const schema = object({
  htpasswd: section(htpasswd).describe('For servers: who may come in.'),
  client_auth: section(clientAuth).describe('For clients: who they say they are.'),
}).refine(
  (value) => (value.htpasswd === undefined) !== (value.client_auth === undefined),
  'expected either htpasswd (for servers) or client_auth (for clients)',
);

export type BasicAuthConfig = z.output<typeof schema>;

export default defineExtension<BasicAuthConfig>({
  type: 'basicauth',
  aliases: ['basic_auth'],
  signals: [],
  stability: 'beta',
  summary: 'Checks user name and password of incoming requests, or adds them to outgoing requests',
  schema,
  create: (settings, config) => new BasicAuth(settings, config),
});
