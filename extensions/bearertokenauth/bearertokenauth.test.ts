import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testFolder } from '../../internal/testkit/folder.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { BearerTokenAuth } from './bearer.ts';
import factory, { type BearerTokenAuthConfig } from './index.ts';

const schema = factory.schema as unknown as {
  parse(config: unknown): BearerTokenAuthConfig;
  safeParse(config: unknown): { success: boolean; error?: { issues: { message: string }[] } };
};

function make(config: unknown, settings = testSettings()): BearerTokenAuth {
  return new BearerTokenAuth(settings, schema.parse(config));
}

function check(auth: BearerTokenAuth, header: string, value: string, want: boolean) {
  expect(auth.authenticate(new Map([[header, [value]]])).ok, value).toBe(want);
}

test('the token is accepted, the scheme in any case, and nothing else', () => {
  const auth = make({ token: 'secret' });
  check(auth, 'authorization', 'Bearer secret', true);
  check(auth, 'authorization', 'bearer  secret', true);
  check(auth, 'authorization', 'Bearer Secret', false);
  check(auth, 'authorization', 'Bearer secret2', false);
  check(auth, 'authorization', 'Bearer ', false);
  check(auth, 'authorization', 'secret', false);
  check(auth, 'authorization', 'Basic secret', false);
  expect(auth.authenticate(new Map())).toEqual({ ok: false, reason: 'missing header Authorization' });
});

test('several tokens, another header and another scheme', () => {
  const auth = make({ tokens: ['one', 'two'], header: 'X-Api-Key', scheme: '' });
  check(auth, 'x-api-key', 'one', true);
  check(auth, 'x-api-key', 'two', true);
  check(auth, 'x-api-key', 'three', false);
  expect(auth.headers()).toEqual({ 'x-api-key': 'one' });
  check(make({ token: 't', scheme: 'Api Key' }), 'authorization', 'api key t', true);
});

test('a client sends the token with its scheme', () => {
  expect(make({ token: 'secret' }).headers()).toEqual({ authorization: 'Bearer secret' });
});

test('a changed token file takes effect, and one that went away keeps the tokens', async () => {
  const file = join(await testFolder(), 'token');
  const settings = testSettings();
  await writeFile(file, 'old\n');
  const auth = make({ filename: file }, settings);
  await auth.start();
  check(auth, 'authorization', 'Bearer old', true);

  await writeFile(file, 'brandnew\nold\n');
  await expect
    .poll(async () => {
      await settings.clock.advance(5000);
      return auth.headers();
    })
    .toEqual({ authorization: 'Bearer brandnew' });
  check(auth, 'authorization', 'Bearer old', true);

  await writeFile(file, '\n');
  await expect
    .poll(async () => {
      await settings.clock.advance(5000);
      return settings.logger.warnings();
    })
    .toEqual([expect.stringContaining('holds no token')]);
  check(auth, 'authorization', 'Bearer brandnew', true);
  await auth.shutdown();
  expect(settings.clock.timers).toBe(0);
});

test('a token file that cannot be read stops the start, in words', async () => {
  await expect(make({ filename: '/nowhere/token' }).start()).rejects.toThrow(
    'filename: cannot read /nowhere/token: there is no such file. Check the path, and that the volume is mounted',
  );
});

test('exactly one source of tokens is wanted', () => {
  const issue = (config: unknown) => schema.safeParse(config).error?.issues[0]?.message;
  expect(issue({})).toBe('expected exactly one of token, tokens and filename, got none of them');
  expect(issue({ token: 'a', filename: 'b' })).toContain('got token and filename');
  expect(issue({ token: '' })).toBe('expected a token that is not empty');
});
