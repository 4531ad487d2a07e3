import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AuthResult, ServerAuthenticator } from '../../internal/core/auth.ts';
import { testFolder } from '../../internal/testkit/folder.ts';
import { testSettings } from '../../internal/testkit/settings.ts';
import { BasicAuth } from './basic.ts';
import factory, { type BasicAuthConfig } from './index.ts';

function login(user: string, password: string): ReadonlyMap<string, readonly string[]> {
  return new Map([['authorization', [`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`]]]);
}

async function started(config: BasicAuthConfig, settings = testSettings()): Promise<BasicAuth> {
  const auth = new BasicAuth(settings, config);
  await auth.start();
  return auth;
}

async function check(auth: ServerAuthenticator, user: string, password: string, want: boolean) {
  const result: AuthResult = await auth.authenticate(login(user, password));
  expect(result.ok, `${user}:${password}`).toBe(want);
  if (result.ok) expect(result.attributes).toEqual({ username: user });
}

/** Made by crypt(3), `openssl passwd -apr1` and sha1sum, all for `secret` but the ones that say otherwise. */
const lines = `
# comment
plain:secret
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
apr1:$apr1$8sFt66rZ$eup.HOtZcQ/VrnApBM3rR/
bcrypt:$2b$06$DCq7YPn5Rq63x1Lad4cll.e43LStvxMfJCRfEqtUuS2mXt0nLVoeu
umlaut:$2y$05$CCCCCCCCCCCCCCCCCCCCC.FJj9w2dMxG/OMSU5q.D3h/cEq6ERrnu
empty:$2b$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.
`;

test('each kind of htpasswd line accepts its password and no other', async () => {
  const auth = await started({ htpasswd: { inline: lines } });
  for (const [user, password] of [
    ['plain', 'secret'],
    ['sha', 'secret'],
    ['apr1', 'secret'],
    ['bcrypt', 'x'],
    ['umlaut', 'pässword'],
    ['empty', ''],
  ] as const) {
    await check(auth, user, password, true);
    // The second time it is remembered.
    await check(auth, user, password, true);
    await check(auth, user, `${password}x`, false);
  }
  await check(auth, 'nobody', 'secret', false);
});

test('a hash is never taken for a plain password', async () => {
  const auth = await started({ htpasswd: { inline: lines } });
  await check(auth, 'sha', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', false);
  for (const hash of ['$6$salt$abc', '$5$salt$abc', '{MD5}abc', '$2y$10$short', '{SHA}short', '$argon2id$v=19$x']) {
    await expect(started({ htpasswd: { inline: `user:${hash}` } })).rejects.toThrow(
      /htpasswd.inline: line 1, user user: /,
    );
  }
  await expect(started({ htpasswd: { inline: `u:$2y$20$${'a'.repeat(53)}` } })).rejects.toThrow(
    /cost 20 takes seconds/,
  );
});

test('a request without a proper Authorization header is refused', async () => {
  const auth = await started({ htpasswd: { inline: 'a:b' } });
  for (const value of ['Bearer abc', 'Basic', 'Basic !!!', `Basic ${Buffer.from('no colon').toString('base64')}`]) {
    expect(await auth.authenticate(new Map([['authorization', [value]]]))).toMatchObject({ ok: false });
  }
  expect(await auth.authenticate(new Map())).toEqual({ ok: false, reason: 'missing header Authorization' });
});

test('a changed file takes effect, a broken one does not', async () => {
  const file = join(await testFolder(), 'htpasswd');
  const settings = testSettings();
  await writeFile(file, 'a:one');
  const auth = await started({ htpasswd: { file } }, settings);
  await check(auth, 'a', 'one', true);

  await writeFile(file, 'a:second');
  await expect
    .poll(async () => {
      await settings.clock.advance(5000);
      return (await auth.authenticate(login('a', 'second'))).ok;
    })
    .toBe(true);
  await check(auth, 'a', 'one', false);

  await writeFile(file, 'nonsense');
  await utimes(file, 1, 1);
  await expect
    .poll(async () => {
      await settings.clock.advance(5000);
      return settings.logger.warnings().length;
    })
    .toBe(1);
  await settings.clock.advance(60_000);
  expect(settings.logger.warnings()).toEqual([expect.stringMatching(/line 1: expected user:password.*stays in use/)]);
  await check(auth, 'a', 'second', true);

  await auth.shutdown();
  expect(settings.clock.timers).toBe(0);
});

test('many slow checks at once are refused rather than queued without end', async () => {
  const auth = await started({ htpasswd: { inline: lines } });
  const results = await Promise.all(
    Array.from({ length: 80 }, async (_, i) => auth.authenticate(login('plain', `guess${i}`))),
  );
  const busy = results.filter((result) => !result.ok && result.reason.includes('too many'));
  expect(busy).toHaveLength(16);
  await check(auth, 'plain', 'secret', true);
});

test('a client sends what it is told, from files too', async () => {
  const dir = await testFolder();
  await writeFile(join(dir, 'password'), 'se:cret\n');
  const auth = await started({ client_auth: { username: 'me', password_file: join(dir, 'password') } });
  expect(auth.headers()).toEqual({ authorization: `Basic ${Buffer.from('me:se:cret').toString('base64')}` });
  await auth.shutdown();
  await expect(started({ client_auth: { username: 'me', password_file: join(dir, 'missing') } })).rejects.toThrow(
    /client_auth.password_file: cannot read .*missing: there is no such file/,
  );
});

test('a configuration with both sides, or half a side, is refused', () => {
  const parse = (config: unknown) =>
    (factory.schema as unknown as { safeParse(c: unknown): { success: boolean } }).safeParse(config);
  expect(parse({ htpasswd: { inline: 'a:b' } }).success).toBe(true);
  expect(parse({ client_auth: { username: 'a', password: 'b' } }).success).toBe(true);
  expect(parse({}).success).toBe(false);
  expect(parse({ htpasswd: { inline: 'a:b' }, client_auth: { username: 'a', password: 'b' } }).success).toBe(false);
  expect(parse({ client_auth: { username: 'a' } }).success).toBe(false);
  expect(parse({ client_auth: { username: 'a:b', password: 'c' } }).success).toBe(false);
});
